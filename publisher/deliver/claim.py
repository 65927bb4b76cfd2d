"""Claims: a lane takes deliveries of one message in one statement that also takes out whoever has left."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from publisher.deliver.journal import boot_id
from publisher.models import Claim, Delivery, Message
from publisher.models.counting import move_counts
from publisher.models.raw import db_values
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet

LEASE = timedelta(seconds=60)

# A delivery's place in the line of its message: when it fell due, as the database writes it, and its number.
Place = tuple[str, int]

# Why somebody is no longer to be mailed, best known first; NULL: is to be mailed. Who left and was signed up again
# without a confirmation has not come back yet.
_GONE = """CASE
    WHEN p.id IS NULL OR s.id IS NULL THEN 'erased'
    WHEN x.reason IS NOT NULL THEN x.reason
    WHEN s.unsubscribed_at IS NOT NULL OR s.confirmed_at IS NULL THEN 'unsubscribed'
END"""

_JOINS = """
LEFT JOIN publisher_subscription s ON s.id = d.subscription_id
LEFT JOIN publisher_subscriber p ON p.id = d.subscriber_id
LEFT JOIN publisher_suppression x ON x.organisation_id = p.organisation_id AND x.address_key = p.address_key"""

# The inner SELECT is materialised: with a plain `IN (SELECT … LIMIT)` some plans were seen to take far more than LIMIT.
_PICKED = f"""
WITH picked AS MATERIALIZED (
    SELECT id FROM publisher_delivery
    WHERE message_id = %s AND status = 'pending' AND due_at <= %s {{after}}
    ORDER BY due_at, id LIMIT %s {{skip_locked}}
), judged AS MATERIALIZED (
    SELECT d.id AS id, d.due_at AS due_at, d.attempts AS attempts, d.choices AS choices,
           p.address AS address, p.name AS name, s.token AS token, {_GONE} AS gone
    FROM picked JOIN publisher_delivery d ON d.id = picked.id {_JOINS}
)"""

_UPDATE = """
UPDATE publisher_delivery SET
    status = CASE WHEN judged.gone IS NULL THEN 'sending' WHEN judged.gone = 'erased' THEN 'cancelled'
                  ELSE 'suppressed' END,
    reason = COALESCE(judged.gone, ''),
    claim_id = %s
FROM judged WHERE judged.id = publisher_delivery.id AND publisher_delivery.status = 'pending'"""

_AFTER = "AND (due_at, id) > (%s, %s)"

# SQLite's RETURNING knows only the table that was changed.
_CLAIM = f"{_PICKED}{_UPDATE} RETURNING publisher_delivery.due_at, publisher_delivery.id, publisher_delivery.status"

_RECIPIENTS = f"""
SELECT d.id, p.address, p.name, s.token, d.attempts, d.choices FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' ORDER BY d.due_at, d.id
"""

# PostgreSQL claims, counts and names the recipients in one statement: each round trip costs as much as ten letters.
_CLAIM_AT_ONCE = f"""{_PICKED}, changed AS ({_UPDATE}
    RETURNING judged.*, publisher_delivery.status AS status
), moved AS (
    SELECT status, count(*) AS number FROM changed GROUP BY status
    UNION ALL SELECT 'pending', -count(*) FROM changed
), counted AS (
    INSERT INTO publisher_deliverycount AS c (message_id, status, lane, count)
    SELECT %s, status, %s, number FROM moved WHERE number <> 0 ORDER BY status
    ON CONFLICT (message_id, status, lane) DO UPDATE SET count = c.count + excluded.count
), noted AS (
    INSERT INTO publisher_claim (id, run_id, message_id, host, boot_id, journal, lease_until, created_at)
    SELECT %s, %s, %s, %s, %s, %s, %s, %s WHERE EXISTS (SELECT FROM changed WHERE status = 'sending')
)
SELECT id, address, name, token, attempts, choices, due_at::text, gone FROM changed ORDER BY changed.due_at, id
"""

_LEFT_SINCE = f"""
SELECT d.id FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' AND {_GONE} IS NOT NULL
"""


class Claimed(NamedTuple):
    """One delivery in hand, with all that is needed to write to its recipient; `choices`: what of the mail they see."""

    delivery_id: int
    address: str
    name: str
    token: str
    attempts: int
    choices: int


class Taken(NamedTuple):
    """What a claim brought: the deliveries in hand, in the line's order, and how far down the line it looked."""

    in_hand: list[Claimed]
    looked_at: int
    last: Place | None


def in_line() -> QuerySet[Message]:
    """Messages in `sending`, least recently served first, of which something may be due."""
    sending = not_stopped(Message.objects.filter(status=MessageStatus.SENDING, outlet=Outlet.EMAIL))
    return sending.order_by(F("served_at").asc(nulls_first=True), "pk")


def read(message_id: int) -> Message:
    """A message with all that sending it needs, but without the whole mail."""
    related = Message.objects.select_related("campaign__organisation", "newsletter")
    return related.defer("composed_html", "composed_text").get(pk=message_id)


def anything_due(now: datetime) -> bool:
    """Whether a lane would find work."""
    due = Delivery.objects.filter(message=OuterRef("pk"), status=DeliveryStatus.PENDING, due_at__lte=now)
    return in_line().filter(Exists(due)).exists()


def serve(message: Message, now: datetime) -> None:
    """Note that the message has its turn: not part of the claim, since lanes of one message would wait for the row."""
    Message.objects.filter(pk=message.pk).update(served_at=now)


@dataclass(frozen=True)
class Taker:
    """Who claims: a lane's run, its number, its journal."""

    run_id: uuid.UUID
    lane: int
    journal: str


def take(
    message: Message, claim_id: uuid.UUID, taker: Taker, limit: int, now: datetime, *, after: Place | None = None
) -> Taken:
    """Claim up to `limit` due deliveries of the message.

    Whoever left since the freeze becomes suppressed or cancelled in the same transaction. The journal must already
    name `claim_id`. `after` passes over what stands before that place, dead entries of the index included.
    """
    behind = () if after is None else after
    picking = [message.pk, now, *behind, limit, claim_id]
    clause = "" if after is None else _AFTER
    if connection.vendor != "postgresql":
        return _take_by_steps(message, claim_id, taker, _CLAIM.format(after=clause, skip_locked=""), picking, now)
    values = [*picking, message.pk, taker.lane, *_noted(message, claim_id, taker, now)]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_AT_ONCE.format(after=clause, skip_locked="FOR UPDATE SKIP LOCKED"), values)
        rows = cursor.fetchall()
    in_hand = [Claimed._make(row[:6]) for row in rows if row[7] is None]
    return Taken(in_hand, len(rows), (rows[-1][6], rows[-1][0]) if rows else None)


def _noted(message: Message, claim_id: uuid.UUID, taker: Taker, now: datetime) -> list[object]:
    """A row of `Claim`, column by column."""
    host, boot, lease_until = settings.OPSLAG_HOST, boot_id(), now + LEASE
    return [claim_id, taker.run_id, message.pk, host, boot, taker.journal, lease_until, now]


def _take_by_steps(
    message: Message, claim_id: uuid.UUID, taker: Taker, sql: str, picking: Sequence[object], now: datetime
) -> Taken:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, db_values(picking))
        changed = cursor.fetchall()
        moved = Counter(status for _, _, status in changed)
        moved[DeliveryStatus.PENDING.value] -= len(changed)
        move_counts(message.pk, taker.lane, dict(moved))
        in_hand = []
        if moved[DeliveryStatus.SENDING.value]:
            columns = ("id", "run_id", "message_id", "host", "boot_id", "journal", "lease_until", "created_at")
            Claim.objects.create(**dict(zip(columns, _noted(message, claim_id, taker, now), strict=True)))
            cursor.execute(_RECIPIENTS, db_values([claim_id]))
            in_hand = [Claimed._make(row) for row in cursor.fetchall()]
    return Taken(in_hand, len(changed), (str(max(changed)[0]), max(changed)[1]) if changed else None)


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
