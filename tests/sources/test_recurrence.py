"""Our bounded recurrence gives what dateutil gives, and does not look for ever where dateutil would."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

import pytest
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import vRecur

from publisher.sources.recurrence import DAYS, NotUnderstoodError, Recurrence, TooOftenError

FIRST, LAST = date(2026, 1, 1), date(2029, 12, 31)
FREQUENCIES = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}


def dates(rule: str, first: date = FIRST, last: date = LAST) -> list[date]:
    return list(Recurrence.of(vRecur.from_ical(rule)).dates(first, last, first))


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    frequency = draw(st.sampled_from(sorted(FREQUENCIES)))
    # Named with ordinals and without in one rule, dateutil wants both at once; RFC 5545 means either.
    numbered = frequency in {"MONTHLY", "YEARLY"} and draw(st.booleans())
    ordinals = st.sampled_from([1, 2, -1]) if numbered else st.just(0)
    days = draw(st.lists(st.tuples(ordinals, st.integers(0, 6)), max_size=3, unique=True))
    month_days = st.lists(st.integers(-31, 31).filter(bool), max_size=2, unique=True)
    return {
        "freq": frequency,
        "interval": draw(st.integers(1, 5)),
        "months": draw(st.lists(st.integers(1, 12), max_size=3, unique=True)),
        "month_days": draw(month_days) if frequency != "WEEKLY" else [],
        "days": days,
        "positions": draw(st.lists(st.sampled_from([1, 2, -1]), max_size=2, unique=True)) if days else [],
        "week_start": draw(st.integers(0, 6)),
    }


def written(rule: dict[str, Any]) -> str:
    days = ",".join(f"{ordinal or ''}{DAYS[day]}" for ordinal, day in rule["days"])
    parts = {
        "FREQ": rule["freq"],
        "INTERVAL": rule["interval"],
        "BYMONTH": ",".join(map(str, rule["months"])),
        "BYMONTHDAY": ",".join(map(str, rule["month_days"])),
        "BYDAY": days,
        "BYSETPOS": ",".join(map(str, rule["positions"])),
        "WKST": DAYS[rule["week_start"]],
    }
    return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def by_dateutil(rule: dict[str, Any], first: date) -> list[date]:
    found = rrule(
        FREQUENCIES[rule["freq"]],
        dtstart=datetime.combine(first, time()),
        interval=rule["interval"],
        bymonth=rule["months"] or None,
        bymonthday=rule["month_days"] or None,
        byweekday=[weekday(day)(ordinal) if ordinal else weekday(day) for ordinal, day in rule["days"]] or None,
        bysetpos=rule["positions"] or None,
        wkst=rule["week_start"],
        until=datetime.combine(LAST, time()),
        cache=False,
    )
    return [at.date() for at in found]


@settings(deadline=None, max_examples=40)
@given(rules(), st.dates(FIRST, date(2028, 12, 31)))
def test_the_same_dates_as_dateutil(rule: dict[str, Any], first: date) -> None:
    ours = dates(written(rule), first)
    if len(ours) < 4 or (LAST - ours[-1]).days > 400:
        return  # dateutil would look for the next one until the year 9999
    if rule["freq"] == "WEEKLY" and rule["positions"]:
        return  # dateutil counts positions in the first week from the first date on, not from the week's beginning
    theirs = by_dateutil(rule, first)
    assert ours == (theirs if theirs[:1] == [first] else [first, *theirs])


@settings(deadline=None, max_examples=40)
@given(rules(), st.dates(FIRST, date(2028, 12, 31)), st.dates(FIRST, LAST), st.none() | st.integers(1, 20))
def test_from_later_on_it_is_the_rest(rule: dict[str, Any], first: date, since: date, times: int | None) -> None:
    recurrence = replace(Recurrence.of(vRecur.from_ical(written(rule))), count=times)
    whole = list(recurrence.dates(first, LAST, first))
    assert list(recurrence.dates(first, LAST, since)) == [at for at in whole if at >= since]


def test_a_count_includes_the_first() -> None:
    assert dates("FREQ=DAILY;COUNT=3") == [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]
    assert dates("FREQ=WEEKLY;BYDAY=FR;COUNT=2") == [date(2026, 1, 1), date(2026, 1, 2)]


def test_without_any_date_the_first_stays() -> None:
    assert dates("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30") == [FIRST]
    assert dates("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", date(2020, 1, 1), date(2030, 1, 1)) == [date(2020, 1, 1)]


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY", "FREQ=DAILY;BYHOUR=1,2"])
def test_within_the_day_is_too_often(rule: str) -> None:
    with pytest.raises(TooOftenError):
        dates(rule)


@pytest.mark.parametrize(
    "rule",
    ["FREQ=NEVER", "FREQ=YEARLY;BYWEEKNO=20", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=0", "FREQ=YEARLY;BYMONTH=13"],
)
def test_what_is_not_understood(rule: str) -> None:
    with pytest.raises((NotUnderstoodError, ValueError)):
        dates(rule)


def test_one_hour_named_is_the_hour_of_the_start() -> None:
    assert dates("FREQ=DAILY;BYHOUR=19;COUNT=1") == [FIRST]
