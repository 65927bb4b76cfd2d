"""News that has gone where a send-out is to go, or will: readers get it twice only if a person says so.

A mail says it if one of its stories is about the item, a post if the item is its send-out's first. What could not be
sent, and a post that was taken away again, is not there. A correction is for those who got it, so it asks nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.timezone import localtime
from django.utils.translation import gettext_noop

from publisher.compose.dates import written
from publisher.compose.past_events import post_item
from publisher.errors import Explanation
from publisher.models import (
    Account,
    Campaign,
    CampaignItem,
    CompiledMail,
    DeliveryCount,
    Item,
    Message,
    Newsletter,
    PostPicture,
)
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus, Outlet

_MAILED = gettext_noop("“%(title)s” was sent in %(name)s %(at)s. Say that it is sent again, or leave it out.")
_POSTED = gettext_noop("“%(title)s” was posted on %(name)s %(at)s. Say that it is posted again, or leave it out.")
_TO_BE_MAILED = gettext_noop(
    "“%(title)s” is to be sent in %(name)s %(at)s already. Say that it is sent here, too, or leave it out."
)
_TO_BE_POSTED = gettext_noop(
    "“%(title)s” is to be posted on %(name)s %(at)s already. Say that it is posted here, too, or leave it out."
)
_WILL_BE = (MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD)
# What is unconfirmed may well be out.
_SOME_OUT = DeliveryCount.objects.filter(
    message=OuterRef("pk"), status__in=(DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN), count__gt=0
)
_DELETED = PostPicture.objects.filter(message=OuterRef("pk"), gone_at__isnull=False)
_TAKEN_AWAY = Q(withdrawn_at__isnull=False) | Exists(_DELETED)

# A newsletter's id and an account's, one of them None.
Outlets = tuple[int | None, int | None]


@dataclass(frozen=True)
class Earlier:
    """A mail or post that tells of an item. `at`: when it went out, or will if not `is_out`."""

    item_id: int
    message: Message
    at: datetime
    is_out: bool

    @property
    def outlet(self) -> Outlets:
        """Its newsletter and its account; one of them is None."""
        return self.message.newsletter_id, self.message.account_id


@dataclass(frozen=True)
class Again:
    """A chosen item that `message` would send where it is known already, by `earlier`."""

    chosen: CampaignItem
    message: Message
    earlier: Earlier


def earlier_uses(
    items: Collection[Item], newsletters: Iterable[Newsletter], accounts: Iterable[Account]
) -> list[Earlier]:
    """The mails and posts to these outlets that tell of these items: what is out first, the latest first."""
    outlets = Q(newsletter__in=list(newsletters)) | Q(account__in=list(accounts))
    return _uses(Message.objects.filter(outlets, campaign__chosen__item__in=list(items)))


def _uses(told: QuerySet[Message]) -> list[Earlier]:
    told = told.exclude(_TAKEN_AWAY).annotate(chosen_item=F("campaign__chosen__item"), some_out=Exists(_SOME_OUT))
    will_be = Q(campaign__status=CampaignStatus.APPROVED, status__in=_WILL_BE)
    rows = told.filter(Q(some_out=True) | Q(status=MessageStatus.SENDING) | will_be)
    found = [
        Earlier(row.chosen_item, row, at, is_out)
        for row in rows.select_related("campaign__organisation", "newsletter", "account")
        for is_out in (row.some_out or row.status == MessageStatus.SENDING,)
        if (at := _instant(row, is_out)) and _tells(row, row.chosen_item)
    ]
    return sorted(found, key=lambda each: (each.is_out, each.at), reverse=True)


def sent_again(campaign: Campaign) -> list[Again]:
    """What a draft would send once more, by item and outlet, and nobody has said that it should.

    A person's word holds for what was out or approved when they gave it; what was approved later is asked about anew.
    """
    ours = campaign.messages.filter(corrects=None).exclude(status=MessageStatus.CANCELLED)
    outlets = Q(newsletter__in=ours.values("newsletter")) | Q(account__in=ours.values("account"))
    about = Message.objects.filter(outlets, campaign__chosen__item__in=campaign.chosen.values("item"))
    # Nearly always nothing, so this one question comes first.
    uses = _uses(about.exclude(campaign=campaign))
    if not uses:
        return []
    chosen = {each.item_id: each for each in campaign.chosen.select_related("item")}
    first: dict[tuple[int, Outlets], Earlier] = {}
    for each in uses:
        if not _is_answered(chosen[each.item_id], each):
            first.setdefault((each.item_id, each.outlet), each)
    return [
        Again(chosen[item_id], message, first[item_id, outlet])
        for message in ours.select_related("newsletter", "account", "campaign")
        for item_id in _told_by(message)
        if (item_id, outlet := (message.newsletter_id, message.account_id)) in first
    ]


def accept_again(chosen: Iterable[CampaignItem], now: datetime) -> None:
    """A person has said to send it again."""
    CampaignItem.objects.filter(pk__in=[each.pk for each in chosen]).update(accepted_again=now)


def _instant(message: Message, is_out: bool) -> datetime | None:
    begun = message.started_at if is_out else None
    return begun or message.scheduled_at or message.campaign.scheduled_at


def _told_by(message: Message) -> list[int]:
    """The items (ids) that a mail or post tells of."""
    if message.outlet == Outlet.POST:
        item = post_item(message)
        return [item.pk] if item else []
    stories = message.blocks.filter(item__isnull=False).order_by("position", "pk")
    return list(dict.fromkeys(stories.values_list("item", flat=True)))


def _tells(message: Message, item_id: int) -> bool:
    """Whether a mail or post that was or will be sent tells of an item; not if its story was left out as over."""
    if message.outlet == Outlet.POST:
        item = post_item(message)
        return item is not None and item.pk == item_id
    compiled = CompiledMail.objects.filter(message=message).values_list("left_out", flat=True).first()
    return message.blocks.filter(item=item_id).exclude(pk__in=compiled or []).exists()


def _is_answered(chosen: CampaignItem, earlier: Earlier) -> bool:
    approved_at = earlier.message.campaign.approved_at
    return chosen.accepted_again is not None and (approved_at is None or approved_at <= chosen.accepted_again)


def already_words(earlier: Earlier, title: str) -> Explanation:
    """Where and when an item went out before, or will, and that somebody must say so for it to be sent again."""
    mail = earlier.message.outlet == Outlet.EMAIL
    words = (_MAILED if mail else _POSTED) if earlier.is_out else (_TO_BE_MAILED if mail else _TO_BE_POSTED)
    zone = ZoneInfo(earlier.message.campaign.organisation.timezone)
    at = written(localtime(earlier.at, zone), "long", localtime(timezone=zone).year)
    return Explanation(words, {"title": title, "name": outlet_name(earlier), "at": at})


def outlet_name(earlier: Earlier) -> str:
    """The newsletter's or the channel's name."""
    return str(earlier.message.newsletter or earlier.message.account)
