"""Where a news item was published, or is to be: each mail and post of its send-outs, in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from publisher.compose.links import view_url
from publisher.models import Campaign, Message, Organisation, PostPart
from publisher.review.worklist import used_in
from publisher.vocabulary import MessageStatus, Outlet


@dataclass(frozen=True)
class Use:
    """One mail or post. `at`: when it went out, or is to; `address`: where the public sees it, "" if nowhere yet."""

    message: Message
    at: datetime | None
    address: str


@dataclass(frozen=True)
class SendOut:
    """A send-out with what became of each of its messages."""

    campaign: Campaign
    uses: list[Use]


def uses_of(organisation: Organisation, item_id: int) -> list[SendOut]:
    """All send-outs that an item was chosen for, latest first."""
    campaigns = list(used_in(organisation, item_id))
    parts = _first_parts(organisation, campaigns)
    return [
        SendOut(campaign, [_use(each, campaign, parts) for each in campaign.messages.all()]) for campaign in campaigns
    ]


def _first_parts(organisation: Organisation, campaigns: list[Campaign]) -> dict[int, PostPart]:
    """Message id → the first part of its post that stands somewhere."""
    rows = PostPart.objects.for_organisation(organisation).filter(delivery__message__campaign__in=campaigns)
    found: dict[int, PostPart] = {}
    for part in rows.exclude(permalink="").select_related("delivery").order_by("position"):
        found.setdefault(part.delivery.message_id, part)
    return found


def _use(message: Message, campaign: Campaign, parts: dict[int, PostPart]) -> Use:
    # The status of a message depends on its campaign's; this spares a query each.
    message.campaign = campaign
    part = parts.get(message.pk)
    planned = message.scheduled_at or campaign.scheduled_at
    begun = message.started_at if message.status in (MessageStatus.SENDING, MessageStatus.FINISHED) else None
    at = (part.published_at if part else None) or begun or planned
    if message.outlet == Outlet.EMAIL:
        return Use(message, at, view_url(message) if message.composed_html and message.started_at else "")
    return Use(message, at, part.permalink if part else "")
