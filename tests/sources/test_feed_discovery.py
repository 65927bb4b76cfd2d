"""From a website's address to its feed."""

from __future__ import annotations

import httpx
import pytest

from publisher import http
from publisher.errors import PermanentError
from publisher.sources.contract import Suggestion
from publisher.sources.feed import FeedConfig, FeedSource
from publisher.sources.feed_pages import NamedFeed, named_feeds
from tests.items.website import FEED, HOST, Story, website

PAGE = f"{HOST}/nyheder/"


def named(head: str, url: str = PAGE) -> list[tuple[str, str]]:
    return [(feed.url, feed.title) for feed in named_feeds(f"<!doctype html><html><head>{head}</head>", url)]


def link(href: str, kind: str = "application/rss+xml", title: str = "", rel: str = "alternate") -> str:
    return f'<link rel="{rel}" type="{kind}" href="{href}" title="{title}">'


def test_all_kinds_are_named_with_their_titles() -> None:
    head = (
        link("/rss", title="Nyheder &amp; mere")
        + link("atom.xml", "application/atom+xml", "Atom")
        + link("/feed.json", "application/feed+json; charset=utf-8")
        + link("/feed/1.json", "application/json", "Gammel")
        + link("/rss", title="Igen")
    )
    assert named(head) == [
        (f"{HOST}/rss", "Nyheder & mere"),
        (f"{PAGE}atom.xml", "Atom"),
        (f"{HOST}/feed.json", ""),
        (f"{HOST}/feed/1.json", "Gammel"),
    ]


def test_a_base_is_followed_and_odd_writing_understood() -> None:
    assert named('<BASE href="/da/"><LINK REL="Home Alternate" TYPE="Application/RSS+xml" HREF=nyt.rss>') == [
        (f"{HOST}/da/nyt.rss", "")
    ]


@pytest.mark.parametrize(
    "head",
    [
        link("/de", "text/html"),
        link("/wp-json/wp/v2/pages/7", "application/json"),
        link("/s.css", "text/css", rel="stylesheet"),
        link("javascript:alert(1)"),
        link("mailto:a@example.org"),
        '<link rel="alternate" type="application/rss+xml">',
        link("/oembed?format=xml", "text/xml+oembed"),
    ],
)
def test_what_is_no_feed_is_left_out(head: str) -> None:
    assert named(head) == []


def test_feeds_of_comments_are_left_out_where_there_are_others() -> None:
    comments = link("/comments/feed/", title="Byen » Kommentarfeed")
    assert named(link("/feed/", title="Byen » Feed") + comments) == [(f"{HOST}/feed/", "Byen » Feed")]
    assert named(comments) == [(f"{HOST}/comments/feed/", "Byen » Kommentarfeed")]


def suggested(url: str) -> tuple[Suggestion, ...]:
    source, config = FeedSource(), FeedConfig(url)
    with pytest.raises(PermanentError) as failed:
        source.poll(config, {})
    return source.suggestions(config, failed.value)


def test_the_feeds_of_a_page_are_suggested_without_asking_for_anything_more() -> None:
    with website() as site:
        site.put(PAGE, f"<html><head>{link('/a', title='A')}{link('/b', title='B')}".encode(), "text/html")
        assert suggested(PAGE) == (
            Suggestion({"url": f"{HOST}/a"}, "A"),
            Suggestion({"url": f"{HOST}/b"}, "B"),
        )
        assert site.asked == [PAGE]


def test_a_page_that_names_none_is_helped_by_the_usual_places() -> None:
    with website(Story("Koncert")) as site:
        site.put(PAGE, b"<!doctype html><p>Velkommen", "text/html")
        site.put(f"{HOST}/rss", b"<!doctype html><p>Ikke her", "text/html")
        assert suggested(PAGE) == (Suggestion({"url": FEED}, "Nyheder"),)
        assert site.asked == [PAGE, f"{HOST}/feed", f"{HOST}/rss", f"{HOST}/rss.xml", FEED], "no more than needed"


def test_a_site_without_a_feed_is_asked_a_few_times_and_left_alone() -> None:
    with website() as site:
        del site.pages[FEED]
        site.put(PAGE, b"<!doctype html><p>Velkommen", "text/html")
        assert suggested(PAGE) == ()
        assert len(site.asked) == 8


def test_other_failures_are_no_reason_to_look_around() -> None:
    with website() as site:
        site.put(PAGE, b"\xff\xd8\xff\xe0 a picture")
        assert suggested(PAGE) == ()
        site.pages[PAGE] = httpx.Response(403)
        assert suggested(PAGE) == ()
        assert len(site.asked) == 2


@pytest.mark.parametrize("written", ["kultur.example.org", "www.kultur.example.org/nyheder"])
def test_an_address_without_https_is_completed(written: str) -> None:
    with http.use_transport(httpx.MockTransport(lambda _: httpx.Response(404))):
        assert suggested(written) == (Suggestion({"url": f"https://{written}"}),)


def test_an_unreachable_usual_place_is_passed_over() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    with website(Story("Koncert")) as site:
        site.put(PAGE, b"<!doctype html><p>Velkommen", "text/html")
        site.pages[f"{HOST}/feed"] = refuse
        assert suggested(PAGE)[0].values == {"url": FEED}


def test_the_same_page_is_not_suggested_again() -> None:
    assert named_feeds(f"<html>{link(PAGE)}", PAGE) == (NamedFeed(PAGE),)
    with website() as site:
        site.put(PAGE, f"<html>{link(PAGE)}".encode(), "text/html")
        del site.pages[FEED]
        assert suggested(PAGE) == ()
