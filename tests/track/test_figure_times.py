"""When a post is asked about: less and less, never twice for one look, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.track.figure_times import LONGEST_PAUSE, OLDEST, PAUSES, SELDOM, USUAL, next_look, pause_after

PUBLISHED = datetime(2026, 11, 26, 8, tzinfo=UTC)


@pytest.mark.parametrize(("seldom", "looks"), [(False, 16), (True, 5)])
def test_all_looks_of_a_post(seldom: bool, looks: int) -> None:
    at: datetime | None = PUBLISHED
    ages = []
    while at is not None and (at := next_look(PUBLISHED, at, seldom=seldom)):
        ages.append(at - PUBLISHED)
    assert len(ages) == looks and ages == sorted(set(ages))
    assert ages[0] == (timedelta(hours=6) if seldom else timedelta(minutes=10))
    assert ages[-1] <= timedelta(days=35) < OLDEST
    pauses = [later - earlier for earlier, later in zip([timedelta(0), *ages], ages, strict=False)]
    assert pauses == sorted(pauses)


@given(st.timedeltas(timedelta(0), timedelta(days=60)), st.booleans())
def test_the_next_look_is_the_first_that_is_still_to_come(after: timedelta, seldom: bool) -> None:
    at = next_look(PUBLISHED, PUBLISHED + after, seldom=seldom)
    left = [age for age in (SELDOM if seldom else USUAL) if age > after]
    assert (at - PUBLISHED if at else None) == min(left, default=None)


@given(st.integers(0, 40), st.none() | st.floats(0, 1e12))
def test_pauses_grow_and_obey_the_platform_within_reason(failures: int, asked_s: float | None) -> None:
    pause = pause_after(failures, asked_s)
    assert PAUSES[0] <= pause_after(failures) <= pause <= LONGEST_PAUSE
    assert pause_after(failures) <= pause_after(failures + 1)
    assert asked_s is None or pause >= min(timedelta(seconds=asked_s), LONGEST_PAUSE)
