"""Send-outs for tests, and the little of the sending engine that a review meets: begin, claim, outcome."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.models import Account, Campaign, Delivery, Item, Message, Newsletter
from publisher.models.counting import move_counts
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet, check_transition

LANE = 1


def send_out(item: Item, newsletter: Newsletter | None = None, *accounts: Account) -> Campaign:
    """A draft about `item`: a mail if there is a newsletter, a post for each account."""
    return create_campaign(item.organisation, [item], newsletter=newsletter, accounts=accounts)


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
        Delivery(message=message, status=status, due_at=message.scheduled_at or timezone.now()) for status in statuses
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
    ids = list(Delivery.objects.filter(message=message, status=old).values_list("pk", flat=True)[:number])
    moved = Delivery.objects.filter(pk__in=ids, status=old).update(status=new, reason=reason)
    move_counts(message.pk, LANE, {old: -moved, new: moved})
    return moved


def hand_over(message: Message, ended: DeliveryStatus, number: int = 1) -> None:
    """Send up to `number` waiting deliveries, each ending in `ended`."""
    outcome(message, DeliveryStatus.PENDING, DeliveryStatus.SENDING, number)
    outcome(message, DeliveryStatus.SENDING, ended, number)
