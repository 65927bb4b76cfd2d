"""Which entries of a feed are read when it holds more than we read: the newest, wherever they stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from xml.parsers import expat

from publisher.sources.feed_dates import moment
from publisher.sources.feed_elements import BETWEEN, parser_for

ENTRIES = frozenset({"item", "entry"})
_DATES = frozenset({"pubDate", "published", "updated", "date", "issued", "modified", "created"})
_LONGEST_DATE = 60
# In a file of 5 MB these have a hundred letters each: no news.
MOST_SEEN = 50_000
# Each open element costs memory until it ends, and some never do.
DEEPEST = 1_000
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Seen:
    """One entry on the first way through: how many elements it has, its latest date."""

    elements: int = 0
    at: datetime | None = None


class _StopError(Exception):
    """This is for the real reading to judge."""


def newest_in(text: str, most: int, most_elements: int) -> tuple[frozenset[int], int] | None:
    """The places (from 0) of the entries to read, and how many are left out; None if all of them are read.

    At most `most` entries, of at most `most_elements` elements together. None also for what is not well-formed.
    """
    # An ending each, at least: cheaper than reading, which few feeds need.
    if text.count("item>") + text.count("entry>") <= most and text.count("<") <= most_elements:
        return None
    try:
        scan = _Scan()
        scan.read(text)
    except (expat.ExpatError, _StopError):
        return None
    room = most_elements - scan.outside
    chosen = newest([each.at for each in scan.seen], most, [each.elements for each in scan.seen], room)
    left_out = len(scan.seen) - len(chosen)
    return (chosen, left_out) if left_out else None


def newest(times: Sequence[datetime | None], most: int, sizes: Sequence[int] = (), room: int = 0) -> frozenset[int]:
    """The places of the newest, at most `most` of them and with `sizes` no more than `room` together.

    One without a time is as old as the one before it. Where none has a time nobody knows at which end the newest
    stand: then it is as many from either end.
    """
    chosen: set[int] = set()
    for place in _by_age(times):
        room -= sizes[place] if sizes else 0
        if len(chosen) == most or (sizes and room < 0 and chosen):
            break
        chosen.add(place)
    return frozenset(chosen)


def _by_age(times: Sequence[datetime | None]) -> list[int]:
    """The places, the newest first."""
    places = range(len(times))
    known = next((each for each in times if each), None)
    if known is None:
        return sorted(places, key=lambda place: min(place, len(times) - 1 - place))
    filled = []
    for each in times:
        known = each or known
        filled.append(known)
    return sorted(places, key=lambda place: filled[place] or _NEVER, reverse=True)


@dataclass
class _Scan:
    """Expat's events, of which only entries, their dates and numbers are kept."""

    seen: list[_Seen] = field(default_factory=list)
    outside: int = 0
    _depth: int = 0
    _entry_depth: int = 0
    _date: list[str] | None = None

    def read(self, text: str) -> None:
        """Raises ExpatError, _StopError."""
        parser = parser_for(self._start, self._end, self._text)
        parser.EntityDeclHandler = _stop
        parser.Parse(text.encode("utf-8", "replace"), True)

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _StopError
        kind = tag.rpartition(BETWEEN)[2]
        if not self._entry_depth and kind in ENTRIES:
            self._entry_depth = self._depth
            self.seen.append(_Seen())
            if len(self.seen) > MOST_SEEN:
                raise _StopError
        if not self._entry_depth:
            self.outside += 1
            return
        self.seen[-1].elements += 1
        if kind in _DATES and self._depth == self._entry_depth + 1:
            self._date = []

    def _text(self, text: str) -> None:
        if self._date is not None:
            self._date.append(text[:_LONGEST_DATE])

    def _end(self, _tag: str) -> None:
        if self._date is not None:
            at = _moment("".join(self._date))
            self._date = None
            if at and self.seen:
                self.seen[-1].at = max(self.seen[-1].at or at, at)
        if self._depth == self._entry_depth:
            self._entry_depth = 0
        self._depth -= 1


def _moment(written: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(written.strip()[:_LONGEST_DATE])
    except (ValueError, OverflowError):
        return moment(written)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _stop(*_declaration: object) -> None:
    raise _StopError
