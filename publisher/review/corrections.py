"""“Aflyst” and “flyttet”: when an event changes, a correction to those who were told of it is made ready, never sent.

`items.events` notes the change on the item's row, in the transaction that writes it; here the row is found, and the
note goes in the transaction that makes the draft. So each change gives one correction, whatever stops a worker then.
What had not begun when the event changed notes it anew if it goes out with the old words (schedule.withdrawn).
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.notices import notify_approvers
from publisher.compose.corrections import Told, create_correction
from publisher.compose.past_events import post_item
from publisher.compose.viewing import BEGUN
from publisher.errors import Explanation
from publisher.items.events import Facts, differs, facts_in, facts_of, is_over, moment
from publisher.models import Campaign, CampaignItem, CompiledMail, Delivery, Item, ItemRevision, Message
from publisher.models.probe import Moment
from publisher.review.approval import cancel, submit
from publisher.vocabulary import AccountStatus, CampaignStatus, DeliveryStatus, EventStatus, NoticeKind, Outlet

log = logging.getLogger(__name__)

AT_ONCE = 50
# A post that has neither been refused nor called off stands there, or will in a moment.
_NOT_OUT = (DeliveryStatus.FAILED, DeliveryStatus.CANCELLED, DeliveryStatus.SUPPRESSED)
_QUESTIONS = {
    EventStatus.CANCELLED: gettext_noop("“%(title)s” is called off: approve the correction?"),
    EventStatus.POSTPONED: gettext_noop("“%(title)s” is put off: approve the correction?"),
}
_CHANGED = gettext_noop("“%(title)s” has a new time or place: approve the correction?")


def changed(_now: Moment) -> QuerySet[Item]:
    """Events that changed so that whoever was told of them must be told."""
    return Item.objects.filter(event_changed_at__isnull=False)


def prepare_corrections(now: datetime) -> list[int]:
    """Make a correction ready for each changed event that somebody was told of; answers the campaigns made."""
    found = list(changed(now).order_by("event_changed_at").values_list("pk", flat=True)[:AT_ONCE])
    return [campaign for item_id in found if (campaign := _correct(item_id, now)) is not None]


def _correct(item_id: int, now: datetime) -> int | None:
    try:
        with transaction.atomic():
            return _correct_once(item_id, now)
    except (OperationalError, InterfaceError):
        # The database is away or busy: nothing is wrong with the event, the next tick tries again.
        raise
    except Exception:  # whatever one event does, the others must go on
        log.exception("no correction could be made for item %s", item_id)
        _give_up(item_id)
        return None


def _correct_once(item_id: int, now: datetime) -> int | None:
    rows = Item.objects.select_for_update(of=("self",)).select_related("organisation")
    item = rows.filter(pk=item_id, event_changed_at__isnull=False).first()
    if item is None:
        return None
    Item.objects.filter(pk=item.pk).update(event_changed_at=None)
    _withdraw_open(item)
    told = _to_correct(item, now)
    if not told:
        return None
    campaign = create_correction(item, told)
    record(item.organisation, None, "created", campaign, gettext_noop("Correction made, because the event has changed"))
    question = _QUESTIONS.get(EventStatus(item.event_status), _CHANGED)
    submit(campaign, None, words=Explanation(question, {"title": item.title}))
    return campaign.pk


def _withdraw_open(item: Item) -> None:
    """A correction of which nothing has gone out yet says what is not so any more."""
    waiting = Campaign.objects.filter(
        chosen__item=item,
        messages__corrects__isnull=False,
        status__in=(CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED),
    ).exclude(pk__in=Message.objects.filter(BEGUN, campaign__chosen__item=item).values("campaign"))
    for campaign in waiting.distinct():
        cancel(campaign, None)


def _to_correct(item: Item, now: datetime) -> list[Told]:
    """What was told of the event and does not hold any more, by outlet; mails first."""
    if is_over(item, now) and item.event_status != EventStatus.CANCELLED:
        return []
    current = facts_of(item)
    return [told for told in _told(item) if _is_ahead(told.facts, now) and differs(told.facts, current)]


def _is_ahead(facts: Facts, now: datetime) -> bool:
    over = moment(facts, "over_at")
    return over is not None and over > now


def _told(item: Item) -> list[Told]:
    begun = Message.objects.filter(BEGUN, campaign__chosen__item=item, campaign__organisation=item.organisation_id)
    by_outlet: dict[tuple[int, int], list[tuple[Message, Facts]]] = {}
    for message in begun.select_related("campaign", "newsletter", "account").order_by("started_at", "pk"):
        facts = _mail_facts(message, item) if message.outlet == Outlet.EMAIL else _post_facts(message, item)
        if facts:
            key = (message.newsletter_id or 0, message.account_id or 0)
            by_outlet.setdefault(key, []).append((message, facts))
    # Newsletters have 0 in the second place, so they come first.
    outlets = [by_outlet[key] for key in sorted(by_outlet, key=lambda key: (key[1], key[0]))]
    return [Told([message for message, _facts in rows], rows[-1][1]) for rows in outlets]


def _mail_facts(message: Message, item: Item) -> Facts:
    """What the mail says of the event; nothing if its story was left out."""
    left_out = CompiledMail.objects.filter(message=message).values_list("left_out", flat=True).first() or []
    blocks = message.blocks.filter(item=item).exclude(pk__in=left_out)
    return next((block.content["event"] for block in blocks if block.content.get("event")), {})


def _post_facts(message: Message, item: Item) -> Facts:
    """What was known of the event when the post was written; nothing if it is about other news or not to be seen."""
    if post_item(message) != item:
        return {}
    out = Delivery.objects.filter(message=message).exclude(status__in=_NOT_OUT)
    if message.account is None or message.account.status == AccountStatus.DISCONNECTED or not out.exists():
        return {}
    chosen = CampaignItem.objects.filter(campaign=message.campaign_id, item=item).first()
    written = ItemRevision.objects.filter(item=item, number=chosen.item_revision if chosen else 0).first()
    return facts_in(written.content, item.organisation.timezone) if written else {}


def _give_up(item_id: int) -> None:
    item = Item.objects.select_related("organisation").get(pk=item_id)
    words = Explanation(
        gettext_noop("“%(title)s” has changed, but no correction could be made; the log says why. Write one yourself."),
        {"title": item.title},
    )
    with transaction.atomic():
        if Item.objects.filter(pk=item_id, event_changed_at__isnull=False).update(event_changed_at=None):
            notify_approvers(item.organisation, NoticeKind.ALERT, item, words)
