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

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, BooleanField, DateTimeField, Expression, F, Field, Func, Value

# The beginning of every line: no mail was due before there were any.
LINE_BEGINS = datetime(1970, 1, 1, tzinfo=UTC)
# What a message says of which nothing is claimed.
UNCLAIMED = {"claimed_due_at": LINE_BEGINS, "claimed_id": 0}
_NEXT_PLACE = timedelta(microseconds=1)


class Place(NamedTuple):
    """Where a mail stands in the line of its message."""

    due_at: datetime
    delivery_id: int


class Stretch(NamedTuple):
    """A part of a message's line: all that stands beyond `after`, up to and including `last`."""

    message_id: int
    after: Place
    last: Place


def beyond(due_at: Any, delivery_id: Any, *, path: str = "") -> Expression:
    """Whether a delivery stands beyond a place, as one comparison of pairs, which is how the index is looked up.

    The place is given as values or as expressions; `path` leads to the delivery ("delivery__").
    """
    return _pairs(" > ", due_at, delivery_id, path)


def up_to(place: Place) -> Expression:
    """Whether a delivery stands at a place or before it."""
    return _pairs(" <= ", *place, "")


def _pairs(sign: str, due_at: Any, delivery_id: Any, path: str) -> Expression:
    row = _Pair(F(f"{path}due_at"), F(f"{path}pk"))
    place = _Pair(_value(due_at, DateTimeField()), _value(delivery_id, BigIntegerField()))
    return Func(row, place, template="%(expressions)s", arg_joiner=sign, output_field=BooleanField())


class _Pair(Func):
    template = "(%(expressions)s)"
    output_field = BooleanField()


def _value(value: Any, field: Field[Any, Any]) -> Any:
    return value if hasattr(value, "resolve_expression") else Value(value, field)


def next_place(claimed_due_at: datetime) -> datetime:
    """The earliest time that stands beyond all that was claimed, whatever the numbers of the deliveries."""
    return claimed_due_at + _NEXT_PLACE
