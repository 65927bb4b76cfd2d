"""How far a database has been read: what one poll leaves for the next, as JSON, and where the next one begins."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

# Rows stamped less than this before we last looked are read again: a transaction may end long after its rows were
# stamped, several servers' clocks differ, and local times go back an hour in autumn.
OVERLAP = timedelta(hours=2)
OVERLAP_NUMBERS = 200
_TODAY_IN_SECONDS = (10**8, 10**10)
_SORTED_TEXT = re.compile(r"\d{4}-\d{2}-\d{2}([T ])\d{2}:\d{2}:\d{2}", re.ASCII)
_SORTED_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Memory:
    """`sweep`: the id up to which the whole is being read, `swept_from` (aware) when that began; `passed`: it was read
    to its end once.

    `newest`: the greatest update time (without such a column: id) so far; `read_at`: when (aware) the last reading of
    all that is new began; `began`: when the one that goes on did; `resume`: update time and id at which its last page
    was cut off. `waiting`: ids of rows that are to be published later. `digest`: of what all of it gave last.
    """

    sweep: Any = None
    swept_from: datetime | None = None
    passed: bool = False
    newest: Any = None
    read_at: datetime | None = None
    began: datetime | None = None
    resume: tuple[Any, Any] | None = None
    waiting: tuple[Any, ...] = field(default=())
    digest: str = ""

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Memory:
        """From a source's state; what is not ours is left out."""
        known = {each.name: _unpacked(state[each.name]) for each in fields(cls) if each.name in state}
        known["waiting"] = tuple(known.get("waiting") or ())
        known["resume"] = tuple(known["resume"]) if known.get("resume") else None
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        """For a source's state."""
        return {name: _packed(value) for name, value in asdict(self).items()}


def newest(values: Iterable[Any], so_far: Any) -> Any:
    """The greatest value that can be sorted in time or by number; those of another type than the first are left out."""
    for value in values:
        if not is_sorted(value) or (so_far is not None and type(value) is not type(so_far)):
            continue
        if so_far is None or value > so_far:
            so_far = value
    return so_far


def is_sorted(value: object) -> bool:
    """Whether the database's order of such values is their order in time: not so “13-01-2021”."""
    if isinstance(value, str):
        return bool(_SORTED_TEXT.match(value) or _SORTED_DAY.fullmatch(value))
    return isinstance(value, date | int | float | Decimal) and not isinstance(value, bool)


def since(value: Any, zone: ZoneInfo, read_at: datetime) -> tuple[Any, bool]:
    """Where to begin after `value`, the newest that was seen when we last looked at `read_at`; whether behind it.

    What was stamped well before that look was there to be seen, so only the time shortly before it is read again. A
    stamp that is ahead of the clock (2099) hides nothing.
    """
    overlapped = read_at - OVERLAP
    if isinstance(value, datetime):
        return _earlier(value, overlapped if value.tzinfo else _wall(overlapped, zone))
    if isinstance(value, date):
        return min(value, _wall(overlapped, zone).date()), False
    if isinstance(value, str):
        return _text_since(value, _wall(overlapped, zone))
    for unit in (1, 1000):
        if _TODAY_IN_SECONDS[0] * unit <= value < _TODAY_IN_SECONDS[1] * unit:
            return _earlier(value, type(value)(int(overlapped.timestamp() * unit)))
    return value - OVERLAP_NUMBERS, False


def bound(value: Any) -> sa.ColumnElement[Any]:
    """A value as a parameter, of the type that its driver gave it in."""
    if isinstance(value, datetime):
        return sa.literal(value, sa.DateTime(timezone=value.tzinfo is not None))
    if isinstance(value, int):
        return sa.literal(value, sa.BigInteger())
    return sa.literal(value, sa.Text()) if isinstance(value, str) else sa.literal(value)


def _earlier(value: Any, overlapped: Any) -> tuple[Any, bool]:
    return (value, True) if value <= overlapped else (overlapped, False)


def _text_since(value: str, overlapped: datetime) -> tuple[str, bool]:
    """As text; one with a zone of its own is compared by its wall time, too."""
    found = _SORTED_TEXT.match(value)
    if not found:
        return min(value, overlapped.date().isoformat()), False
    return _earlier(value, overlapped.isoformat(sep=found[1], timespec="seconds"))


def _wall(now: datetime, zone: ZoneInfo) -> datetime:
    return now.astimezone(zone).replace(tzinfo=None, fold=0)


def _packed(value: Any) -> Any:
    """As JSON, with the name of its type where JSON has none."""
    if isinstance(value, tuple | list):
        return [_packed(each) for each in value]
    for name, (kind, write, _read) in _TYPES.items():
        if isinstance(value, kind):
            return {name: write(value)}
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if isinstance(value, dict):
        [(name, written)] = value.items()
        return _TYPES[name][2](written)
    return value


_TYPES: dict[str, tuple[type, Any, Any]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "decimal": (Decimal, str, Decimal),
    "uuid": (uuid.UUID, str, uuid.UUID),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}
