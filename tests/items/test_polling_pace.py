"""How often a source is asked, when administrators hear of it, and that a host is asked one thing at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.db import connections
from django.utils import timezone, translation

from publisher.errors import Explanation
from publisher.items import polling
from publisher.items.collect import collect_source, due_sources
from publisher.items.first_look import add_source, change_source
from publisher.items.polling import claim
from publisher.items.sources import resume
from publisher.models import Notice, Source, User
from publisher.vocabulary import SourceStatus
from tests.items.website import FEED, HOST, Story, Website, website

pytestmark = pytest.mark.database

OTHER = f"{HOST}/andet.xml"
QUARTER, HOUR, DAY = 900, 3600, 86_400


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(timezone.now(), tick=False) as travelling:
        yield travelling


@pytest.fixture
def site() -> Iterator[Website]:
    with website(Story("Kor", f"{HOST}/0", "0")) as here:
        yield here


def look(source: Source, clock: Any, after_s: float = 0) -> float:
    """Look at it when it is due, or later; answers how many seconds it waits then, without the jitter at most."""
    source.refresh_from_db()
    if source.next_poll_at:
        clock.move_to(source.next_poll_at + timedelta(seconds=after_s))
    assert collect_source(source.pk, due_only=True).claimed
    source.refresh_from_db()
    assert source.next_poll_at
    return (source.next_poll_at - timezone.now()).total_seconds()


def about(wait_s: float, planned_s: float) -> bool:
    return planned_s <= wait_s + 0.001 <= planned_s * 1.1 + 1


# --- How often ----------------------------------------------------------------------------------------------------


def test_a_quiet_source_is_asked_less_often_and_news_bring_it_back(source: Source, clock: Any, site: Website) -> None:
    assert about(look(source, clock), QUARTER)
    assert about(look(source, clock, after_s=10 * HOUR), QUARTER), "half a quiet day is nothing"
    assert about(look(source, clock, after_s=14 * HOUR), (timezone.now() - source.quiet_since).total_seconds() / 48)
    assert about(look(source, clock, after_s=7 * DAY), 4 * QUARTER / 1.1)
    assert look(source, clock) <= 4 * QUARTER
    site.show(Story("Kor", f"{HOST}/0", "0"), Story("Marked", f"{HOST}/1", "1"))
    assert about(look(source, clock), QUARTER)


@pytest.mark.parametrize(
    ("interval_s", "planned_s"),
    [(QUARTER, 4 * QUARTER / 1.1), (HOUR, 4 * HOUR / 1.1), (3 * HOUR, 6 * HOUR / 1.1), (12 * HOUR, 12 * HOUR)],
)
def test_a_long_silence_is_at_most_four_intervals_and_six_hours(
    source: Source, clock: Any, site: Website, interval_s: int, planned_s: float
) -> None:
    Source.objects.filter(pk=source.pk).update(interval_s=interval_s)
    look(source, clock)
    assert about(look(source, clock, after_s=30 * DAY), planned_s)


def test_the_website_may_ask_for_more_than_that(source: Source, clock: Any, site: Website) -> None:
    feed = site.pages[FEED]
    assert isinstance(feed, httpx.Response)
    feed.headers["cache-control"] = f"max-age={10 * HOUR}"
    assert about(look(source, clock), 10 * HOUR)


# --- Bad news, once -----------------------------------------------------------------------------------------------


def words() -> list[str]:
    with translation.override("en"):
        return [str(Explanation.from_json(notice.explanation)) for notice in Notice.objects.order_by("pk")]


def fail_for(source: Source, clock: Any, seconds: float) -> None:
    until = timezone.now() + timedelta(seconds=seconds)
    while timezone.now() < until:
        look(source, clock)


def test_after_a_day_administrators_are_told_once_and_once_when_it_works(
    source: Source, olga: User, bo: User, clock: Any, site: Website
) -> None:
    look(source, clock)
    feed, site.pages[FEED] = site.pages[FEED], httpx.Response(404)
    look(source, clock)
    began = source.failing_since
    assert began == timezone.now()
    while not words():
        look(source, clock)
    assert timedelta(days=1) <= timezone.now() - began < timedelta(days=1.11), "in time, however long the pauses are"
    assert "“Nyheder”" in words()[0] and "There is no feed at this address (404)" in words()[0]
    assert Notice.objects.get().user == olga
    fail_for(source, clock, 5 * DAY)
    assert len(words()) == 1
    site.pages[FEED] = feed
    look(source, clock)
    assert (source.failing_since, source.told_at, source.last_error) == (None, None, {})
    assert len(words()) == 2 and "can be read again" in words()[1]
    look(source, clock)
    assert len(words()) == 2


def test_a_short_failure_is_nobodys_business(source: Source, olga: User, clock: Any, site: Website) -> None:
    feed, site.pages[FEED] = site.pages[FEED], httpx.Response(500)
    for _ in range(4):
        look(source, clock)
    site.pages[FEED] = feed
    look(source, clock)
    assert words() == []
    assert source.failing_since is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_not_broken_however_long(
    source: Source, olga: User, clock: Any, site: Website, status: int
) -> None:
    site.pages[FEED] = httpx.Response(status)
    for _ in range(40):
        look(source, clock)
    assert words() == []
    assert (source.failing_since, source.status) == (None, SourceStatus.ACTIVE)
    assert str(status) in str(Explanation.from_json(source.last_error))
    site.pages[FEED] = httpx.Response(500)
    look(source, clock)
    assert words() == [], "the time it was busy does not count"


def test_after_fourteen_days_it_is_tried_no_more(source: Source, olga: User, clock: Any, site: Website) -> None:
    site.pages[FEED] = httpx.Response(500)
    look(source, clock)
    began = timezone.now()
    while source.status == SourceStatus.ACTIVE:
        look(source, clock)
    assert timedelta(days=14) <= timezone.now() - began < timedelta(days=16)
    assert source.status == SourceStatus.BROKEN
    assert len(words()) == 2 and "for 14 days" in words()[1]
    resume(source)
    assert (source.failing_since, source.told_at, source.status) == (None, None, SourceStatus.ACTIVE)
    look(source, clock)
    assert len(words()) == 2


def test_it_is_never_left_alone_for_more_than_a_day(source: Source, clock: Any, site: Website) -> None:
    site.pages[FEED] = httpx.Response(500)
    assert max(look(source, clock) for _ in range(12)) <= DAY


# --- One thing at a time ------------------------------------------------------------------------------------------


@pytest.fixture
def pair(source: Source) -> tuple[Source, Source]:
    """Two sources on one host."""
    Source.objects.filter(pk=source.pk).update(host="kultur.example.org")
    other, made = add_source(source.organisation, "feed", {"url": OTHER}, "Andet")
    assert made and other.host == "kultur.example.org"
    return source, other


def test_a_host_is_noted_when_a_source_is_added_changed_or_first_read(source: Source, site: Website) -> None:
    assert source.host == ""
    collect_source(source.pk)
    source.refresh_from_db()
    assert source.host == "kultur.example.org"
    change_source(source, {"url": "https://Museet.example.org/feed"})
    assert source.host == "museet.example.org"


def test_two_sources_on_one_host_are_not_read_at_once(pair: tuple[Source, Source], site: Website) -> None:
    one, other = pair
    meanwhile: list[bool] = []

    def slowly(_request: httpx.Request) -> httpx.Response:
        meanwhile.append(collect_source(other.pk).claimed)
        return httpx.Response(404)

    site.pages[FEED] = slowly
    collect_source(one.pk)
    assert meanwhile == [False]
    assert claim(other.pk)


def test_a_host_is_left_alone_for_a_moment(pair: tuple[Source, Source], clock: Any, site: Website) -> None:
    one, other = pair
    site.show(url=OTHER)
    assert due_sources(timezone.now()) == [one.pk], "one of each host at a time"
    assert collect_source(one.pk, due_only=True).claimed
    assert due_sources(timezone.now()) == []
    assert not collect_source(other.pk, due_only=True).claimed
    clock.shift(polling.HOST_REST)
    assert due_sources(timezone.now()) == [other.pk]
    assert collect_source(other.pk, due_only=True).claimed
    assert not collect_source(other.pk, due_only=True).claimed, "work that was asked for twice is done once"


def test_many_on_one_host_keep_nobody_else_waiting(source: Source, clock: Any) -> None:
    now = timezone.now()
    crowd = [
        Source(organisation=source.organisation, kind="feed", name=str(n), host="stor.example.org",
               next_poll_at=now - timedelta(hours=2))
        for n in range(60)
    ]  # fmt: skip
    Source.objects.bulk_create(crowd)
    late = Source.objects.create(organisation=source.organisation, kind="feed", name="x", host="lille.example.org",
                                 next_poll_at=now - timedelta(hours=1))  # fmt: skip
    first = Source.objects.filter(host="stor.example.org").order_by("pk")[0]
    assert due_sources(now) == [source.pk, first.pk, late.pk]


def test_a_worker_that_died_keeps_its_host_for_two_minutes_only(pair: tuple[Source, Source], clock: Any) -> None:
    one, other = pair
    assert claim(one.pk)
    assert claim(other.pk) is None
    clock.shift(polling.LEASE + timedelta(seconds=1))
    assert claim(other.pk)
    assert claim(one.pk) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_the_same_moment_one_gets_the_host(source: Source) -> None:
    sources = [source, *(add_source(source.organisation, "feed", {"url": f"{HOST}/{n}"}, str(n))[0] for n in range(5))]
    Source.objects.update(host="kultur.example.org")

    def take(pk: int) -> bool:
        try:
            return claim(pk) is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(take, [each.pk for each in sources]))
    assert won.count(True) == 1
