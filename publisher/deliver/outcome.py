"""Outcomes: what became of a delivery, stored in bulk together with the counters, only for the claim that holds it."""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext_noop

from publisher.deliver.refusals import note_refusals
from publisher.errors import AccountError, Explanation, OpslagError, PermanentError, TransientError, UncertainError
from publisher.life_cycles import check_transition
from publisher.models import place_again
from publisher.models.counting import COUNT_MOVED, move_counts
from publisher.models.line import LINE_BEGINS, held_by
from publisher.models.raw import db_values
from publisher.vocabulary import DeliveryStatus, Reason

# Minutes until the next try, by tries made; a newsletter loses its value, so the last pauses are hours, not days.
BACK_OFF_MINUTES = (1, 5, 15, 60, 240)


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery. `started` says whether it counts as an attempt; `due_at` is for a later try."""

    delivery_id: int
    status: DeliveryStatus
    at: datetime
    reason: str = ""
    code: int | None = None
    error: dict[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    started: bool = True

    def as_line(self) -> str:
        """One line of JSON for the journal."""
        return json.dumps(
            {
                "status": self.status,
                "at": self.at.isoformat(),
                "reason": self.reason,
                "code": self.code,
                "error": self.error,
                "due_at": self.due_at.isoformat() if self.due_at else None,
                "started": self.started,
            }
        )


class Sent(NamedTuple):
    """The outcome of nearly every mail, made to cost little: accepted, at `at_ns` (Unix time), with nothing to add."""

    delivery_id: int
    code: int
    at_ns: int

    @property
    def status(self) -> DeliveryStatus:
        """As that of any outcome."""
        return DeliveryStatus.SENT

    def as_line(self) -> str:
        """For the journal."""
        return f"{self.code} {self.at_ns}"

    def whole(self) -> Outcome:
        """The same in full."""
        return sent(self.delivery_id, self.code, datetime.fromtimestamp(self.at_ns / 1e9, UTC))


Settled = Outcome | Sent


def from_line(delivery_id: int, line: str) -> Settled:
    """Read back what `as_line` wrote. Raises ValueError or KeyError where it is damaged."""
    if not line.startswith("{"):
        code, _, at = line.partition(" ")
        return Sent(delivery_id, int(code), int(at))
    stored = json.loads(line)
    return Outcome(
        delivery_id=delivery_id,
        status=DeliveryStatus(stored["status"]),
        at=datetime.fromisoformat(stored["at"]),
        reason=stored["reason"],
        code=stored["code"],
        error=stored["error"],
        due_at=datetime.fromisoformat(stored["due_at"]) if stored["due_at"] else None,
        started=stored["started"],
    )


def sent(delivery_id: int, code: int, at: datetime) -> Outcome:
    """The receiving server accepted it."""
    return Outcome(delivery_id, DeliveryStatus.SENT, at, code=code)


def handed_back(delivery_id: int, at: datetime) -> Outcome:
    """Claimed, never started: it waits again, behind all that is due."""
    return Outcome(delivery_id, DeliveryStatus.PENDING, at, started=False)


def lost(delivery_id: int, at: datetime, reason: Reason = Reason.ANSWER_LOST) -> Outcome:
    """Started, and nobody knows how it ended."""
    explanation = {
        Reason.ANSWER_LOST: gettext_noop("The worker stopped after handing it over and before the answer."),
        Reason.JOURNAL_LOST: gettext_noop("The worker stopped and its journal is lost; it may have been sent."),
    }[reason]
    return Outcome(delivery_id, DeliveryStatus.UNCERTAIN, at, reason, error=Explanation(explanation).as_json())


def of_error(delivery_id: int, error: OpslagError, attempts: int, at: datetime) -> Outcome:
    """What an error of a transport or platform means for the row; `attempts` counts tries before this one."""
    words = error.explanation.as_json()
    match error:
        case UncertainError():
            reason = error.reason or Reason.ANSWER_LOST
            return Outcome(delivery_id, DeliveryStatus.UNCERTAIN, at, reason, error=words)
        case PermanentError():
            code = _code(error)
            return Outcome(delivery_id, DeliveryStatus.FAILED, at, error.reason or Reason.REJECTED, code, words)
        case AccountError():
            later = at + timedelta(minutes=5)
            return Outcome(delivery_id, DeliveryStatus.PENDING, at, error=words, due_at=later, started=False)
        case TransientError() if attempts + 1 >= settings.OPSLAG_MAX_ATTEMPTS:
            return Outcome(delivery_id, DeliveryStatus.FAILED, at, Reason.ATTEMPTS_USED_UP, _code(error), words)
        case TransientError():
            later = at + _pause(attempts, error.retry_after)
            return Outcome(delivery_id, DeliveryStatus.PENDING, at, error=words, code=_code(error), due_at=later)
    raise TypeError(f"no outcome is defined for {type(error).__name__}")


def _pause(attempts: int, asked_s: float | None) -> timedelta:
    if asked_s is not None:
        return timedelta(seconds=min(max(asked_s, 1.0), 24 * 3600))
    return timedelta(minutes=BACK_OFF_MINUTES[min(attempts, len(BACK_OFF_MINUTES) - 1)])


def _code(error: OpslagError) -> int | None:
    code = error.explanation.params.get("code", "")
    return int(code) if code.isdigit() else None


_UPDATE = """
UPDATE publisher_delivery AS d SET status = %s, reason = %s, reply_code = %s, last_error = %s, sent_at = %s,
       attempts = attempts + %s, first_started_at = COALESCE(first_started_at, %s), {more}
WHERE d.id = %s AND {held}
"""
_ENDED = "due_at = COALESCE(%s, due_at), claim_id = %s"
# To name the claim would be one more index to change, for nearly every mail.
_SENT = "due_at = COALESCE(%s, due_at)"
# What waits again stands beyond all that is claimed.
_WAITS_AGAIN = "due_at = {later_of}(COALESCE(%s, due_at), %s), claim_id = NULL"
_LATER_OF = {"postgresql": "GREATEST", "sqlite": "MAX"}

# What a server answered may quote the address of somebody who was erased while it spoke.
_FORGET = """
UPDATE publisher_delivery SET last_error = '{}', domain = ''
WHERE id = %s AND subscriber_id IS NULL AND account_id IS NULL
"""

# PostgreSQL takes a whole batch of accepted mails, and counts them, in one statement: the hot path of bulk sending.
_ACCEPTED = f"""
WITH taken AS (
    UPDATE publisher_delivery d SET status = 'sent', reason = '', reply_code = o.code, last_error = '{{{{}}}}',
           sent_at = to_timestamp(o.at::float8 / 1e9), attempts = d.attempts + 1,
           first_started_at = COALESCE(d.first_started_at, to_timestamp(o.at::float8 / 1e9))
    FROM unnest(%s::bigint[], %s::smallint[], %s::bigint[]) AS o (id, code, at)
    WHERE d.id = o.id AND {{held}}
    RETURNING 1
), moved AS (
    SELECT %s AS status, -count(*) AS number FROM taken UNION ALL SELECT 'sent', count(*) FROM taken
), {COUNT_MOVED}
SELECT count(*) FROM taken
"""  # noqa: S608 -- all of it is ours


def store(claim_id: uuid.UUID, message_id: int, lane: int, outcomes: Iterable[Settled], *, was: DeliveryStatus) -> int:
    """Write outcomes of one claim, each together with the counters it moves; answers how many rows took theirs.

    A row that this claim no longer holds in status `was` keeps what it has: somebody else decided about it.
    """
    everything = list(outcomes)
    accepted = [outcome for outcome in everything if isinstance(outcome, Sent)]
    others = [outcome for outcome in everything if isinstance(outcome, Outcome)]
    if accepted and connection.vendor != "postgresql":
        others += [outcome.whole() for outcome in accepted]
        accepted = []
    held = _Held(claim_id, message_id, lane, was, *held_by(claim_id, was))
    stored = _store_accepted(held, accepted) if accepted else 0
    return stored + (_store_each(held, others) if others else 0)


@dataclass(frozen=True)
class _Held:
    """The rows that a claim holds, as a condition; and where they are counted."""

    claim_id: uuid.UUID
    message_id: int
    lane: int
    was: DeliveryStatus
    sql: str
    values: list[Any]


def _store_accepted(held: _Held, accepted: Sequence[Sent]) -> int:
    check_transition(DeliveryStatus, held.was, DeliveryStatus.SENT)
    with transaction.atomic(), connection.cursor() as cursor:
        # Where statistics promise few rows, a nested loop looks cheap, and compares each row to each outcome.
        cursor.execute("SET LOCAL enable_nestloop = off")
        counted: list[Any] = [held.was.value, held.message_id, held.lane]
        cursor.execute(_ACCEPTED.format(held=held.sql), [*_columns(accepted), *held.values, *counted])
        return int(cursor.fetchone()[0])


def _store_each(held: _Held, outcomes: Sequence[Outcome]) -> int:
    by_status: dict[DeliveryStatus, list[Outcome]] = defaultdict(list)
    # In one order whoever writes them, so that two writers of one claim wait for each other.
    for outcome in sorted(outcomes, key=attrgetter("delivery_id")):
        by_status[outcome.status].append(outcome)
    moved: Counter[str] = Counter()
    with transaction.atomic(), connection.cursor() as cursor:
        # The line's lock comes before that of any of its mails, as for whoever cancels.
        again = place_again(held.message_id) if DeliveryStatus.PENDING in by_status else LINE_BEGINS
        for status, group in by_status.items():
            check_transition(DeliveryStatus, held.was, status)
            more, value = _more(status, again, held.claim_id)
            update, here = _UPDATE.format(more=more, held=held.sql), held.values
            moved[status] += _each(
                cursor, update, [(*_values(each), *value, each.delivery_id, *here) for each in group]
            )
            _each(cursor, _FORGET, [[each.delivery_id] for each in group if each.error])
            if status == DeliveryStatus.FAILED:
                note_refusals(held.claim_id, group)
        stored = sum(moved.values())
        if stored:
            moved[held.was] -= stored
            move_counts(held.message_id, held.lane, dict(moved))
    return stored


def _each(cursor: CursorWrapper, statement: str, values: Sequence[Sequence[Any]]) -> int:
    """Execute it with each of the values; how many rows that concerned.

    A single one, as every post is, by itself: while many are, psycopg uses a pipeline, after which PostgreSQL does not
    end the transaction of a process that stands still (see models.line.hold_briefly).
    """
    if len(values) == 1:
        cursor.execute(statement, values[0])
    elif values:
        cursor.executemany(statement, values)
    return cursor.rowcount if values else 0


def _more(status: DeliveryStatus, again: datetime, claim_id: uuid.UUID) -> tuple[str, list[Any]]:
    """What else a row is set to by its new status, and the value for it."""
    if status == DeliveryStatus.SENT:
        return _SENT, []
    if status == DeliveryStatus.PENDING:
        return _WAITS_AGAIN.format(later_of=_LATER_OF[connection.vendor]), db_values([again])
    return _ENDED, db_values([claim_id])


def _columns(accepted: Sequence[Sent]) -> list[str]:
    """As PostgreSQL's array literals: a driver's own way, value by value, costs more than the rest of the statement."""
    return ["{" + ",".join(map(str, column)) + "}" for column in zip(*accepted, strict=True)]


def _values(outcome: Outcome) -> list[Any]:
    return db_values(
        (
            outcome.status.value,
            outcome.reason,
            outcome.code,
            json.dumps(outcome.error),
            outcome.at if outcome.status == DeliveryStatus.SENT else None,
            int(outcome.started),
            outcome.at if outcome.started else None,
            outcome.due_at,
        )
    )
