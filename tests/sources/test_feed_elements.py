"""The short way through feedparser gives what its own way gives, whatever stands in what."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.sources.feed_xml import parse_feed
from tests.bench.feed_server import feed

ATOM, DC = "http://www.w3.org/2005/Atom", "http://purl.org/dc/elements/1.1/"
SPACES = f'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="{DC}" xmlns:a="{ATOM}" xmlns:x="urn:x"'
NAMES = (
    *("category", "title", "link", "guid", "pubDate", "author", "description", "content:encoded", "dc:creator"),
    *(
        "dc:subject",
        "dc:date",
        "a:title",
        "a:id",
        "a:updated",
        "a:category",
        "a:author",
        "a:name",
        "x:title",
        "comments",
    ),
    *("image", "textinput", "url", "p", "div", "svg", "source", "CATEGORY", "summary", "published", "x:note"),
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["domain", "isPermaLink", "term", "label", "type", "mode", "rel", "href", "xml:lang", "xml:base"]),
    st.sampled_from(
        ["area", "false", "html", "text/plain", "XHTML", "base64", "da-DK", "da_DK", "https://kultur.example.org/a/"]
    ),
    max_size=2,
)
WORDS = st.sampled_from(
    (
        *("Kultur", "  ", "Køge – i dag", "<p>Ord &amp; <b>mere</b></p>", "/nyheder/1", "a, b", "Ã¦rlig", "\x85"),
        *("https://kultur.example.org/?a=1&b=2", "Thu, 26 Nov 2026 15:16:00 +0100", "2026-11-26T15:16:00Z"),
        "rose@example.org (Rose)",
    )
)


def written(name: str, attributes: Mapping[str, str], inside: str) -> str:
    return f"<{name}{''.join(f' {key}={quoteattr(value)}' for key, value in attributes.items())}>{inside}</{name}>"


LEAVES = st.builds(written, st.sampled_from(NAMES), ATTRIBUTES, WORDS.map(escape)) | WORDS.map(escape)
PARTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(written, st.sampled_from(NAMES), ATTRIBUTES, st.lists(inner, max_size=3).map("".join)),
    max_leaves=6,
)


def in_their_way(text: str) -> tuple[Any, Any]:
    """The feed and its entries as feedparser alone gives them."""
    parsed = feedparser.parse(io.BytesIO(text.encode()), resolve_relative_uris=False, sanitize_html=False)
    return parsed.feed, parsed.entries


def in_our_way(text: str) -> tuple[Any, Any]:
    parsed = parse_feed(text)
    return parsed.feed, parsed.entries


def outcome(way: Callable[[str], Any], text: str) -> Any:
    """What came of it, or how it fails: feedparser stumbles over odd combinations in its own way too."""
    try:
        return way(text)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return repr(error)


@settings(max_examples=200, deadline=None)
@given(st.lists(PARTS, max_size=8), st.lists(PARTS, max_size=3))
def test_elements_of_all_kinds(inside: list[str], before: list[str]) -> None:
    text = f'<rss version="2.0" {SPACES}><channel>{"".join(before)}<item>{"".join(inside)}</item></channel></rss>'
    assert outcome(in_our_way, text) == outcome(in_their_way, text)


@pytest.mark.parametrize("name", ["havnby.xml", "museum.atom"])
def test_feeds_of_real_shape(name: str) -> None:
    text = (Path(__file__).parent / name).read_text()
    assert [entry["title"] for entry in in_our_way(text)[1]] == [entry["title"] for entry in in_their_way(text)[1]]


def test_a_feed_with_many_categories() -> None:
    text = feed("1").decode()
    assert in_our_way(text) == in_their_way(text)


def test_markup_in_a_headline() -> None:
    title = '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">A <b>b</b></div></title>'
    entry = f'<entry><id>1</id>{title}<category term="Musik"/><updated>2026-11-26T15:16:00Z</updated></entry>'
    text = f'<feed xmlns="{ATOM}"><title>F</title>{entry}</feed>'
    assert in_our_way(text) == in_their_way(text)


@pytest.mark.parametrize("other", ["urn:other", ATOM])
def test_a_prefix_that_means_something_else(other: str) -> None:
    inside = f'<dc:creator>Rose</dc:creator><y:subject xmlns:y="{DC}">Kultur</y:subject><dc:subject>Musik</dc:subject>'
    text = f'<rss version="2.0" xmlns:dc="{other}"><channel><item>{inside}</item></channel></rss>'
    assert in_our_way(text) == in_their_way(text)


@pytest.mark.parametrize(
    "inside",
    [
        "<title>Ord &amp;lt;b&amp;gt;og &amp;lt;b&gt;mere&lt;/b&gt;</title>",
        "<title>En</title><title>To</title><dc:title>Tre</dc:title>",
        "<guid>1</guid><x:note><guid>2</guid><pubDate>i dag</pubDate></x:note>",
        "<title>En</title><image><title>Tre</title></image><title>Fire</title>",
        "<source><title>Kilden</title><category>Andet</category></source><title>Nyheden</title>",
        '<description mode="base64">S3VsdHVy</description><a:id mode="base64">MQ==</a:id>',
        "<title>Kultur\x93 i K\xf8ge\x94</title><category>\x93Musik\x94</category>",
        "<description>Fra \xc3\xa6rlighed</description><category>K\xc3\xb8ge</category>",
        "<description>Kort<p>Element</p></description><title>K<b>\xf8</b>ge</title>",
        "<link>https://kultur.example.org/?a=1&amp;amp;b=2&amp;c;</link><link></link>",
        '<category domain="area"/><category domain="area">K\xf8ge</category><category>K\xf8ge</category><dc:subject/>',
    ],
)
def test_what_only_some_feeds_do(inside: str) -> None:
    text = f'<rss version="2.0" {SPACES}><channel><item>{inside}</item><item>{inside}</item></channel></rss>'
    assert in_our_way(text) == in_their_way(text)
