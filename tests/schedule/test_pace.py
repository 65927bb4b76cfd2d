"""Pace against a real Redis: never more than at once plus rate times time, in whatever order lanes ask."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from publisher.deliver.limits import Limits, open_in_s
from publisher.paces import PLAN, PRESETS, Pace, parse_pace, parse_plan, parse_starts
from publisher.schedule import pace as paces
from publisher.schedule.pace import Want, reserve

CALLS = st.lists(st.tuples(st.floats(0, 90), st.integers(-3, 40)), min_size=1, max_size=40)


@pytest.fixture(autouse=True)
def a_broker(broker_url: str, settings: Any) -> None:
    settings.REDIS_URL = broker_url


def granted(calls: list[tuple[float, int]], pace: Pace) -> list[tuple[float, int]]:
    """What each call is given, (instant in s, number); a number below zero gives back what was just granted."""
    key, now_s, last, found = f"test:{uuid.uuid4()}", 1_700_000_000.0, 0, []
    for wait_s, number in calls:
        now_s += wait_s
        if number < 0:
            number = max(number, -last)
        grant = reserve([Want(key, pace.interval_s, pace.burst, number)], now_s=now_s)[0]
        if number < 0:
            found[-1] = (found[-1][0], found[-1][1] + number) if found else (now_s, 0)
            last = 0
        else:
            assert 0 <= grant.number <= number
            found.append((now_s, grant.number))
            last = grant.number
    return found


@hypothesis_settings(deadline=None, max_examples=150)
@given(CALLS, st.sampled_from(["30/minute", "20/second", "7/hour", "1/second", "2000/day", "1000/second"]))
def test_no_window_holds_more_than_at_once_and_rate_times_time(calls: list[tuple[float, int]], name: str) -> None:
    pace = parse_pace(name)
    assert pace is not None
    found = granted(calls, pace)
    for first, (begin, _) in enumerate(found):
        total = 0
        for end, number in found[first:]:
            total += number
            assert total <= pace.burst + (end - begin) / pace.interval_s + 0.01
            if end - begin < pace.period_s - 0.01:
                assert total <= pace.number, "the setting itself: at most so many in any such period"


def test_everything_is_granted_in_the_long_run() -> None:
    pace = parse_pace("20/second")
    assert pace is not None
    found = granted([(0.01, 40)] * 1001, pace)
    assert sum(number for _, number in found) >= 10 * (20 - pace.burst)


def test_the_wait_is_exactly_how_long_the_next_one_takes() -> None:
    pace, key = Pace(30, 60, "30/minute"), f"test:{uuid.uuid4()}"
    first = reserve([Want(key, pace.interval_s, pace.burst, 5)], now_s=1000.0)[0]
    assert (first.number, first.wait_s) == (1, 2.0)
    assert reserve([Want(key, pace.interval_s, pace.burst, 5)], now_s=1001.9)[0].number == 0
    assert reserve([Want(key, pace.interval_s, pace.burst, 5)], now_s=1002.0)[0].number == 1


def test_several_lines_in_one_call_do_not_touch_each_other() -> None:
    keys = [f"test:{uuid.uuid4()}" for _ in range(2)]
    grants = reserve([Want(keys[0], 1.0, 10, 4), Want(keys[1], 1.0, 2, 4)], now_s=5000.0)
    assert [grant.number for grant in grants] == [4, 2]


def test_redis_keeps_the_time_and_forgets_a_line_that_is_free(broker_url: str) -> None:
    key = f"test:{uuid.uuid4()}"
    assert reserve([Want(key, 0.001, 5, 5)])[0].number == 5
    client = redis.Redis.from_url(broker_url.replace("redis+socket", "unix"))
    assert 0 < client.pttl(key) <= 2000
    client.flushall()
    assert reserve([Want(key, 60.0, 5, 9)])[0].number == 5, "all that can be forgotten is the pace"


def test_without_redis_nothing_leaves_at_a_pace_and_no_pace_asks_nobody(settings: Any, db: None) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9"
    settings.OPSLAG_SMTP_PACE = parse_pace("30/minute")
    limits = Limits()
    assert limits.reserve(10) == 0 and limits.must_wait and open_in_s() == paces.AWAY_S
    settings.OPSLAG_SMTP_PACE = None
    assert Limits().reserve(10) == 10 and open_in_s() == 0.0


def test_what_settings_say_is_read_or_refused_in_words() -> None:
    assert parse_pace("") is None
    assert parse_pace(" Microsoft365 ") == Pace(30, 60, "microsoft365")
    assert all(parse_pace(name) for name in PRESETS)
    for nonsense in ("0/minute", "30", "30/fortnight", "fast"):
        with pytest.raises(ValueError, match="30/minute"):
            parse_pace(nonsense)
    assert parse_plan("") == PLAN and parse_plan("5, 10") == (5, 10)
    for nonsense in ("5,x", "0", "-1"):
        with pytest.raises(ValueError, match="200,500"):
            parse_plan(nonsense)
    assert [*parse_starts("Nyt.Ærø.dk=2026-12-01, b.dk=2026-12-02")] == ["nyt.xn--r-3fa9c.dk", "b.dk"]
    with pytest.raises(ValueError, match="2026-12-01"):
        parse_starts("b.dk")
