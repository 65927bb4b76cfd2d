"""Claims: a lane takes deliveries of one message in one statement that also takes out whoever has left."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef

from publisher.deliver.journal import boot_id
from publisher.models import Claim, Delivery, Message
from publisher.models.counting import move_counts
from publisher.models.raw import db_values
from publisher.schedule.destinations import Slowed
from publisher.schedule.first_wave import room_in_wave
from publisher.schedule.stops import not_stopped
from publisher.schedule.warm_up import room_in_warm_up, sender_domain, used_up
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet

LEASE = timedelta(seconds=60)
# A lane renews its claims each second; one that has not for so long is no lane any more.
RENEWED_WITHIN = timedelta(seconds=10)

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

_NEXT = """SELECT {columns} FROM publisher_delivery
    WHERE message_id = %s AND status = 'pending' AND due_at <= %s
    ORDER BY due_at, id LIMIT %s {skip_locked}"""

_THESE = "SELECT id FROM publisher_delivery WHERE id IN ({places})"

_LATER = "UPDATE publisher_delivery SET due_at = %s WHERE id = %s AND status = 'pending'"

# The inner SELECT is materialised: with a plain `IN (SELECT … LIMIT)` some plans were seen to take far more than LIMIT.
_CLAIM = f"""
WITH picked AS MATERIALIZED ({{picked}}), judged AS MATERIALIZED (
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
SELECT d.id, p.address, p.name, s.token, d.attempts, {_GONE} FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' ORDER BY d.due_at, d.id
"""

_LEFT_SINCE = f"""
SELECT d.id FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' AND {_GONE} IS NOT NULL
"""


@dataclass(frozen=True)
class Claimed:
    """One delivery in hand, with all that is needed to write to its recipient."""

    delivery_id: int
    address: str
    name: str
    token: str
    attempts: int


def next_message(now: datetime) -> Message | None:
    """The message that should be served next: in `sending`, with something due, and its organisation's turn.

    That is the organisation with the fewest claims in hand, so that none has more than its share of the lanes; of
    those, and of its messages, the one least recently served.
    """
    due = Delivery.objects.filter(message=OuterRef("pk"), status=DeliveryStatus.PENDING, due_at__lte=now)
    sending = not_stopped(Message.objects.filter(status=MessageStatus.SENDING, outlet=Outlet.EMAIL))
    found = list(
        sending.filter(Exists(due))
        .exclude(wave_until__gt=now)
        .select_related("campaign__organisation", "newsletter")
        # The whole mail, which nobody needs here, for every batch anew.
        .defer("composed_html", "composed_text")
        .order_by(F("served_at").asc(nulls_first=True), "pk")
    )
    if found and settings.OPSLAG_WARMUP_DOMAINS:
        tired = used_up(now)
        found = [each for each in found if each.newsletter is None or sender_domain(each.newsletter) not in tired]
    organisations = {each.campaign.organisation_id for each in found}
    if len(organisations) < 2:
        return found[0] if found else None
    return _fairest(found, now)


def _fairest(found: Sequence[Message], now: datetime) -> Message:
    """Of messages of several organisations, which stand in the order in which they were served."""
    # Claims of a lane that died are not renewed any more, and nobody's share.
    alive = Claim.objects.filter(lease_until__gt=now + LEASE - RENEWED_WITHIN)
    by_organisation = alive.values_list("message__campaign__organisation").annotate(number=Count("pk"))
    in_hand: dict[int, int] = dict(by_organisation.order_by())
    last: dict[int, datetime] = {}
    for message in found:
        if message.served_at is not None:
            last[message.campaign.organisation_id] = message.served_at
    never = datetime.min.replace(tzinfo=UTC)

    def turn(message: Message) -> tuple[int, datetime]:
        organisation = message.campaign.organisation_id
        return in_hand.get(organisation, 0), last.get(organisation, never)

    return min(found, key=turn)


def anything_due(now: datetime) -> bool:
    """Whether a lane would find work."""
    return next_message(now) is not None


def serve(message: Message, now: datetime) -> None:
    """Note that the message has its turn: not part of the claim, since lanes of one message would wait for the row."""
    Message.objects.filter(pk=message.pk).update(served_at=now)


def take(
    message: Message,
    claim_id: uuid.UUID,
    run_id: uuid.UUID,
    journal: str,
    lane: int,
    limit: int,
    now: datetime,
    slowed: Slowed | None = None,
) -> int:
    """Claim up to `limit` due deliveries of the message; answers how many are now in hand.

    Whoever left since the freeze becomes suppressed or cancelled in the same transaction. The journal must already
    name `claim_id`. Never more than its first wave and its sender's warm-up allow; those to `slowed` destinations get
    a later time instead.
    """
    with transaction.atomic():
        limit = _room(message, limit, now)
        if limit <= 0:
            return 0
        Claim.objects.create(
            id=claim_id,
            run_id=run_id,
            message=message,
            host=settings.OPSLAG_HOST,
            boot_id=boot_id(),
            journal=journal,
            lease_until=now + LEASE,
        )
        moved = _moved(message, claim_id, limit, now, slowed)
        taken = sum(moved.values())
        moved[DeliveryStatus.PENDING.value] -= taken
        move_counts(message.pk, lane, dict(moved))
        if not moved[DeliveryStatus.SENDING.value]:
            Claim.objects.filter(pk=claim_id).delete()
    return moved[DeliveryStatus.SENDING.value]


def _room(message: Message, limit: int, now: datetime) -> int:
    """`limit`, or less where the first wave or the warm-up says so."""
    for room in (room_in_wave(message, now), room_in_warm_up(message, now)):
        limit = limit if room is None else min(limit, room)
    return limit


def _moved(message: Message, claim_id: uuid.UUID, limit: int, now: datetime, slowed: Slowed | None) -> Counter[str]:
    """The statuses that the claimed ones have now."""
    skip_locked = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    picked, values = _NEXT.format(columns="id", skip_locked=skip_locked), [message.pk, now, limit]
    with connection.cursor() as cursor:
        if slowed is not None:
            cursor.execute(_NEXT.format(columns="id, domain", skip_locked=skip_locked), db_values(values))
            go, later = slowed.sort(cursor.fetchall(), now)
            cursor.executemany(_LATER, [db_values([due_at, pk]) for pk, due_at in later])
            if not go:
                return Counter()
            picked, values = _THESE.format(places=", ".join(["%s"] * len(go))), list(go)
        cursor.execute(_CLAIM.format(picked=picked), db_values([*values, claim_id]))
        return Counter(status for _, status in cursor.fetchall())


def recipients(claim_id: uuid.UUID) -> list[Claimed]:
    """The deliveries in hand with their recipients, in the order in which they fell due."""
    with connection.cursor() as cursor:
        cursor.execute(_RECIPIENTS, db_values([claim_id]))
        return [Claimed(*row[:5]) for row in cursor.fetchall() if row[5] is None]


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
