"""Events in feeds: what RSS and Atom entries say of when and where, in the vocabularies that are really written.

- `ev:` of RSS 1.0's event module (http://purl.org/rss/1.0/modules/event/): startdate, enddate, location
- `xcal:` (urn:ietf:params:xml:ns:xcal, RFC 6321) of Drupal, Localist and Trumba: dtstart, dtend, location, status
- `gd:` of Google Data: when (startTime, endTime), where (valueString), eventStatus
- `mec:` of WordPress's Modern Events Calendar: startDate with startHour, location, cost
- `event_listing:` of WP Event Manager and homemade ones: start_date, end_date, location, ticket_price

Prefixes are whatever a feed makes them, so what counts is the local name behind the prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import time
from typing import Any

from publisher.sources.contract import Event
from publisher.sources.event_times import When, event_from, read_time
from publisher.vocabulary import EventStatus

_Entry = Mapping[str, Any]
_STARTS = ("startdate", "dtstart", "start_date", "startdatetime", "localstart", "eventstart", "event_start")
_ENDS = ("enddate", "dtend", "end_date", "enddatetime", "localend", "eventend", "event_end")
_START_HOURS, _END_HOURS = ("starthour", "start_time"), ("endhour", "end_time")
_PLACES = ("location", "event_location", "venue")
_PRICES = ("price", "cost", "ticket_price", "event_price")
_BOOKINGS = ("ticketurl", "ticketsurl", "bookingurl", "ticket_url", "booking_url", "registration_url")
_STATUSES = ("status", "eventstatus", "event_status")
_NAMES = (_STARTS, _ENDS, _START_HOURS, _END_HOURS, _PLACES, _PRICES, _BOOKINGS, _STATUSES)
_WANTED = frozenset(name for names in _NAMES for name in names) | {"when", "where"}
# Any of these tells that an entry may be an event; all others are passed over at once.
_TELLING = frozenset({*_STARTS, "when"})
_HOUR = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*([ap])?\.?m?\.?", re.IGNORECASE)


def event_in(entry: _Entry, base: str = "") -> Event | None:
    """The event that a feed's entry (as feedparser gives it) is about, None if it says no day on which it begins."""
    said = _said(entry)
    if not _TELLING.intersection(said):
        return None
    when, where = _attributes(said, "when"), _attributes(said, "where")
    start = _time(said, _STARTS, _START_HOURS) or read_time(when.get("starttime"))
    end = _time(said, _ENDS, _END_HOURS) or read_time(when.get("endtime"))
    return event_from(
        start,
        end,
        place=_first(said, _PLACES) or str(where.get("valuestring") or ""),
        price=_first(said, _PRICES),
        booking_url=_first(said, _BOOKINGS),
        base=base,
        status=_status(said),
    )


def _said(entry: _Entry) -> dict[str, Any]:
    """What may concern an event, by local name; the first of each."""
    said: dict[str, Any] = {}
    for key, value in dict.items(entry) if isinstance(entry, dict) else entry.items():
        name = key if key in _WANTED else key.partition("_")[2]
        # Names of two words may have a prefix of two: event_listing:start_date.
        if name not in _WANTED:
            name = name.partition("_")[2]
        if name in _WANTED and value:
            said.setdefault(name, value)
    return said


def _attributes(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, Mapping) else {}


def _first(said: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        value = said.get(name)
        if isinstance(value, Mapping):
            value = value.get("value") or value.get("name")
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _time(said: Mapping[str, Any], names: Iterable[str], hours: Iterable[str]) -> When | None:
    """A date or time; a mere date together with the hour that stands beside it."""
    when = read_time(_first(said, names))
    hour = _clock(_first(said, hours)) if when and when.is_date else None
    if when is None or hour is None:
        return when
    return replace(when, at=when.at.replace(hour=hour.hour, minute=hour.minute), is_date=False)


def _clock(written: str) -> time | None:
    """“7:00 pm”, “19.30” or “19” as a time of day."""
    found = _HOUR.match(written)
    if not found:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _status(said: Mapping[str, Any]) -> str:
    written = _first(said, _STATUSES).lower()
    if "cancel" in written or "aflyst" in written:
        return EventStatus.CANCELLED
    if "postpone" in written:
        return EventStatus.POSTPONED
    return EventStatus.MOVED if "reschedule" in written else EventStatus.SCHEDULED
