"""When something repeats: the dates of an iCalendar recurrence rule (RFC 5545 §3.3.10), with work that is bounded.

dateutil's rules look for a next date until the year 9999, which for a rule that has none (30 February) takes so long
that a calendar of them stops its reader. Here every period costs at most its days, and none after `last` is looked at;
`cost` says before how much that is.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
# Which hour and minute it is says the start; more than one of them would be a rule for hours.
_CLOCK = ("BYHOUR", "BYMINUTE", "BYSECOND")
_UNKNOWN = ("BYWEEKNO", "BYYEARDAY", "BYEASTER", "RSCALE", "SKIP")


class TooOftenError(ValueError):
    """It repeats within the day: nothing that anybody goes to, and a way to keep a reader busy for ever."""


class NotUnderstoodError(ValueError):
    """A rule that is broken, or of a kind that we do not follow."""


@dataclass(frozen=True)
class Recurrence:
    """A rule by whole days. `by_day` holds (ordinal, weekday): 0 is every one, -1 the last of the month or year."""

    frequency: str
    interval: int = 1
    count: int | None = None
    by_month: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_position: tuple[int, ...] = ()
    week_start: int = 0

    @classmethod
    def of(cls, rule: Mapping[str, Sequence[Any]]) -> Recurrence:
        """From a rule's parts as `icalendar` reads them. Raises TooOftenError, NotUnderstoodError."""
        frequency = str(_one(rule, "FREQ", "")).upper()
        if frequency in TOO_OFTEN or any(len(rule.get(part, ())) > 1 for part in _CLOCK):
            raise TooOftenError(frequency)
        if frequency not in _PERIODS or any(rule.get(part) for part in _UNKNOWN):
            raise NotUnderstoodError(frequency)
        interval, times = int(_one(rule, "INTERVAL", 1)), _one(rule, "COUNT", None)
        if interval < 1 or (times is not None and int(times) < 1):
            raise NotUnderstoodError(frequency)
        return cls(
            frequency=frequency,
            interval=interval,
            count=None if times is None else int(times),
            by_month=_numbers(rule, "BYMONTH", 12),
            by_month_day=_numbers(rule, "BYMONTHDAY", 31),
            by_day=tuple(_weekday(str(day)) for day in rule.get("BYDAY", ())),
            by_position=_numbers(rule, "BYSETPOS", 366),
            week_start=_weekday(str(_one(rule, "WKST", "MO")))[1],
        )

    def cost(self, first: date, last: date, since: date) -> int:
        """About how many days `dates` looks at, so that many rules together can be refused."""
        return max((last - self._from(first, since)).days, 0) // self.interval + 366

    def _from(self, first: date, since: date) -> date:
        """A rule that counts its dates is followed from the first; of others nobody asks what was long ago."""
        return first if self.count is not None else max(first, since)

    def dates(self, first: date, last: date, since: date) -> Iterator[date]:
        """The dates from `since` until `last`, in order. `first`, where it begins, counts even if no part names it."""
        yield from (at for at in self._counted(first, last, self._from(first, since)) if at >= since)

    def _counted(self, first: date, last: date, begin: date) -> Iterator[date]:
        number = 0
        found: date | None = None
        for at in self._all(first, last, begin):
            if found is None and at != first and begin == first:
                number += 1
                yield first
            found = at
            if self.count is not None and number >= self.count:
                return
            number += 1
            yield at
        if found is None and begin == first <= last:
            yield first

    def _all(self, first: date, last: date, begin: date) -> Iterator[date]:
        for begins, days in _PERIODS[self.frequency](self, first, begin):
            if begins > last:
                return
            for at in self._positioned(sorted(set(days))):
                if at > last:
                    return
                if at >= first:
                    yield at

    def _positioned(self, days: list[date]) -> Iterable[date]:
        if not self.by_position:
            return days
        chosen = {at for at in self.by_position if -len(days) <= at <= len(days)}
        return sorted({days[at - 1 if at > 0 else at] for at in chosen})

    def days(self, first: date, begin: date) -> Iterator[tuple[date, list[date]]]:
        """Every so many days, those of them that the other parts allow."""
        for step in count((begin - first).days // self.interval):
            at = _later(first, step * self.interval)
            if at is None:
                return
            yield at, [at] if self._allows(at) else []

    def weeks(self, first: date, begin: date) -> Iterator[tuple[date, list[date]]]:
        """Every so many weeks, the named weekdays, or the one of `first`."""
        wanted = {day for _ordinal, day in self.by_day} or {first.weekday()}
        monday = first - timedelta(days=(first.weekday() - self.week_start) % 7)
        for step in count((begin - monday).days // (7 * self.interval)):
            begins = _later(monday, step * self.interval * 7)
            if begins is None:
                return
            week = (begins + timedelta(days=day) for day in range(7))
            yield begins, [at for at in week if at.weekday() in wanted and self._in_month(at)]

    def months(self, first: date, begin: date) -> Iterator[tuple[date, list[date]]]:
        """Every so many months."""
        passed = (begin.year - first.year) * 12 + begin.month - first.month
        for step in count(passed // self.interval):
            years, month = divmod(first.month - 1 + step * self.interval, 12)
            if first.year + years > date.max.year - 1:
                return
            begins = date(first.year + years, month + 1, 1)
            yield begins, self._of_month(begins, first) if self._in_month(begins) else []

    def years(self, first: date, begin: date) -> Iterator[tuple[date, list[date]]]:
        """Every so many years."""
        for step in count((begin.year - first.year) // self.interval):
            year = first.year + step * self.interval
            if year > date.max.year - 1:
                return
            yield date(year, 1, 1), self._of_year(year, first)

    def _of_year(self, year: int, first: date) -> list[date]:
        if self.by_day and not self.by_month:
            whole = [date(year, 1, 1) + timedelta(days=day) for day in range(365 + calendar.isleap(year))]
            return [at for at in _weekdays_among(whole, self.by_day) if self._on_day(at)]
        months = self.by_month or (tuple(range(1, 13)) if self.by_month_day else (first.month,))
        return [at for month in months for at in self._of_month(date(year, month, 1), first)]

    def _of_month(self, begins: date, first: date) -> list[date]:
        length = calendar.monthrange(begins.year, begins.month)[1]
        whole = [begins.replace(day=day) for day in range(1, length + 1)]
        if self.by_month_day:
            days = {day if day > 0 else length + 1 + day for day in self.by_month_day}
            named = [at for at in whole if at.day in days]
            return [at for at in named if not self.by_day or at in _weekdays_among(whole, self.by_day)]
        if self.by_day:
            return _weekdays_among(whole, self.by_day)
        return [at for at in whole if at.day == first.day]

    def _allows(self, at: date) -> bool:
        on_weekday = not self.by_day or at.weekday() in {day for _ordinal, day in self.by_day}
        return self._in_month(at) and on_weekday and self._on_day(at)

    def _on_day(self, at: date) -> bool:
        if not self.by_month_day:
            return True
        length = calendar.monthrange(at.year, at.month)[1]
        return at.day in self.by_month_day or at.day - length - 1 in self.by_month_day

    def _in_month(self, at: date) -> bool:
        return not self.by_month or at.month in self.by_month


_PERIODS = {
    "DAILY": Recurrence.days,
    "WEEKLY": Recurrence.weeks,
    "MONTHLY": Recurrence.months,
    "YEARLY": Recurrence.years,
}


def _weekdays_among(whole: list[date], wanted: Sequence[tuple[int, int]]) -> list[date]:
    """Of the days of a month or year those that are wanted: every Thursday, the second, the last."""
    found: list[date] = []
    for ordinal, weekday in wanted:
        alike = [at for at in whole if at.weekday() == weekday]
        if not ordinal:
            found += alike
        elif -len(alike) <= ordinal <= len(alike):
            found.append(alike[ordinal - 1 if ordinal > 0 else ordinal])
    return found


def _later(at: date, days: int) -> date | None:
    return at + timedelta(days=days) if days < (date.max - at).days else None


def _one(rule: Mapping[str, Sequence[Any]], part: str, otherwise: Any) -> Any:
    values = rule.get(part) or [otherwise]
    return values[0]


def _numbers(rule: Mapping[str, Sequence[Any]], part: str, most: int) -> tuple[int, ...]:
    numbers = tuple(int(value) for value in rule.get(part, ()))
    if any(not number or abs(number) > most for number in numbers) or (
        part == "BYMONTH" and min(numbers, default=1) < 1
    ):
        raise NotUnderstoodError(part)
    return numbers


def _weekday(written: str) -> tuple[int, int]:
    """“TH” → (0, 3), “-1FR” → (-1, 4)."""
    ordinal, day = written[:-2], written[-2:].upper()
    if day not in DAYS:
        raise NotUnderstoodError(written)
    try:
        return (int(ordinal) if ordinal else 0), DAYS.index(day)
    except ValueError as error:
        raise NotUnderstoodError(written) from error
