"""A source's row through good and bad polls: claims, strikes, waits, and the words staff read."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from publisher.errors import Explanation
from publisher.items.collect import Collected, collect_source, due_sources
from publisher.items.polling import LEASE, claim, give_up
from publisher.models import Item, Notice, Source, User
from publisher.vocabulary import NoticeKind, SourceStatus
from tests.items.website import FEED, HOST, Story, website

pytestmark = pytest.mark.database

CHOIR = Story("Åbent kor", f"{HOST}/nyheder/kor", "nyhed-1")
MARKET = Story("Julemarked", f"{HOST}/nyheder/marked", "nyhed-2")


def words(source: Source) -> str:
    return str(Explanation.from_json(source.last_error))


def wait_s(source: Source) -> float:
    source.refresh_from_db()
    assert source.next_poll_at is not None
    assert source.last_polled_at is not None
    return (source.next_poll_at - source.last_polled_at).total_seconds()


# --- Whose turn ---------------------------------------------------------------------------------------------------


def test_sources_come_due_in_the_order_in_which_they_wait(source: Source) -> None:
    now = timezone.now()

    def another(**values: object) -> int:
        row = {"organisation": source.organisation, "kind": "feed", "name": "x"} | values
        return Source.objects.create(**row).pk  # type: ignore[misc]

    late = another(next_poll_at=now - timedelta(hours=1))
    later = another(next_poll_at=now - timedelta(minutes=1))
    another(next_poll_at=now + timedelta(minutes=1))
    another(status=SourceStatus.PAUSED)
    another(status=SourceStatus.BROKEN)
    another(lease_until=now + timedelta(seconds=1))
    abandoned = another(lease_until=now - timedelta(seconds=1), next_poll_at=now)
    assert due_sources(now) == [source.pk, late, later, abandoned]
    assert due_sources(now, limit=2) == [source.pk, late]


def test_a_source_is_read_by_one_worker_at_a_time(source: Source) -> None:
    meanwhile: list[Collected] = []

    def slowly(request: httpx.Request) -> httpx.Response:
        meanwhile.append(collect_source(source.pk))
        return httpx.Response(404)

    with website() as site:
        site.pages[FEED] = slowly
        collect_source(source.pk)
    assert [(other.claimed, other.new, other.seen) for other in meanwhile] == [(False, [], 0)]


@pytest.mark.parametrize("status", [SourceStatus.PAUSED, SourceStatus.BROKEN])
def test_a_source_that_is_not_active_is_not_asked(source: Source, status: str) -> None:
    Source.objects.filter(pk=source.pk).update(status=status)
    with website(CHOIR) as site:
        assert not collect_source(source.pk).claimed
        assert site.asked == []


def test_a_worker_that_was_overtaken_changes_nothing_on_the_row(source: Source) -> None:
    with website(CHOIR) as site, time_machine.travel(timezone.now(), tick=False) as clock:
        feed = site.pages[FEED]

        def overtaken(request: httpx.Request) -> httpx.Response:
            site.pages[FEED] = feed
            clock.shift(LEASE + timedelta(seconds=1))
            assert collect_source(source.pk).seen == 1
            return httpx.Response(500)

        site.pages[FEED] = overtaken
        collect_source(source.pk)
    source.refresh_from_db()
    assert (source.failures, source.last_error, source.first_poll_done) == (0, {}, True)


def test_a_worker_that_was_overtaken_writes_no_more_items(source: Source) -> None:
    with website(CHOIR, MARKET) as site, time_machine.travel(timezone.now(), tick=False) as clock:
        feed = site.pages[FEED]
        assert isinstance(feed, httpx.Response)

        def overtaken(request: httpx.Request) -> httpx.Response:
            clock.shift(LEASE + timedelta(seconds=1))
            assert claim(source.pk)
            return httpx.Response(200, content=feed.content)

        site.pages[FEED] = overtaken
        assert not collect_source(source.pk).claimed
    assert not Item.objects.exists()


def test_a_claim_lasts_as_long_as_the_work(source: Source) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mine = claim(source.pk)
        assert mine
        for _ in range(5):
            clock.shift(LEASE - timedelta(seconds=1))
            assert claim(source.pk) is None
            mine.renew()


# --- Workers that never come back ---------------------------------------------------------------------------------


def test_after_three_claims_without_an_end_a_source_is_stopped_and_staff_are_told(
    source: Source, olga: User, bo: User
) -> None:
    with website(CHOIR) as site, time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(3):
            assert claim(source.pk)
            clock.shift(LEASE + timedelta(seconds=1))
        assert due_sources(timezone.now()) == [source.pk]
        collected = collect_source(source.pk)
        assert due_sources(timezone.now()) == []
        collect_source(source.pk)
        assert site.asked == []
    source.refresh_from_db()
    assert source.status == SourceStatus.BROKEN
    assert "Nyheder" in words(source)
    assert collected.error is not None
    assert not collected.claimed
    notice = Notice.objects.get()
    assert (notice.kind, notice.user, notice.subject_kind, notice.subject_id) == (
        NoticeKind.ALERT, olga, "source", source.pk,
    )  # fmt: skip
    assert str(Explanation.from_json(notice.explanation)) == words(source)


def test_an_end_of_any_kind_forgives_the_strikes(source: Source) -> None:
    with website() as site, time_machine.travel(timezone.now(), tick=False) as clock:
        for answer in (httpx.Response(500), httpx.Response(403)):
            for _ in range(2):
                assert claim(source.pk)
                clock.shift(LEASE + timedelta(seconds=1))
            site.pages[FEED] = answer
            collect_source(source.pk)
            source.refresh_from_db()
            assert (source.strikes, source.claim_id, source.lease_until) == (0, None, None)
    assert not give_up(source.pk)


# --- Bad news -----------------------------------------------------------------------------------------------------


def test_a_delay_is_said_and_waited_for_longer_and_longer(source: Source) -> None:
    with website() as site:
        site.pages[FEED] = httpx.Response(500)
        waits = []
        for failures in range(1, 9):
            collected = collect_source(source.pk)
            waits.append(wait_s(source))
            assert source.failures == failures
    assert collected.error is not None
    assert str(collected.error) == words(source) != ""
    assert source.status == SourceStatus.ACTIVE
    for wait, planned in zip(waits, [1800, 3600, 7200, 14400, 28800, 57600, 78545, 78545], strict=True):
        assert planned <= wait <= planned * 1.1 + 1


@pytest.mark.parametrize(("asked", "waited"), [("1", 60), ("3600", 3600), ("9999999", 86400)])
def test_a_wait_that_the_website_names_is_kept(source: Source, asked: str, waited: int) -> None:
    with website() as site:
        site.pages[FEED] = httpx.Response(503, headers={"retry-after": asked})
        collect_source(source.pk)
    assert waited <= wait_s(source) <= waited * 1.1 + 1


def test_a_good_poll_ends_the_bad_news(source: Source) -> None:
    with website(CHOIR) as site:
        good, site.pages[FEED] = site.pages[FEED], httpx.Response(403)
        collect_source(source.pk)
        site.pages[FEED] = good
        collect_source(source.pk)
    source.refresh_from_db()
    assert (source.failures, source.last_error) == (0, {})


def test_a_feed_that_is_gone_for_good_is_paused(source: Source, olga: User) -> None:
    with website() as site:
        site.pages[FEED] = httpx.Response(410)
        collected = collect_source(source.pk)
    source.refresh_from_db()
    assert source.status == SourceStatus.PAUSED
    assert str(collected.error) == words(source)
    assert Notice.objects.get().user == olga
    assert not source.first_poll_done


@pytest.mark.parametrize("values", [{"config": {}}, {"kind": "telepathy"}, {"config": {"url": "http://127.0.0.1/"}}])
def test_a_source_that_is_set_up_wrongly_says_so(source: Source, values: dict[str, object]) -> None:
    Source.objects.filter(pk=source.pk).update(**values)
    collected = collect_source(source.pk)
    source.refresh_from_db()
    assert collected.error is not None
    assert (source.failures, source.strikes) == (1, 0)
    assert len(words(source)) > 20


def test_credentials_that_cannot_be_opened_are_said_on_the_row(source: Source) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Source._meta.db_table} SET credentials = 'not a token' WHERE id = %s", [source.pk])
    with website(CHOIR):
        collected = collect_source(source.pk)
    assert collected.error is not None
    assert "OPSLAG_ENCRYPTION_KEYS" in str(collected.error)
    assert Source.objects.defer("credentials").get(pk=source.pk).failures == 1
