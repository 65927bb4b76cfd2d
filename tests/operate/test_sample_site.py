"""The sample website: a feed that our own feed reader understands, pictures, and one more story at a click."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from PIL import Image

from publisher.operate.sample_news import AT_FIRST, SampleNews, stories
from publisher.operate.sample_pictures import DRAWINGS, HEIGHT, WIDTH, jpeg
from publisher.operate.sample_site import Site
from publisher.sources.feed import FeedConfig, FeedSource


@pytest.fixture
def news(tmp_path: Path) -> SampleNews:
    return SampleNews(tmp_path / "sample-news.json")


@pytest.fixture
def site(news: SampleNews, settings: pytest.FixtureRequest) -> Iterator[Site]:
    server = Site(news, "127.0.0.1", 0)
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({server.base.removeprefix("http://")})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_our_own_reader_understands_the_feed(site: Site, news: SampleNews) -> None:
    poll = FeedSource().poll(FeedConfig(url=f"{site.base}/feed.xml"), {})
    assert [candidate.title for candidate in poll.candidates] == [one.story.title for one in news.published()]
    first, told = poll.candidates[0], news.published()[0].story
    assert first.external_key == f"kultur.example.org:{told.slug}"
    assert first.lead == told.lead
    assert first.body_html.count("<p>") == len(told.paragraphs)
    assert first.areas == told.areas
    assert first.tags == told.topics
    assert first.author == told.author
    assert first.language == "da"
    assert first.pictures[0].alt == told.picture.alt
    assert first.pictures[0].credit == told.picture.credit


def test_a_feed_that_has_not_changed_says_so_until_a_story_is_published(site: Site, news: SampleNews) -> None:
    source, config = FeedSource(), FeedConfig(url=f"{site.base}/feed.xml")
    first = source.poll(config, {})
    assert source.poll(config, first.state).unchanged
    assert httpx.post(f"{site.base}/udgiv").headers["location"] == "/"
    after = source.poll(config, first.state)
    assert len(after.candidates) == AT_FIRST + 1


def test_what_is_published_stays_so_across_restarts(tmp_path: Path) -> None:
    began = SampleNews(tmp_path / "news.json")
    at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    published = began.publish_next(at)
    again = SampleNews(tmp_path / "news.json").published()
    assert (again[0].story, again[0].at) == (published, at) or again[0].at > at
    assert len(again) == AT_FIRST + 1


def test_when_all_are_out_nothing_more_is_published(news: SampleNews) -> None:
    news.published()
    more = [news.publish_next() for _ in range(len(stories()))]
    assert more.count(None) == AT_FIRST
    assert len(news.published()) == len(stories())


@pytest.mark.parametrize("path", ["/", "/nyheder/aabne-vaerksteder", "/billeder/water.jpg"])
def test_every_page_is_there(site: Site, path: str) -> None:
    assert httpx.get(f"{site.base}{path}").status_code == 200


@pytest.mark.parametrize("path", ["/nyheder/findes-ikke", "/billeder/findesikke.jpg", "/billeder/..%2Ffeed.jpg", "/x"])
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert httpx.get(f"{site.base}{path}").status_code == 404


def test_each_story_has_a_picture_that_can_be_drawn_and_is_always_the_same() -> None:
    assert {story.picture.drawing for story in stories()} == set(DRAWINGS)
    for name in DRAWINGS:
        content = jpeg(name)
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.size == (WIDTH, HEIGHT)
        jpeg.cache_clear()
        assert jpeg(name) == content


def test_stories_are_long_enough_to_try_things_with() -> None:
    for story in stories():
        assert 4 <= len(story.paragraphs) <= 6
        assert story.title and story.lead and story.picture.alt and story.picture.caption
