"""An iCalendar's bytes, cut into its events before anything parses them: a linear pass that no nesting can blow up.

What is handed on are single VEVENTs without their alarms, and only those that are not long over: calendars keep years
of what has been. Time zones that a calendar defines itself are left out: a zone is known by its name (RFC 5545 §3.2.19)
or not at all, and a definition can hold a rule that never ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.sources.feed_text import text_of

NOT_A_CALENDAR = "not_a_calendar"
MAX_LINES = 400_000
MAX_EVENTS = 20_000
# So many are parsed, at about 2 ms each; what is over is not counted.
MAX_AHEAD = 1_500
MAX_DEPTH = 10
LONGEST_LINE = 50_000
# Something that began so long ago and names no end in days may still be going on.
_BEGUN_LATELY = timedelta(days=60)
_FOLD = re.compile(r"\r?\n[ \t]")
# No other character ends a line, whatever Python takes for one: words hold U+2028.
_LINE_END = re.compile(r"\r\n|\n|\r")
_DAY = re.compile(r"^(DTSTART|DTEND)(?:;[^:\n]*)?:(\d{4})(\d{2})(\d{2})", re.IGNORECASE | re.MULTILINE)
_REPEATS = re.compile(r"^(?:RRULE|RDATE|RECURRENCE-ID)[;:]", re.IGNORECASE | re.MULTILINE)
_CALENDAR_LINES = frozenset({"METHOD", "NAME", "X-WR-CALNAME", "REFRESH-INTERVAL", "X-PUBLISHED-TTL"})
# What icalendar would read and nobody here asks for.
_LEFT_OUT = frozenset({"ATTENDEE", "X-APPLE-STRUCTURED-LOCATION", "X-MICROSOFT-LOCATIONS", "COMMENT", "CONTACT"})


@dataclass
class CalendarText:
    """A calendar's own lines (by upper-case name, the first of each) and its events, each as a VEVENT of its own."""

    lines: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


def read_text(body: bytes, content_type: str, today: date) -> CalendarText:
    """Cut a calendar into its events; those long over at `today` are left out.

    Raises PermanentError for what is no calendar, has too many events, or is nested as no calendar is.
    """
    text = _FOLD.sub("", text_of(body, content_type))
    if "BEGIN:VCALENDAR" not in text[:10_000].upper():
        raise _no_calendar(text, content_type)
    found = CalendarText()
    for number, event in enumerate(_events(text, found.lines)):
        if number >= MAX_EVENTS:
            raise _too_many()
        if _is_of_interest(event, today):
            found.events.append(event)
            if len(found.events) > MAX_AHEAD:
                raise _too_many()
    return found


def _events(text: str, lines: dict[str, str]) -> Iterator[str]:
    """Each VEVENT without what is nested in it; fills `lines` with the calendar's own on the way."""
    path: list[str] = []
    event: list[str] = []
    for number, line in enumerate(_LINE_END.split(text)):
        if number >= MAX_LINES:
            raise _too_many()
        name, _colon, value = line.partition(":")
        name = name.partition(";")[0].strip().upper()
        if name == "BEGIN":
            path.append(value.strip().upper())
            if len(path) > MAX_DEPTH:
                raise _too_deep()
            if path[-1] == "VEVENT":
                event = []
        elif name == "END":
            ended = path.pop() if path else ""
            if ended == "VEVENT":
                yield "\r\n".join(["BEGIN:VEVENT", *event, "END:VEVENT", ""])
        elif path[-1:] == ["VEVENT"] and name not in _LEFT_OUT and len(line) <= LONGEST_LINE:
            event.append(line)
        elif path == ["VCALENDAR"] and name in _CALENDAR_LINES:
            lines.setdefault(name, value.strip())


def _is_of_interest(event: str, today: date) -> bool:
    if _REPEATS.search(event):
        return True
    days = {name.upper(): f"{year}-{month}-{day}" for name, year, month, day in _DAY.findall(event)}
    if "DTEND" in days:
        return days["DTEND"] >= (today - timedelta(days=2)).isoformat()
    return days.get("DTSTART", "") >= (today - _BEGUN_LATELY).isoformat()


def _no_calendar(text: str, content_type: str) -> PermanentError:
    head = text[:10_000].strip().lower()
    if not head:
        return PermanentError(gettext_noop("The calendar is empty: the address gives nothing."), reason=NOT_A_CALENDAR)
    if "html" in content_type or "<html" in head:
        return PermanentError(
            gettext_noop(
                "This address is a web page, not a calendar. Look on the page for a link such as “Subscribe” or “iCal”."
            ),
            reason=NOT_A_CALENDAR,
        )
    return PermanentError(
        gettext_noop("What this address gives is no calendar (iCalendar). Check the address."), reason=NOT_A_CALENDAR
    )


def _too_many() -> PermanentError:
    return PermanentError(
        gettext_noop("The calendar holds too many events to be read. Ask those who run it for a smaller one."),
        reason="too_large",
    )


def _too_deep() -> PermanentError:
    return PermanentError(
        gettext_noop("The calendar is built in a way that no calendar is (parts within parts without end)."),
        reason=NOT_A_CALENDAR,
    )
