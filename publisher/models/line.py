"""The line of a message: its mails in the order in which they fall due, claimed from the front and never twice.

A message names the last place that was claimed (`claimed_due_at`, `claimed_id`). What has no outcome yet waits if it
stands beyond that place, and is in some claim's hands if it does not. So to claim a thousand mails changes one row, the
message's, and not a thousand. Three rules keep it true:

- Whoever claims from a line, or lets a mail wait again, locks the message first and reads the line after that.
- What waits again gets a place beyond all that was claimed (`place_again`).
- A claim names its stretch of the line. A mail that still stands there without an outcome is that claim's; no other
  mail ever comes to stand there.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BigIntegerField, BooleanField, DateTimeField, Expression, F, Field, Func, Value

from publisher.models.raw import db_values
from publisher.vocabulary import DeliveryStatus

# The beginning of every line: no mail was due before there were any.
LINE_BEGINS = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """Where a mail stands in the line of its message."""

    due_at: datetime
    delivery_id: int


# A claim's stretch of its message's line; only a claim of mails has one.
_STRETCH = """
SELECT message_id, after_due_at, after_id, last_due_at, last_id FROM publisher_claim
WHERE id = %s AND last_id IS NOT NULL
"""
# A mail (a row `d`) without an outcome, in the words of the index; and one that stands in a stretch. That has one time
# nearly always: said so, PostgreSQL knows how few rows that is, and does not read all of the message instead.
NO_OUTCOME = "d.status = 'pending' AND d.reason = '' AND d.claim_id IS NULL"
_STANDS = f"d.message_id = %s AND (d.due_at, d.id) > (%s, %s) AND (d.due_at, d.id) <= (%s, %s) AND {NO_OUTCOME}"
_STANDS_AT = f"d.message_id = %s AND d.due_at = %s AND d.id > %s AND d.id <= %s AND {NO_OUTCOME}"
_NAMES = "d.claim_id = %s AND d.status = %s"


def beyond(due_at: Any, delivery_id: Any, *, path: str = "") -> Expression:
    """Whether a delivery stands beyond a place, as one comparison of pairs, which is how the index is looked up.

    The place is given as values or as expressions; `path` leads to the delivery ("delivery__").
    """
    row = _Pair(F(f"{path}due_at"), F(f"{path}pk"))
    place = _Pair(_value(due_at, DateTimeField()), _value(delivery_id, BigIntegerField()))
    return Func(row, place, template="%(expressions)s", arg_joiner=" > ", output_field=BooleanField())


class _Pair(Func):
    template = "(%(expressions)s)"
    output_field = BooleanField()


def _value(value: Any, field: Field[Any, Any]) -> Any:
    return value if hasattr(value, "resolve_expression") else Value(value, field)


def held_by(claim_id: uuid.UUID, was: DeliveryStatus = DeliveryStatus.SENDING) -> tuple[str, list[Any]]:
    """Which deliveries (`d`) a claim holds in status `was`, as a condition and its values.

    A mail in hand is known by its place in the line; a post, and a mail that became uncertain, by the claim it names.
    """
    found = None
    if was == DeliveryStatus.SENDING:
        with connection.cursor() as cursor:
            cursor.execute(_STRETCH, db_values([claim_id]))
            found = cursor.fetchone()
    if found is None:
        return _NAMES, db_values([claim_id, was.value])
    message_id, after_due_at, after_id, last_due_at, last_id = found
    if after_due_at == last_due_at:
        return _STANDS_AT, [message_id, last_due_at, after_id, last_id]
    return _STANDS, list(found)


def held(claim_id: uuid.UUID, was: DeliveryStatus = DeliveryStatus.SENDING) -> list[int]:
    """The deliveries that a claim holds in status `was`, in the line's order."""
    condition, values = held_by(claim_id, was)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT d.id FROM publisher_delivery d WHERE {condition} ORDER BY d.due_at, d.id", values)  # noqa: S608 -- ours
        return [pk for (pk,) in cursor.fetchall()]


def hold_briefly() -> None:
    """Let PostgreSQL end this transaction if its process does nothing for two seconds, for it holds a line's lock.

    A process that is stopped there, or whose machine lost its network, would else keep everybody from pausing the
    message, and all lanes from going on with it. Whoever wakes up too late gets a DatabaseError. Within a savepoint
    nothing is said: how long its transaction may take is for whoever began it.
    """
    if connection.vendor == "postgresql" and not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '2s'")
