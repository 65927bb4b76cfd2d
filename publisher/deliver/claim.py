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

from publisher.deliver.journal import boot_id
from publisher.models import Claim, Delivery, Message
from publisher.models.counting import COUNT_MOVED, move_counts
from publisher.models.raw import db_values
from publisher.schedule.destinations import Slowed
from publisher.schedule.first_wave import is_in_first_wave, room_in_wave
from publisher.schedule.stops import not_stopped
from publisher.schedule.warm_up import room_in_warm_up
from publisher.vocabulary import DeliveryStatus, MessageStatus

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

# Asked in the claim itself, so that nothing is taken of what was paused, stopped, held or approved anew by then.
_IS_TO_BE_SENT = """EXISTS (
        SELECT 1 FROM publisher_message m JOIN publisher_campaign c ON c.id = m.campaign_id
        WHERE m.id = %s AND m.status = 'sending' AND COALESCE(c.approved_revision, -1) = %s
        AND NOT EXISTS (SELECT 1 FROM publisher_stopstamp t
                        WHERE t.organisation_id IS NULL OR t.organisation_id = c.organisation_id))"""

_NEXT = f"""SELECT {{columns}} FROM publisher_delivery
    WHERE message_id = %s AND status = 'pending' AND reason = '' AND claim_id IS NULL AND due_at <= %s {{after}}
    AND {_IS_TO_BE_SENT}
    ORDER BY due_at, id LIMIT %s {{skip_locked}}"""

# The quickest way back to a row: it stands still between the look and the change, for it is locked by then.
_SPOT = {"postgresql": "ctid", "sqlite": "rowid"}
_NEEDED = "{spot} AS spot, id, subscriber_id, subscription_id, attempts, choices, due_at"

_THESE = f"SELECT {_NEEDED} FROM publisher_delivery WHERE id IN ({{places}})"

_LATER = "UPDATE publisher_delivery SET due_at = %s WHERE id = %s AND status = 'pending'"

# The inner SELECT is materialised: with a plain `IN (SELECT … LIMIT)` some plans were seen to take far more than LIMIT.
_PICKED = f"""
WITH picked AS MATERIALIZED ({{picked}}), judged AS MATERIALIZED (
    SELECT d.spot AS spot, d.id AS id, d.due_at AS due_at, d.attempts AS attempts, d.choices AS choices,
           p.address AS address, p.name AS name, s.token AS token,
           s.tracking_consent_at IS NOT NULL AS consented, {_GONE} AS gone
    FROM picked d {_JOINS}
)"""

_UPDATE = """
UPDATE publisher_delivery SET
    status = CASE WHEN judged.gone IS NULL THEN 'sending' WHEN judged.gone = 'erased' THEN 'cancelled'
                  ELSE 'suppressed' END,
    reason = COALESCE(judged.gone, ''),
    domain = CASE WHEN judged.gone = 'erased' THEN '' ELSE domain END,
    claim_id = %s
FROM judged WHERE publisher_delivery.{spot} = judged.spot AND publisher_delivery.status = 'pending'"""

_AFTER = "AND (due_at, id) > (%s, %s)"

# SQLite's RETURNING knows only the table that was changed.
_CLAIM = f"{_PICKED}{_UPDATE} RETURNING publisher_delivery.due_at, publisher_delivery.id, publisher_delivery.status"

_RECIPIENTS = f"""
SELECT d.id, p.address, p.name, s.token, d.attempts, d.choices, s.tracking_consent_at IS NOT NULL
FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' ORDER BY d.due_at, d.id
"""

# PostgreSQL claims, counts and names the recipients in one statement: each round trip costs as much as ten letters.
_CLAIM_AT_ONCE = f"""{_PICKED}, changed AS ({_UPDATE}
    RETURNING judged.*, publisher_delivery.status AS status
), moved AS (
    SELECT status, count(*) AS number FROM changed GROUP BY status
    UNION ALL SELECT 'pending', -count(*) FROM changed
), {COUNT_MOVED}, noted AS (
    INSERT INTO publisher_claim (id, run_id, message_id, host, boot_id, journal, lease_until, created_at)
    SELECT %s, %s, %s, %s, %s, %s, %s, %s WHERE EXISTS (SELECT FROM changed WHERE status = 'sending')
)
SELECT id, address, name, token, attempts, choices, consented, gone,
    CASE WHEN id = (SELECT id FROM changed ORDER BY due_at DESC, id DESC LIMIT 1) THEN due_at::text END
FROM changed ORDER BY due_at, id
"""

_LEFT_SINCE = f"""
SELECT d.id FROM publisher_delivery d {_JOINS}
WHERE d.claim_id = %s AND d.status = 'sending' AND {_GONE} IS NOT NULL
"""


class Claimed(NamedTuple):
    """One delivery in hand, with all that is needed to write to its recipient; `choices`: what of the mail they see.

    `consented`: we may note that they click.
    """

    delivery_id: int
    address: str
    name: str
    token: str
    attempts: int
    choices: int
    consented: bool


class Taken(NamedTuple):
    """What a claim brought: the deliveries in hand, in the line's order, and how many it looked at.

    `last` is the place that it came to, `is_end` says whether nothing more is due behind it, or may be claimed now.
    """

    in_hand: list[Claimed]
    looked_at: int
    last: Place | None
    is_end: bool


_NOTHING = Taken([], 0, None, is_end=True)


@dataclass(frozen=True)
class Taker:
    """Who claims: a lane's run, its number, its journal."""

    run_id: uuid.UUID
    lane: int
    journal: str


def take(
    message: Message,
    claim_id: uuid.UUID,
    taker: Taker,
    limit: int,
    now: datetime,
    *,
    after: Place | None = None,
    slowed: Slowed | None = None,
) -> Taken:
    """Claim up to `limit` due deliveries of the message.

    Whoever left since the freeze becomes suppressed or cancelled in the same transaction. The journal must already
    name `claim_id`. `after` passes over what stands before that place, dead entries of the index included. Never more
    than the message's first wave and its sender's warm-up allow; those to `slowed` destinations get a later time
    instead.
    """
    claiming = _Claiming(message, claim_id, taker, now)
    if slowed is None and not is_in_first_wave(message, now) and not settings.OPSLAG_WARMUP_DOMAINS:
        return claiming.take(*_next_in_line(message, limit, now, after), limit)
    with transaction.atomic():
        limit = _room(message, limit, now)
        if limit <= 0:
            return _NOTHING
        picked, values = _next_in_line(message, limit, now, after)
        if slowed is None:
            return claiming.take(picked, values, limit)
        go, looked_at = _sorted_out(slowed, *_next_in_line(message, limit, now, after, "id, domain"), now)
        if not go:
            return Taken([], looked_at, None, looked_at < limit)
        these = _THESE.format(spot=_SPOT[connection.vendor], places=", ".join(["%s"] * len(go)))
        taken = claiming.take(these, go, len(go))
        # Whoever was put off stands elsewhere now, so no place can be kept.
        return Taken(taken.in_hand, looked_at, None, looked_at < limit)


def _next_in_line(
    message: Message, limit: int, now: datetime, after: Place | None, columns: str = _NEEDED
) -> tuple[str, list[object]]:
    skip_locked = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    columns = columns.format(spot=_SPOT[connection.vendor])
    sql = _NEXT.format(columns=columns, after="" if after is None else _AFTER, skip_locked=skip_locked)
    revision = message.campaign.approved_revision
    return sql, [message.pk, now, *(after or ()), message.pk, -1 if revision is None else revision, limit]


def _room(message: Message, limit: int, now: datetime) -> int:
    """`limit`, or less where the first wave or the warm-up says so."""
    for room in (room_in_wave(message, now), room_in_warm_up(message, now)):
        limit = limit if room is None else min(limit, room)
    return limit


def _sorted_out(slowed: Slowed, sql: str, values: Sequence[object], now: datetime) -> tuple[list[int], int]:
    """Of the next in line those that may go now; the others get their time. Answers also how many were looked at."""
    with connection.cursor() as cursor:
        cursor.execute(sql, db_values(values))
        rows = cursor.fetchall()
        go, later = slowed.sort(rows, now)
        cursor.executemany(_LATER, [db_values([due_at, pk]) for pk, due_at in later])
    return go, len(rows)


@dataclass(frozen=True)
class _Claiming:
    """One claim on its way into the database."""

    message: Message
    claim_id: uuid.UUID
    taker: Taker
    now: datetime

    def take(self, picked: str, values: Sequence[object], limit: int) -> Taken:
        """Claim what the statement `picked` finds."""
        by_steps = connection.vendor != "postgresql"
        return self._by_steps(picked, values, limit) if by_steps else self._at_once(picked, values, limit)

    def _row(self) -> list[object]:
        """Of `Claim`, column by column."""
        lease_until = self.now + LEASE
        whose = self.claim_id, self.taker.run_id, self.message.pk
        return [*whose, settings.OPSLAG_HOST, boot_id(), self.taker.journal, lease_until, self.now]

    def _at_once(self, picked: str, values: Sequence[object], limit: int) -> Taken:
        everything = db_values([*values, self.claim_id, self.message.pk, self.taker.lane, *self._row()])
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM_AT_ONCE.format(picked=picked, spot=_SPOT["postgresql"]), everything)
            rows = cursor.fetchall()
        in_hand = [Claimed._make(row[:7]) for row in rows if row[7] is None]
        # A time as text is dear, and only the last one's is of use.
        return Taken(in_hand, len(rows), (rows[-1][8], rows[-1][0]) if rows else None, len(rows) < limit)

    def _by_steps(self, picked: str, values: Sequence[object], limit: int) -> Taken:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_CLAIM.format(picked=picked, spot=_SPOT["sqlite"]), db_values([*values, self.claim_id]))
            changed = sorted(cursor.fetchall())
            moved = Counter(status for _, _, status in changed)
            moved[DeliveryStatus.PENDING.value] -= len(changed)
            move_counts(self.message.pk, self.taker.lane, dict(moved))
            in_hand = []
            if moved[DeliveryStatus.SENDING.value]:
                names = ("id", "run_id", "message_id", "host", "boot_id", "journal", "lease_until", "created_at")
                Claim.objects.create(**dict(zip(names, self._row(), strict=True)))
                cursor.execute(_RECIPIENTS, db_values([self.claim_id]))
                in_hand = [Claimed._make(row) for row in cursor.fetchall()]
        last = (str(changed[-1][0]), changed[-1][1]) if changed else None
        return Taken(in_hand, len(changed), last, len(changed) < limit)


def left_since(claim_id: uuid.UUID) -> set[int]:
    """Deliveries in hand whose recipient has left since the claim: they must not be started."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_SINCE, db_values([claim_id]))
        return {row[0] for row in cursor.fetchall()}


def may_go_on(message: Message) -> bool:
    """Whether the message is still to be sent as it was read: not paused, stopped, cancelled or changed."""
    revision = message.campaign.approved_revision
    wanted = Message.objects.filter(pk=message.pk, status=MessageStatus.SENDING, campaign__approved_revision=revision)
    return not_stopped(wanted).exists()


def renew(run_id: uuid.UUID, now: datetime) -> set[uuid.UUID]:
    """Keep the claims of this run for another lease; answers which those still are."""
    ours = Claim.objects.filter(run_id=run_id)
    ours.update(lease_until=now + LEASE)
    return set(ours.values_list("pk", flat=True))


_LEFT_IN = "SELECT d.claim_id FROM publisher_delivery d WHERE d.claim_id IN ({places}) AND d.status = 'sending'"


def close(claim_ids: Sequence[uuid.UUID], *, settled: bool = False) -> None:
    """Forget claims of which nothing is left in `sending`.

    Without `settled`, which says that every row of theirs has taken an outcome, the rows are asked.
    """
    if not claim_ids:
        return
    statement, values = "DELETE FROM publisher_claim WHERE id IN ({places})", list(claim_ids)
    if not settled:
        statement, values = f"{statement} AND id NOT IN ({_LEFT_IN})", [*claim_ids, *claim_ids]
    with connection.cursor() as cursor:
        cursor.execute(statement.format(places=", ".join(["%s"] * len(claim_ids))), db_values(values))


def in_hand(claim_id: uuid.UUID) -> list[int]:
    """Every delivery that is still in `sending` under this claim."""
    held = Delivery.objects.filter(claim_id=claim_id, status=DeliveryStatus.SENDING)
    return list(held.values_list("pk", flat=True))
