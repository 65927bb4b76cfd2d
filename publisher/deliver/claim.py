"""Claims: a lane takes the next deliveries in a message's line, and takes out whoever has left."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from publisher.deliver.journal import boot_id
from publisher.models import Claim, Delivery, Message
from publisher.models.counting import move_counts
from publisher.models.line import NO_OUTCOME, held, held_by, hold_briefly
from publisher.models.raw import db_values
from publisher.schedule.destinations import Slowed
from publisher.schedule.first_wave import room_in_wave
from publisher.schedule.stops import NOT_STOPPED, not_stopped
from publisher.schedule.warm_up import room_in_warm_up
from publisher.vocabulary import DeliveryStatus, MessageStatus, Reason

LEASE = timedelta(seconds=60)

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

# What is next in a line, in the words of its index; and what is known of whoever it is for.
_DUE = f"""
FROM publisher_delivery d
WHERE d.message_id = %s AND {NO_OUTCOME} AND (d.due_at, d.id) > (%s, %s) AND d.due_at <= %s
ORDER BY d.due_at, d.id LIMIT %s
"""
_NEXT = f"""
SELECT d.id, p.address, p.name, s.token, d.attempts, d.choices, s.tracking_consent_at IS NOT NULL, {_GONE}
FROM (SELECT d.id, d.due_at, d.subscriber_id, d.subscription_id, d.attempts, d.choices {_DUE}) d {_JOINS}
ORDER BY d.due_at, d.id
"""
_DOMAINS = f"SELECT d.id, d.domain {_DUE}"

_LEFT_SINCE = f"""
SELECT d.id FROM publisher_delivery d {_JOINS}
WHERE {{held}} AND {_GONE} IS NOT NULL
"""

# Each claim is made of a few statements, and Django takes as long to write one anew as PostgreSQL to carry it out. The
# lock is held by a transaction that ends if its process stands still (see models.line.hold_briefly).
_LOCKED = f"""
SELECT m.claimed_due_at, m.claimed_id
FROM publisher_message m JOIN publisher_campaign c ON c.id = m.campaign_id
WHERE m.id = %s AND m.status = 'sending' AND COALESCE(c.approved_revision, -1) = %s AND {NOT_STOPPED}
"""
_AND_LOCK = "FOR NO KEY UPDATE OF m"

_CLAIMED = """
UPDATE publisher_message SET (claimed_due_at, claimed_id) = (SELECT due_at, id FROM publisher_delivery WHERE id = %s)
WHERE id = %s
"""

_NOTED = """
INSERT INTO publisher_claim (id, run_id, message_id, host, boot_id, journal, lease_until, created_at,
                             after_due_at, after_id, last_due_at, last_id)
SELECT %s, %s, m.id, %s, %s, %s, %s, %s, d.due_at, d.id - 1, m.claimed_due_at, m.claimed_id
FROM publisher_message m JOIN publisher_delivery d ON d.message_id = m.id WHERE m.id = %s AND d.id = %s
"""

_LATER = "UPDATE publisher_delivery SET due_at = %s WHERE id = %s AND status = 'pending'"


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

    `is_end` says whether nothing more is due behind them, or may be claimed now.
    """

    in_hand: list[Claimed]
    looked_at: int
    is_end: bool


_NOTHING = Taken([], 0, is_end=True)


@dataclass(frozen=True)
class Taker:
    """Who claims: a lane's run, its number, its journal."""

    run_id: uuid.UUID
    lane: int
    journal: str


def take(
    message: Message, claim_id: uuid.UUID, taker: Taker, limit: int, now: datetime, *, slowed: Slowed | None = None
) -> Taken:
    """Claim up to `limit` due deliveries of the message, from where the last claim, of whatever lane, came to.

    Whoever left since the freeze becomes suppressed or cancelled in the same transaction. The journal must already
    name `claim_id`. Never more than the message's first wave and its sender's warm-up allow; those to `slowed`
    destinations get a later time instead. Nothing is taken of what was paused, stopped, held or approved anew by then.
    """
    with transaction.atomic():
        line = _locked(message, now)
        if line is None or (limit := _room(message, limit, now)) <= 0:
            return _NOTHING
        if slowed is None:
            rows = line.next(limit)
            looked_at = len(rows)
        else:
            looked_at, others = line.put_off(slowed, limit)
            rows = line.next(others) if others else []
        mails = [Claimed._make(row[:7]) for row in rows if row[7] is None]
        if rows:
            _note(line, claim_id, taker, rows, bool(mails))
    return Taken(mails, looked_at, looked_at < limit)


def _room(message: Message, limit: int, now: datetime) -> int:
    """`limit`, or less where the first wave or the warm-up says so."""
    for room in (room_in_wave(message, now), room_in_warm_up(message, now)):
        limit = limit if room is None else min(limit, room)
    return limit


@dataclass(frozen=True)
class _Line:
    """What is due of a message beyond `claimed`, a place in the database's own form; nobody else claims meanwhile."""

    message: Message
    now: datetime
    claimed: tuple[Any, int]

    def next(self, limit: int) -> list[tuple[Any, ...]]:
        """The first ones: what `Claimed` wants, and why they are no longer to be mailed, if so."""
        return self._first(_NEXT, limit)

    def put_off(self, slowed: Slowed, limit: int) -> tuple[int, int]:
        """Of the first ones, give those who may not go now their time; how many were there, and how many may go."""
        rows = self._first(_DOMAINS, limit)
        go, later = slowed.sort([(pk, domain) for pk, domain in rows], self.now)
        with connection.cursor() as cursor:
            cursor.executemany(_LATER, [db_values([due_at, pk]) for pk, due_at in later])
        return len(rows), len(go)

    def _first(self, statement: str, limit: int) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, db_values([self.message.pk, *self.claimed, self.now, limit]))
            return list(cursor.fetchall())


def _locked(message: Message, now: datetime) -> _Line | None:
    """The message's line under its lock, read after it was had; None if the message is not to be sent."""
    hold_briefly()
    revision = message.campaign.approved_revision
    with connection.cursor() as cursor:
        has_locks = connection.features.has_select_for_no_key_update
        cursor.execute(_LOCKED + (_AND_LOCK if has_locks else ""), [message.pk, -1 if revision is None else revision])
        claimed = cursor.fetchone()
    return None if claimed is None else _Line(message, now, claimed)


def _note(line: _Line, claim_id: uuid.UUID, taker: Taker, rows: Sequence[tuple[Any, ...]], any_in_hand: bool) -> None:
    """Write down what was taken: how far the line is claimed now, by whom, who has left, and the figures."""
    message_id, moved = line.message.pk, _taken_out(rows)
    moved[DeliveryStatus.SENDING] = len(rows) - sum(moved.values())
    moved[DeliveryStatus.PENDING] = -len(rows)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIMED, [rows[-1][0], message_id])
        if any_in_hand:
            whose = claim_id, taker.run_id, settings.OPSLAG_HOST, boot_id(), taker.journal
            cursor.execute(_NOTED, db_values([*whose, line.now + LEASE, line.now, message_id, rows[0][0]]))
    move_counts(message_id, taker.lane, moved)


def _taken_out(rows: Sequence[tuple[Any, ...]]) -> Counter[str]:
    """Give their status to those of the rows who have left; answers how many got which."""
    gone: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row[7] is not None:
            gone[row[7]].append(row[0])
    moved: Counter[str] = Counter()
    for reason, ids in gone.items():
        fields: dict[str, object] = {"status": DeliveryStatus.SUPPRESSED, "reason": reason}
        if reason == Reason.ERASED:
            fields |= {"status": DeliveryStatus.CANCELLED, "domain": ""}
        Delivery.objects.filter(pk__in=ids).update(**fields)
        moved[str(fields["status"])] += len(ids)
    return moved


def left_since(claim_id: uuid.UUID) -> set[int]:
    """Deliveries in hand whose recipient has left since the claim: they must not be started."""
    condition, values = held_by(claim_id)
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_SINCE.format(held=condition), values)
        return {row[0] for row in cursor.fetchall()}


def may_go_on(message: Message) -> bool:
    """Whether the message is still to be sent as it was read: not paused, stopped, cancelled, withdrawn or changed."""
    sending = Message.objects.filter(pk=message.pk, status=MessageStatus.SENDING, withdrawn_at=None)
    wanted = sending.filter(campaign__approved_revision=message.campaign.approved_revision)
    return not_stopped(wanted).exists()


def renew(run_id: uuid.UUID, now: datetime) -> set[uuid.UUID]:
    """Keep the claims of this run for another lease; answers which those still are."""
    ours = Claim.objects.filter(run_id=run_id)
    ours.update(lease_until=now + LEASE)
    return set(ours.values_list("pk", flat=True))


def close(claim_ids: Sequence[uuid.UUID], *, settled: bool = False) -> None:
    """Forget claims of which nothing is in hand any more.

    Without `settled`, which says that every row of theirs has taken an outcome, the rows are asked.
    """
    if not settled:
        claim_ids = [each for each in claim_ids if not held(each)]
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM publisher_claim WHERE id = %s", [db_values([pk]) for pk in claim_ids])
