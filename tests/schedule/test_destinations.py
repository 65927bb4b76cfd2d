"""Destinations that asked us to slow down: rest, a little, more, all; and who counts as one destination."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from publisher.errors import Explanation
from publisher.models import Destination
from publisher.schedule.destinations import GROWS_FOR, LONGEST_REST, Slow, Slowed, destination_of, rest, slow_ones

WORDS = Explanation("The mail server asked us to wait: %(code)s %(detail)s", {"code": "421", "detail": "TSS04"})
NOW = timezone.now()


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("gmail.com", "gmail.com"),
        ("GoogleMail.com", "gmail.com"),
        ("hotmail.co.uk", "outlook.com"),
        ("live.dk", "outlook.com"),
        ("msn.com", "outlook.com"),
        ("aol.com", "yahoo.com"),
        ("yahoo.com.br", "yahoo.com"),
        ("me.com", "icloud.com"),
        ("live.kommune.dk", "live.kommune.dk"),
        ("gmail", "gmail"),
        ("museum.dk", "museum.dk"),
    ],
)
def test_a_big_provider_is_one_destination(domain: str, name: str) -> None:
    assert destination_of(domain) == name


@pytest.mark.database
def test_rests_grow_and_are_forgiven(db: None) -> None:
    assert rest("gmail.com", WORDS, NOW) and not rest("gmail.com", WORDS, NOW), "it rests already"
    pauses, now = [], NOW
    for _ in range(8):
        row = Destination.objects.get()
        pauses.append(row.rest_until - now)
        now = row.rest_until + timedelta(seconds=1)
        assert rest("gmail.com", WORDS, now)
    assert pauses[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)] and max(pauses) == LONGEST_REST
    later = now + timedelta(hours=8)
    assert rest("gmail.com", WORDS, later)
    row = Destination.objects.get()
    assert (row.rest_until - later, row.rests) == (timedelta(minutes=1), 1)
    assert str(Explanation.from_json(row.last_error))


@pytest.mark.database
def test_it_is_slow_until_it_has_grown_for_ten_minutes(db: None) -> None:
    rest("gmail.com", WORDS, NOW)
    until = NOW + timedelta(minutes=1)
    assert slow_ones(NOW)["gmail.com"].is_resting(NOW)
    tried = slow_ones(until)["gmail.com"]
    assert not tried.is_resting(until)
    assert [round(tried.per_minute(until + timedelta(minutes=n))) for n in (0, 1, 2, 10, 50)] == [
        *(10, 20, 40),
        *(10_240, 10_240),
    ]
    assert slow_ones(until + GROWS_FOR) == {}


def test_turns_follow_the_pace_that_grows() -> None:
    slow = Slow("gmail.com", NOW)
    turns = [slow.turn(number, NOW) - NOW for number in range(1, 5000)]
    assert turns == sorted(turns)
    # 10 ÷ ln 2 in the first minute, twice as many in the next …
    assert sum(turn <= timedelta(minutes=1) for turn in turns) == 14
    assert sum(turn <= timedelta(minutes=2) for turn in turns) == 43
    assert max(slow.turn(10**7, NOW) - NOW for _ in range(1)) == GROWS_FOR


def test_while_it_rests_its_own_wait_and_nobody_else(settings: Any, broker_url: str) -> None:
    settings.REDIS_URL = broker_url
    slowed = Slowed({"gmail.com": Slow("gmail.com", NOW + timedelta(minutes=5))})
    go, later = slowed.sort([(1, "gmail.com"), (2, "b.dk"), (3, "googlemail.com"), (4, "c.dk")], NOW)
    assert go == [2, 4]
    assert [pk for pk, _ in later] == [1, 3] and all(at > NOW + timedelta(minutes=5) for _, at in later)


def test_after_its_rest_a_few_go_and_the_others_have_their_turns(settings: Any, broker_url: str) -> None:
    settings.REDIS_URL = broker_url
    slowed = Slowed({"tried.dk": Slow("tried.dk", NOW)})
    go, later = slowed.sort([(n, "tried.dk") for n in range(20)], NOW)
    assert go == [0], "10 a minute, one at once"
    assert len(later) == 19 and NOW < later[0][1] < later[-1][1] < NOW + timedelta(minutes=2)
    assert slowed.sort([(99, "tried.dk")], NOW)[0] == []


def test_without_redis_those_tried_wait_and_nobody_else(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9"
    slowed = Slowed({"tried.dk": Slow("tried.dk", NOW)})
    go, later = slowed.sort([(1, "tried.dk"), (2, "b.dk")], NOW)
    assert go == [2] and [pk for pk, _ in later] == [1]
