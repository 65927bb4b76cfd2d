"""What claims have in hand, for tests; and claims of mails whose recipients a test has not made."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from publisher.deliver import claim
from publisher.deliver.outcome import Outcome, store
from publisher.models import Claim, Delivery, Message, status_now, waiting_of
from publisher.models.counting import move_counts
from publisher.models.line import held
from publisher.vocabulary import DeliveryStatus

LANE = 1


def statuses(message: Message) -> Counter[str]:
    """How many deliveries stand where: what is in hand counts as `sending`, whatever its row says."""
    return Counter(Delivery.objects.filter(message=message).annotate(now=status_now()).values_list("now", flat=True))


def take_in_hand(message: Message, number: int) -> int:
    """Claim up to `number` of the mails that wait, whoever they are for and whenever they are due; answers how many."""
    with transaction.atomic():
        first = list(waiting_of(message.pk).order_by("due_at", "pk")[:number])
        if not first:
            return 0
        claimed, last = Message.objects.get(pk=message.pk), first[-1]
        Claim.objects.create(
            run_id=uuid.uuid4(), message=message, host="here", boot_id="x", journal="x",
            lease_until=timezone.now() + timedelta(minutes=1),
            after_due_at=claimed.claimed_due_at, after_id=claimed.claimed_id,
            last_due_at=last.due_at, last_id=last.pk,
        )  # fmt: skip
        Message.objects.filter(pk=message.pk).update(claimed_due_at=last.due_at, claimed_id=last.pk)
        move_counts(message.pk, LANE, {DeliveryStatus.PENDING: -len(first), DeliveryStatus.SENDING: len(first)})
    return len(first)


def settle_in_hand(message: Message, ended: DeliveryStatus, number: int, reason: str = "") -> int:
    """Give up to `number` of the mails in hand their outcome, as a lane does; answers how many there were."""
    settled, at = 0, timezone.now()
    for each in list(Claim.objects.filter(message=message)):
        rows = held(each.pk)[: number - settled]
        results = [Outcome(pk, ended, at, reason, started=ended != DeliveryStatus.PENDING) for pk in rows]
        settled += store(each.pk, message.pk, LANE, results, was=DeliveryStatus.SENDING)
        claim.close([each.pk])
    return settled
