"""From a calendar's VEVENTs to candidates (RFC 5545, 7986): one item for each event, and one for each series.

A series is one item that stands for its next date, and goes on to the one after when that is over: so a weekly hymn
singing for babies is one news item, not fifty-two, and no rule sends it every week. Only what is not over is given.
"""

from __future__ import annotations

import html
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import icalendar
from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.sources.contract import Candidate, Event, PictureRef
from publisher.sources.event_times import FREE, When, event_from
from publisher.sources.feed_markup import paragraphs, plain_text, primary_language, web_address, without_controls
from publisher.sources.ical_text import NOT_A_CALENDAR
from publisher.sources.recurrence import NotUnderstoodError, Recurrence, TooOftenError
from publisher.vocabulary import EventStatus

# How far ahead the next date of a series is looked for.
HORIZON = timedelta(days=400)
MAX_DATES = 5_000
# A few seconds of work, for all series of a calendar together.
MAX_DAYS = 1_500_000
TITLE_CHARACTERS = 300
# A mere date, or a time without a zone, ends when its day ends where the organisation is: somewhere within this.
_ANYWHERE = timedelta(hours=14)
_LONGEST = timedelta(days=3_650)
_ESCAPE = re.compile(r"\\([nN,;\\])")


@dataclass(frozen=True)
class Dated:
    """A candidate and the instant at which its event is over, wherever it is."""

    candidate: Candidate
    over_at: datetime


@dataclass
class _Reading:
    """What one look at a calendar knows, and how many days its series may still make us look at."""

    now: datetime
    cancels: bool
    base: str
    days_left: int = MAX_DAYS

    def spend(self, days: int) -> None:
        """Raises PermanentError once it is too much."""
        self.days_left -= days
        if self.days_left < 0:
            raise PermanentError(
                gettext_noop(
                    "The calendar holds too many events that repeat. Ask those who run it for one with fewer of them."
                ),
                reason="too_large",
            )


@dataclass(frozen=True)
class _Part:
    """One VEVENT: `of` says which date of its series it stands for, None for the series or single event itself."""

    row: icalendar.Event
    uid: str
    start: When
    length: timedelta | None
    of: date | datetime | None
    rank: tuple[int, float]


def upcoming(events: Iterable[str], now: datetime, *, cancels: bool, base: str) -> list[Dated]:
    """What is not over at `now`, soonest first. `cancels`: the whole calendar says that it calls off (METHOD:CANCEL).

    Raises PermanentError for a rule that repeats within the day, or if no event could be read.
    """
    texts = list(events)
    parts = [part for text in texts if (part := _part(text)) is not None]
    if texts and not parts:
        raise PermanentError(
            gettext_noop("No event of the calendar could be read: each lacks a day on which it begins."),
            reason=NOT_A_CALENDAR,
        )
    series: dict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        series[part.uid or f"{part.start.at.isoformat()} {_text(part.row, 'SUMMARY')}"].append(part)
    reading = _Reading(now, cancels, base)
    found = [dated for uid, rows in series.items() for dated in _of_series(uid, rows, reading)]
    return sorted(found, key=lambda dated: dated.over_at)


def _part(text: str) -> _Part | None:
    """A VEVENT as we use it; None if it says no day on which it begins."""
    try:
        with warnings.catch_warnings():
            # It says which zone it takes a name like “/example.org/Europe/Copenhagen” for.
            warnings.simplefilter("ignore")
            row = icalendar.Event.from_ical(text)
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    if not isinstance(row, icalendar.Event):
        return None
    start, end, of = (_when(row, name) for name in ("DTSTART", "DTEND", "RECURRENCE-ID"))
    if start is None:
        return None
    return _Part(
        row=row,
        uid=_text(row, "UID"),
        start=start,
        length=end.at - start.at if end else _duration(row),
        of=_value(row, "RECURRENCE-ID", date) if of else None,
        rank=_rank(row),
    )


def _rank(row: icalendar.Event) -> tuple[int, float]:
    """Of two versions of the same, the one with the higher sequence or later change counts (RFC 5546 §2.1.5)."""
    changed = _value(row, "LAST-MODIFIED", datetime) or _value(row, "DTSTAMP", datetime)
    when = When.of(changed) if changed else None
    return int(_value(row, "SEQUENCE", int) or 0), when.at.timestamp() if when else 0.0


def _first(row: icalendar.Event, name: str) -> Any:
    value = row.get(name)
    return value[0] if isinstance(value, list) and value else value


def _value(row: icalendar.Event, name: str, kind: type) -> Any:
    """A property's value if it is of that kind; None where it is missing or broken."""
    value = _first(row, name)
    try:
        value = value if kind is int else value.dt
    except (AttributeError, ValueError):
        return None
    return value if isinstance(value, kind) else None


def _when(row: icalendar.Event, name: str) -> When | None:
    value = _value(row, name, date)
    return None if value is None else When.of(value)


def _duration(row: icalendar.Event) -> timedelta | None:
    length = _value(row, "DURATION", timedelta)
    return length if length is not None and timedelta(0) < length < _LONGEST else None


def _of_series(uid: str, parts: list[_Part], reading: _Reading) -> Iterator[Dated]:
    """The series' or event's next date; dates of a series that the calendar does not hold stand for themselves."""
    masters = sorted((part for part in parts if part.of is None), key=lambda part: part.rank)
    zone = masters[-1].start.at.tzinfo if masters else None
    changed = {_day(part.of, zone): part for part in sorted(parts, key=lambda part: part.rank) if part.of is not None}
    if not masters:
        for day, part in changed.items():
            yield from _ahead(f"{uid} {day.isoformat()}", [(part, part.start)], reading)
        return
    yield from _ahead(uid, _dates(masters[-1], changed, reading), reading)


def _day(value: date, zone: tzinfo | None) -> date:
    """The day of a value where the series is: it may be given in UTC although the series is not."""
    if not isinstance(value, datetime):
        return value
    return (value.astimezone(zone) if zone and value.utcoffset() is not None else value).date()


def _ahead(key: str, dates: Iterable[tuple[_Part, When]], reading: _Reading) -> Iterator[Dated]:
    """The first of these dates that is not over."""
    for part, start in dates:
        event = _event(part, start, reading)
        if event is not None and _over(event) > reading.now:
            yield Dated(_candidate(key, part, event, reading.base), _over(event))
            return


def _over(event: Event) -> datetime:
    """The latest instant at which an item with this event can be over (`items.events.over_at`)."""
    if event.ends_at and not event.all_day:
        return event.ends_at + (_ANYWHERE if event.floating else timedelta(0))
    last = (event.ends_at or event.starts_at).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return last + timedelta(days=1) + _ANYWHERE


def _dates(master: _Part, changed: Mapping[date, _Part], reading: _Reading) -> list[tuple[_Part, When]]:
    """The dates of an event in order, those that were changed as they are now; around now if it is a series."""
    left_out = {*_listed_days(master, "EXDATE"), *changed}
    dates = [(part, part.start) for part in changed.values()]
    for day in _days(master, reading):
        if day not in left_out:
            moved = master.start.at.replace(year=day.year, month=day.month, day=day.day)
            dates.append((master, replace(master.start, at=moved)))
    return sorted(dates, key=lambda each: each[1].at)


def _days(master: _Part, reading: _Reading) -> Sequence[date]:
    """The days on which it begins: one, or those of its rule and its list from a little before now on."""
    now = reading.now
    first = master.start.at.date()
    extra = _listed_days(master, "RDATE")
    rule = _first(master.row, "RRULE")
    if rule is None and not extra:
        return [first]
    since = now.date() - max(master.length or timedelta(0), timedelta(0)) - timedelta(days=3)
    days = {day for day in (first, *extra) if since <= day <= (now + HORIZON).date()}
    if rule is not None:
        days |= set(_by_rule(master, rule, since, (now + HORIZON).date(), reading))
    return sorted(days)[:MAX_DATES]


def _by_rule(master: _Part, rule: Any, since: date, last: date, reading: _Reading) -> Iterator[date]:
    first = master.start.at.date()
    try:
        recurrence = Recurrence.of(rule)
        until = rule.get("UNTIL", [None])[0]
    except TooOftenError as error:
        raise PermanentError(
            gettext_noop(
                "“%(title)s” repeats more often than daily, which no event does. Ask those who run the calendar to "
                "correct it."
            ),
            reason=NOT_A_CALENDAR,
            title=plain_text(_text(master.row, "SUMMARY"))[:100],
        ) from error
    except (NotUnderstoodError, ValueError, TypeError, AttributeError):
        # What we cannot follow, we do not guess: the event is on its first day.
        yield first
        return
    last = min(last, _last_day(until, master, last))
    reading.spend(recurrence.cost(first, last, since))
    yield from recurrence.dates(first, last, since)


def _last_day(until: object, master: _Part, otherwise: date) -> date:
    """UNTIL as a day where the event is; it is given in UTC where the start names a zone (RFC 5545 §3.3.10)."""
    if not isinstance(until, date):
        return otherwise
    if isinstance(until, datetime) and until.utcoffset() is not None:
        return until.astimezone(master.start.at.tzinfo).date()
    return until.date() if isinstance(until, datetime) else until


def _listed_days(master: _Part, name: str) -> list[date]:
    """The days in EXDATE or RDATE, which may stand there several times, with several values each."""
    lists = master.row.get(name)
    values: list[Any] = []
    for each in lists if isinstance(lists, list) else [lists]:
        try:
            values += [value.dt[0] if isinstance(value.dt, tuple) else value.dt for value in each.dts[:MAX_DATES]]
        except (AttributeError, ValueError):
            continue  # missing, or broken
    return [_day(at, master.start.at.tzinfo) for at in values if isinstance(at, date)]


def _event(part: _Part, start: When, reading: _Reading) -> Event | None:
    row = part.row
    end = _end(start, part.length)
    cancelled = reading.cancels or _text(row, "STATUS").upper() == "CANCELLED"
    # RFC 7986 §5.11: where one takes part from afar.
    place = _text(row, "LOCATION") or ("Online" if row.get("CONFERENCE") else "")
    return event_from(
        start,
        end,
        place=html.escape(place, quote=False),
        price=FREE
        if _text(row, "X-COST-TYPE").casefold() == "free"
        else html.escape(_text(row, "X-COST"), quote=False),
        booking_url=_text(row, "X-TICKETS-URL"),
        base=reading.base,
        status=EventStatus.CANCELLED if cancelled else EventStatus.SCHEDULED,
    )


def _end(start: When, length: timedelta | None) -> When | None:
    """The end. A mere date's end is the day after the last one (RFC 5545 §3.6.1); ours is the last one."""
    if length is None or not timedelta(0) < length < _LONGEST:
        return None
    if start.is_date:
        return replace(start, at=start.at + length - timedelta(days=1))
    return replace(start, at=start.at + length)


def _candidate(key: str, part: _Part, event: Event, base: str) -> Candidate:
    row = part.row
    description = _text(row, "DESCRIPTION")
    title = " ".join(_text(row, "SUMMARY").split())[:TITLE_CHARACTERS]
    return Candidate(
        external_key=key,
        title=title or " ".join(description.split())[:TITLE_CHARACTERS],
        link=web_address(_text(row, "URL"), base) if _text(row, "URL") else "",
        body_html=_body(row, description),
        published_at=_published_at(row),
        language=_language(row),
        tags=_tags(row),
        pictures=tuple(_pictures(row, base)),
        event=event,
    )


def _body(row: icalendar.Event, description: str) -> str:
    """The description as HTML: as Outlook writes it beside the text, or the text in paragraphs."""
    rich = _text(row, "X-ALT-DESC")
    if "<" in rich:
        return rich
    return paragraphs(description)


def _published_at(row: icalendar.Event) -> datetime | None:
    written = _value(row, "CREATED", datetime)
    when = When.of(written) if written else None
    return when.at if when else None


def _tags(row: icalendar.Event) -> tuple[str, ...]:
    try:
        words = [plain_text(str(word)) for word in row.categories]
    except (ValueError, AttributeError):
        return ()
    return tuple(dict.fromkeys(word for word in words if word))


def _language(row: icalendar.Event) -> str:
    return primary_language(getattr(_first(row, "SUMMARY"), "params", {}).get("LANGUAGE", ""))


def _pictures(row: icalendar.Event, base: str) -> Iterator[PictureRef]:
    for name in ("IMAGE", "ATTACH"):
        given = row.get(name)
        for each in given if isinstance(given, list) else [given]:
            kind = str(getattr(each, "params", {}).get("FMTTYPE", "")).lower()
            if each is not None and (kind.startswith("image/") or (name == "IMAGE" and not kind)):
                url = web_address(str(each), base)
                if url:
                    yield PictureRef(url)


def _text(row: icalendar.Event, name: str) -> str:
    """A property as text, "" where it is missing. Of those that are no standard, the escapes are still to be read."""
    value = _first(row, name)
    words = "" if value is None else without_controls(str(value)).strip()
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], words) if name.startswith("X-") else words
