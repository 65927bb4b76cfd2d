"""Times of events as the world writes them, and the one place where an Event is put together from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from publisher.sources.contract import Event
from publisher.sources.feed_markup import plain_text, web_address
from publisher.vocabulary import EventStatus

FREE = "0"
PLACE_CHARACTERS = 200
PRICE_CHARACTERS = 120
# Outside of these years a date is a slip or an attack, and the arithmetic of zones could overflow.
FIRST_YEAR, LAST_YEAR = 1970, 2200
_LONGEST_TIME = 64
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_LAST_MINUTE = time(23, 59)


@dataclass(frozen=True)
class When:
    """A moment as it was written: `at` is aware, and labelled UTC where it is a mere date or names no zone."""

    at: datetime
    is_date: bool = False
    floating: bool = False

    @classmethod
    def of(cls, value: datetime | date) -> When | None:
        """From a date, or a time with or without a zone; None for years that no event is in."""
        if not FIRST_YEAR <= value.year <= LAST_YEAR:
            return None
        if not isinstance(value, datetime):
            return cls(datetime.combine(value, time(), UTC), is_date=True, floating=True)
        if value.utcoffset() is None:
            return cls(value.replace(tzinfo=UTC), floating=True)
        return cls(value)


def read_time(written: object) -> When | None:
    """A date or time in ISO 8601 or in the words of RFC 5322; None for anything else."""
    text = written.strip() if isinstance(written, str) else ""
    if not text or len(text) > _LONGEST_TIME:
        return None
    try:
        if _DATE.fullmatch(text):
            return When.of(date.fromisoformat(text))
        return When.of(datetime.fromisoformat(text))
    except ValueError:
        return _in_words(text)


def _in_words(text: str) -> When | None:
    try:
        return When.of(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def event_from(
    start: When | None,
    end: When | None = None,
    *,
    place: str = "",
    price: str = "",
    booking_url: str = "",
    base: str = "",
    status: str = EventStatus.SCHEDULED,
) -> Event | None:
    """The event that these facts make, each cut to what an item holds; None without a start.

    An end before the start is left out. Words may hold markup; a booking link may be relative to `base`, and is left
    out where it is `base` itself.
    """
    if start is None:
        return None
    all_day = start.is_date or _whole_days(start, end)
    ends_at = _end_of_days(start, end) if all_day else _end(start, end)
    booking = web_address(booking_url, base) if booking_url else ""
    return Event(
        starts_at=_midnight(start.at) if all_day else start.at,
        ends_at=ends_at,
        all_day=all_day,
        place=plain_text(place)[:PLACE_CHARACTERS].strip(),
        price=plain_text(price)[:PRICE_CHARACTERS].strip(),
        booking_url="" if booking == base else booking,
        status=status,
        floating=start.floating or all_day,
    )


def _whole_days(start: When, end: When | None) -> bool:
    """How systems without a word for it write whole days: from midnight until midnight, or a minute before."""
    if end is None or end.is_date or _wall(start) != time():
        return False
    begins, ends = start.at.replace(tzinfo=None), end.at.replace(tzinfo=None)
    return ends > begins and (_wall(end) == time() or _wall(end).replace(second=0, microsecond=0) == _LAST_MINUTE)


def _wall(when: When) -> time:
    return when.at.timetz().replace(tzinfo=None)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.date(), time(), UTC)


def _end_of_days(start: When, end: When | None) -> datetime | None:
    """The last day, None if that is the first; midnight after a whole day still belongs to the day before it."""
    if end is None:
        return None
    last = end.at.date()
    if not start.is_date and not end.is_date and _wall(end) == time():
        last -= timedelta(days=1)
    return datetime.combine(last, time(), UTC) if last > start.at.date() else None


def _end(start: When, end: When | None) -> datetime | None:
    if end is None:
        return None
    at = end.at
    if end.is_date:
        if end.at.date() <= start.at.date():
            return None
        at = datetime.combine(end.at.date(), _LAST_MINUTE, start.at.tzinfo)
    elif start.floating != end.floating:
        at = end.at.replace(tzinfo=_zone(start))
    return at if at > start.at else None


def _zone(start: When) -> tzinfo:
    return start.at.tzinfo or UTC
