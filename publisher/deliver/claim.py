"""Claims: a lane takes deliveries of one message in one statement that also takes out whoever has left."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef

from publisher.deliver.journal import boot_id
from publisher.models import Claim, Delivery, Message
from publisher.models.counting import move_counts
from publisher.models.raw import db_values
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet

LEASE = timedelta(seconds=60)

# Why somebody is no longer to be mailed, best known first; NULL: is to be mailed. Who left and was signed up again
# without a confirmation has not come back yet.
_GONE = """CASE
    WHEN d.subscriber_id IS NULL OR s.id IS NULL THEN 'erased'
    WHEN x.reason IS NOT NULL THEN x.reason
    WHEN s.unsubscribed_at IS NOT NULL OR s.confirmed_at IS NULL THEN 'unsubscribed'
END"""

_JOINS = """
LEFT JOIN publisher_subscription s ON s.id = d.subscription_id
LEFT JOIN publisher_subscriber p ON p.id = d.subscriber_id
LEFT JOIN publisher_suppression x ON x.organisation_id = p.organisation_id AND x.address_key = p.address_key"""

# The inner SELECT is materialised: with a plain `IN (SELECT … LIMIT)` some plans were seen to take far more than LIMIT.
_CLAIM = f"""
WITH picked AS MATERIALIZED (
    SELECT id FROM publisher_delivery
    WHERE message_id = %s AND status = 'pending' AND due_at <= %s
    ORDER BY due_at, id LIMIT %s {{skip_locked}}
), judged AS MATERIALIZED (
    SELECT d.id AS id, {_GONE} AS gone FROM picked JOIN publisher_delivery d ON d.id = picked.id {_JOINS}
)
UPDATE publisher_delivery SET
    status = CASE WHEN judged.gone IS NULL THEN 'sending' WHEN judged.gone = 'erased' THEN 'cancelled'
                  ELSE 'suppressed' END,
    reason = COALESCE(judged.gone, ''),
    claim_id = %s
FROM judged WHERE judged.id = publisher_delivery.id AND publisher_delivery.status = 'pending'
RETURNING publisher_delivery.id, publisher_delivery.status
"""

_RECIPIENTS = f"""
SELECT d.id, p.address, p.name, s.token, d.attempts, d.choices, {_GONE} FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' ORDER BY d.due_at, d.id
"""

_LEFT_SINCE = f"""
SELECT d.id FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' AND {_GONE} IS NOT NULL
"""


@dataclass(frozen=True)
class Claimed:
    """One delivery in hand, with all that is needed to write to its recipient; `choices`: what of the mail they see."""

    delivery_id: int
    address: str
    name: str
    token: str
    attempts: int
    choices: int


def next_message(now: datetime) -> Message | None:
    """The message that should be served next: in `sending`, with something due, least recently served."""
    due = Delivery.objects.filter(message=OuterRef("pk"), status=DeliveryStatus.PENDING, due_at__lte=now)
    sending = not_stopped(Message.objects.filter(status=MessageStatus.SENDING, outlet=Outlet.EMAIL))
    return (
        sending.filter(Exists(due))
        .select_related("campaign__organisation", "newsletter")
        # The whole mail, which nobody needs here, for every batch anew.
        .defer("composed_html", "composed_text")
        .order_by(F("served_at").asc(nulls_first=True), "pk")
        .first()
    )


def anything_due(now: datetime) -> bool:
    """Whether a lane would find work."""
    return next_message(now) is not None


def serve(message: Message, now: datetime) -> None:
    """Note that the message has its turn: not part of the claim, since lanes of one message would wait for the row."""
    Message.objects.filter(pk=message.pk).update(served_at=now)


def take(
    message: Message, claim_id: uuid.UUID, run_id: uuid.UUID, journal: str, lane: int, limit: int, now: datetime
) -> int:
    """Claim up to `limit` due deliveries of the message; answers how many are now in hand.

    Whoever left since the freeze becomes suppressed or cancelled in the same transaction. The journal must already
    name `claim_id`.
    """
    skip_locked = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with transaction.atomic():
        Claim.objects.create(
            id=claim_id,
            run_id=run_id,
            message=message,
            host=settings.OPSLAG_HOST,
            boot_id=boot_id(),
            journal=journal,
            lease_until=now + LEASE,
        )
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM.format(skip_locked=skip_locked), db_values([message.pk, now, limit, claim_id]))
            moved = Counter(status for _, status in cursor.fetchall())
        taken = sum(moved.values())
        moved[DeliveryStatus.PENDING.value] -= taken
        move_counts(message.pk, lane, dict(moved))
        if not moved[DeliveryStatus.SENDING.value]:
            Claim.objects.filter(pk=claim_id).delete()
    return moved[DeliveryStatus.SENDING.value]


def recipients(claim_id: uuid.UUID) -> list[Claimed]:
    """The deliveries in hand with their recipients, in the order in which they fell due."""
    with connection.cursor() as cursor:
        cursor.execute(_RECIPIENTS, db_values([claim_id]))
        return [Claimed(*row[:-1]) for row in cursor.fetchall() if row[-1] is None]


def left_since(claim_id: uuid.UUID) -> set[int]:
    """Deliveries in hand whose recipient has left since the claim: they must not be started."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_SINCE, db_values([claim_id]))
        return {row[0] for row in cursor.fetchall()}


def may_go_on(message_id: int, approved_revision: int | None) -> bool:
    """Whether the message is still to be sent as it was: not paused, stopped, cancelled or changed."""
    wanted = Message.objects.filter(
        pk=message_id, status=MessageStatus.SENDING, campaign__approved_revision=approved_revision
    )
    return not_stopped(wanted).exists()


def renew(run_id: uuid.UUID, now: datetime) -> set[uuid.UUID]:
    """Keep the claims of this run for another lease; answers which those still are."""
    ours = Claim.objects.filter(run_id=run_id)
    ours.update(lease_until=now + LEASE)
    return set(ours.values_list("pk", flat=True))


def close(claim_ids: Sequence[uuid.UUID]) -> None:
    """Forget claims of which nothing is left in `sending`."""
    open_ones = Delivery.objects.filter(claim_id=OuterRef("pk"), status=DeliveryStatus.SENDING)
    Claim.objects.filter(~Exists(open_ones), pk__in=claim_ids).delete()


def in_hand(claim_id: uuid.UUID) -> list[int]:
    """Every delivery that is still in `sending` under this claim."""
    held = Delivery.objects.filter(claim_id=claim_id, status=DeliveryStatus.SENDING)
    return list(held.values_list("pk", flat=True))
