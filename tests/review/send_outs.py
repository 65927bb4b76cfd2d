"""Send-outs for tests, and the little of the sending engine that a review meets: begin, claim, outcome."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.life_cycles import check_transition
from publisher.models import (
    Account,
    Campaign,
    CampaignItem,
    Delivery,
    Item,
    Message,
    Newsletter,
    place_again,
    waiting_of,
)
from publisher.models.counting import move_counts
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet
from tests.claiming import LANE, settle_in_hand, take_in_hand


def send_out(item: Item, newsletter: Newsletter | None = None, *accounts: Account) -> Campaign:
    """A draft about `item`: a mail if there is a newsletter, a post for each account."""
    return create_campaign(item.organisation, [item], newsletter=newsletter, accounts=accounts)


def meant_again(campaign: Campaign) -> Campaign:
    """Somebody has said that its news is sent again where it is known already."""
    CampaignItem.objects.filter(campaign=campaign).update(accepted_again=timezone.now())
    return campaign


def soon() -> datetime:
    """An hour ahead."""
    return timezone.now() + timedelta(hours=1)


def mail_of(campaign: Campaign) -> Message:
    """The campaign's mail, as stored now."""
    return Message.objects.get(campaign=campaign, outlet=Outlet.EMAIL)


def post_of(campaign: Campaign) -> Message:
    """The campaign's only post, as stored now."""
    return Message.objects.get(campaign=campaign, outlet=Outlet.POST)


def freeze(message: Message, waiting: int, skipped: int = 0) -> None:
    """What freezing an audience leaves: deliveries, figures and the count."""
    statuses = [DeliveryStatus.PENDING] * waiting + [DeliveryStatus.SUPPRESSED] * skipped
    Delivery.objects.bulk_create(
        Delivery(message=message, account=message.account, status=status, due_at=message.scheduled_at or timezone.now())
        for status in statuses
    )
    move_counts(message.pk, 0, {DeliveryStatus.PENDING: waiting, DeliveryStatus.SUPPRESSED: skipped})
    Message.objects.filter(pk=message.pk).update(frozen_at=timezone.now(), frozen_count=waiting + skipped)


def begin(message: Message) -> None:
    """Its instant has come: scheduled → sending."""
    Message.objects.filter(pk=message.pk, status=MessageStatus.SCHEDULED).update(
        status=MessageStatus.SENDING, started_at=timezone.now()
    )


def finish(message: Message) -> None:
    """Nothing is left to do: sending → finished."""
    Message.objects.filter(pk=message.pk, status=MessageStatus.SENDING).update(
        status=MessageStatus.FINISHED, finished_at=timezone.now()
    )


def outcome(message: Message, old: DeliveryStatus, new: DeliveryStatus, number: int = 1, reason: str = "") -> int:
    """Move up to `number` deliveries of the message as a lane does; answers how many there were."""
    check_transition(DeliveryStatus, old, new)
    if message.outlet == Outlet.EMAIL and new == DeliveryStatus.SENDING:
        return take_in_hand(message, number)
    if message.outlet == Outlet.EMAIL and old == DeliveryStatus.SENDING:
        return settle_in_hand(message, new, number, reason)
    fields: dict[str, object] = {"status": new, "reason": reason}
    with transaction.atomic():
        rows = Delivery.objects.filter(message=message, status=old)
        if old == DeliveryStatus.PENDING:
            rows = waiting_of(message.pk)
        if new == DeliveryStatus.PENDING and message.outlet == Outlet.EMAIL:
            fields |= {"due_at": place_again(message.pk), "claim_id": None}
        moved = Delivery.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:number])).update(**fields)
        move_counts(message.pk, LANE, {old: -moved, new: moved})
    return moved


def hand_over(message: Message, ended: DeliveryStatus, number: int = 1) -> None:
    """Send up to `number` waiting deliveries, each ending in `ended`."""
    outcome(message, DeliveryStatus.PENDING, DeliveryStatus.SENDING, number)
    outcome(message, DeliveryStatus.SENDING, ended, number)
