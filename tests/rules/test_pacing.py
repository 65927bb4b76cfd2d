"""Quiet hours, the gap and the day's number: never broken, and nothing gets lost between them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.rules.pacing import Pace
from publisher.schedule.quiet import Quiet
from publisher.schedule.times import wall_of

ZONE = "Europe/Copenhagen"
NIGHT = Quiet(ZONE, time(22), time(7))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- Quiet hours -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quiet", "at", "free"),
    [
        (NIGHT, "2027-02-03 20:59:59", "2027-02-03 20:59:59"),
        (NIGHT, "2027-02-03 21:00", "2027-02-04 06:00"),
        (NIGHT, "2027-02-04 05:59", "2027-02-04 06:00"),
        (NIGHT, "2027-02-04 06:00", "2027-02-04 06:00"),
        (Quiet(ZONE, time(12), time(13)), "2027-02-04 11:30", "2027-02-04 12:00"),
        (Quiet(ZONE, time(12), time(13)), "2027-02-04 12:00", "2027-02-04 12:00"),
        (Quiet(ZONE, time(9), time(9)), "2027-02-04 08:00", "2027-02-04 08:00"),
        (Quiet(ZONE, time(22), time(0)), "2027-02-04 22:30", "2027-02-04 23:00"),
        # Friday evening: the night, then the weekend, then Sunday's night.
        (Quiet(ZONE, time(22), time(7), weekends=True), "2027-02-05 21:30", "2027-02-08 06:00"),
        (Quiet(ZONE, weekends=True), "2027-02-06 12:00", "2027-02-07 23:00"),
        # Maundy Thursday 2027 is 25 March; Easter Monday the 29th; the clocks go forward on the 28th.
        (Quiet(ZONE, holidays=True), "2027-03-25 08:00", "2027-03-26 23:00"),
        (Quiet(ZONE, weekends=True, holidays=True), "2027-03-25 08:00", "2027-03-29 22:00"),
        # There is no half past two on 28 March; on 31 October it comes twice.
        (Quiet(ZONE, time(22), time(2, 30)), "2027-03-28 00:30", "2027-03-28 01:30"),
        (Quiet(ZONE, time(22), time(2, 30)), "2027-10-31 00:15", "2027-10-31 00:30"),
        (Quiet(ZONE, time(22), time(2, 30)), "2027-10-31 01:10", "2027-10-31 01:30"),
    ],
)  # fmt: skip
def test_when_the_quiet_is_over(quiet: Quiet, at: str, free: str) -> None:
    assert quiet.free_from(utc(at)) == utc(free)
    assert quiet.covers(utc(at)) is (at != free)


clocks = st.times().map(lambda at: at.replace(second=0, microsecond=0))
zones = st.sampled_from([ZONE, "UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
quiets = st.builds(Quiet, zones, st.none() | clocks, st.none() | clocks, st.booleans(), st.booleans())
instants = st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))


@given(quiets, instants)
def test_the_quiet_ends_and_was_quiet_all_the_way(quiet: Quiet, at: datetime) -> None:
    free = quiet.free_from(at)
    assert free >= at and not quiet.covers(free)
    assert free - at < timedelta(days=9), "the longest row of quiet days is shorter"
    if free > at:
        assert quiet.covers(at) and quiet.free_from(at + (free - at) / 2) == free


# --- Turns -------------------------------------------------------------------------------------------------------


paces = st.builds(Pace, quiets, st.integers(1, 6), st.integers(0, 600).map(lambda minutes: timedelta(minutes=minutes)))
news = st.lists(st.integers(0, 60 * 24 * 10), max_size=40).map(sorted)


@given(paces, instants, news)
def test_whatever_comes_the_limits_hold_and_nobody_overtakes(pace: Pace, start: datetime, minutes: list[int]) -> None:
    """News at so many minutes after a start, each given its turn when it comes, as a rule does."""
    taken: list[datetime] = []
    left_out = 0
    for after in minutes:
        came = start + timedelta(minutes=after)
        at = pace.turn(max([came, *taken[-1:]]), taken)
        if at is None:
            left_out += 1
            continue
        assert at >= came
        taken.append(at)
    assert len(taken) + left_out == len(minutes)
    assert taken == sorted(taken)
    assert not any(pace.quiet.covers(at) for at in taken)
    assert all(after - before >= pace.gap for before, after in pairwise(taken))
    days = Counter(wall_of(at, pace.quiet.zone).date() for at in taken)
    assert max(days.values(), default=0) <= pace.cap


@given(paces, instants, news)
def test_a_day_that_is_not_full_leaves_nothing_out(pace: Pace, start: datetime, minutes: list[int]) -> None:
    taken: list[datetime] = []
    for after in minutes:
        earliest = max([start + timedelta(minutes=after), *taken[-1:]])
        at = pace.turn(earliest, taken)
        if at is not None:
            taken.append(at)
            continue
        free = Pace(pace.quiet, 10_000, pace.gap).turn(earliest, taken)
        assert free is not None and not pace.has_room(free, taken)


def test_a_turn_between_two_that_are_far_enough_apart() -> None:
    pace = Pace(Quiet(ZONE), 9, timedelta(hours=1))
    taken = [utc("2027-02-03 08:00"), utc("2027-02-03 12:00")]
    assert pace.turn(utc("2027-02-03 08:30"), taken) == utc("2027-02-03 09:00")
    assert pace.turn(utc("2027-02-03 11:01"), taken) == utc("2027-02-03 13:00")
    assert pace.fits(utc("2027-02-03 09:00"), taken) and not pace.fits(utc("2027-02-03 12:30"), taken)
