"""News on its way out that does not hold any more: withdrawn, or of an event that has changed.

Sending what was withdrawn or called off is worse than being late, so what uses it is held for a person. What says an
older day or place goes out, and those who get it are told afterwards (review.corrections).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.compose.renewing import MAY_BE_OFF, called_off_news, withdrawn_news
from publisher.errors import Explanation
from publisher.items.events import differs, facts_in, facts_of
from publisher.items.history import content_at
from publisher.models import CampaignItem, Item, Message, waiting_of
from publisher.models.probe import Moment
from publisher.vocabulary import HoldReason, MessageStatus, Outlet

_WITHDRAWN = gettext_noop("“%(title)s” was taken back by its publisher. Send it all the same, or cancel it")
_OFF = gettext_noop("“%(title)s” is called off or put off, and it says otherwise. Send it all the same, or cancel it")


class Objection(NamedTuple):
    """Why a message must not go (on), and the words for it."""

    why: HoldReason
    words: Explanation


def with_withdrawn_news(now: Moment) -> QuerySet[Message]:
    """Messages that wait or are being sent, of whose campaign an item was withdrawn and nobody said to go on; or that
    wait and may tell of an event that was called off or put off."""
    chosen = CampaignItem.objects.filter(campaign=OuterRef("campaign"))
    taken_back = chosen.filter(item__withdrawn_at__isnull=False)
    open_questions = taken_back.exclude(accepted_withdrawal__isnull=False, accepted_withdrawal=F("item__withdrawn_at"))
    waits = Q(status=MessageStatus.SCHEDULED)
    # Of a post that is being sent nothing can be held back any more.
    going = waits | Q(status=MessageStatus.SENDING, outlet=Outlet.EMAIL)
    return Message.objects.filter((going & Exists(open_questions)) | (waits & Exists(chosen.filter(MAY_BE_OFF))))


def beyond_doubt() -> Q:
    """For a filter over messages: no news in it needs a look of its own before it begins, as nearly none does.

    None was withdrawn, is an event that has changed since it was chosen, or one that is over by then.
    """
    of_events = Q(item__event_starts_at__isnull=False, item__revision__gt=F("item_revision"))
    over = Q(item__event_over_at__lte=OuterRef("scheduled_at"))
    doubtful = Q(item__withdrawn_at__isnull=False) | MAY_BE_OFF | of_events | over
    return ~Q(Exists(CampaignItem.objects.filter(doubtful, campaign=OuterRef("campaign"))))


def why_not(message: Message) -> Objection | None:
    """Why the message must not go (on), by the first news in it that speaks against it; None if nothing does, or if
    nobody is left to get it."""
    is_sent = message.status == MessageStatus.SENDING
    withdrawn = withdrawn_news(message.campaign, message)
    if withdrawn and not (is_sent and not waiting_of(message.pk).exists()):
        return Objection(HoldReason.WITHDRAWN, Explanation(_WITHDRAWN, {"title": withdrawn[0].item.title}))
    off = [] if is_sent else called_off_news(message.campaign, message)
    return Objection(HoldReason.EVENT_OFF, Explanation(_OFF, {"title": off[0].item.title})) if off else None


def have_corrected(message: Message, now: datetime) -> None:
    """Note on each event that a message tells of, as it begins, if it has another day or place by now: the change was
    looked at when nobody had been told the old one yet."""
    newer = message.campaign.chosen.filter(item__event_starts_at__isnull=False, item__revision__gt=F("item_revision"))
    changed = [each.item_id for each in newer.select_related("item__organisation") if _says_otherwise(each)]
    Item.objects.filter(pk__in=changed).update(event_changed_at=now)


def _says_otherwise(chosen: CampaignItem) -> bool:
    item = chosen.item
    written = facts_in(content_at(item, chosen.item_revision) or {}, item.organisation.timezone)
    return bool(written) and differs(written, facts_of(item))
