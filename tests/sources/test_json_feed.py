"""JSON Feed 1.0 and 1.1, as sites publish them and as they should not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import PermanentError
from publisher.sources.contract import PictureRef
from publisher.sources.feed_entries import MAX_ENTRIES, ReadFeed
from publisher.sources.json_feed import begins_as_json, read_json_feed

URL = "https://havnby.example.org/nyt/feed.json"
VERSION = "https://jsonfeed.org/version/1.1"


def read(*items: Any, encoding: str = "utf-8", **feed: Any) -> ReadFeed:
    body = json.dumps({"version": VERSION, "title": "Havnby & omegn", "items": list(items), **feed}, ensure_ascii=False)
    return read_json_feed(body.encode(encoding), "application/feed+json", URL)


def only(**item: Any) -> Any:
    (candidate,) = read({"id": "1", "title": "Ny bro", **item}).candidates
    return candidate


def test_a_whole_item() -> None:
    feed = read(
        {
            "id": "havnby:107",
            "url": "/nyt/ny-bro",
            "title": "Ny bro < 3 km & mere",
            "summary": "Broen åbner <b>lørdag</b> &amp; søndag.",
            "content_html": '<p>Hele sagen. <a href="/kort">Kort</a></p><img src="bro.jpg" alt="Broen" width="800">',
            "content_text": "Bruges ikke.",
            "image": "https://havnby.example.org/stor.jpg",
            "date_published": "2026-11-26T15:16:00+01:00",
            "date_modified": "2026-11-27T15:16:00+01:00",
            "authors": [{"name": "bo@example.org"}, {"name": "Bo Lund"}],
            "tags": ["Trafik", "Trafik", " Havn & kaj "],
            "language": "da-DK",
            "attachments": [
                {"url": "/lyd.mp3", "mime_type": "audio/mpeg"},
                {"url": "/kaj.png", "mime_type": "image/png", "title": "Kajen"},
            ],
        }
    )
    (entry,) = feed.candidates
    assert (feed.title, feed.interval_s, feed.withdrawn) == ("Havnby & omegn", 0, ())
    assert (entry.external_key, entry.link) == ("havnby:107", "https://havnby.example.org/nyt/ny-bro")
    assert (entry.title, entry.lead) == ("Ny bro < 3 km & mere", "Broen åbner lørdag & søndag.")
    assert '<a href="https://havnby.example.org/kort">' in entry.body_html
    assert entry.published_at == datetime(2026, 11, 26, 14, 16, tzinfo=UTC)
    assert (entry.author, entry.language, entry.tags) == ("Bo Lund", "da", ("Trafik", "Havn & kaj"))
    assert entry.pictures == (
        PictureRef("https://havnby.example.org/nyt/bro.jpg", alt="Broen", width=800),
        PictureRef("https://havnby.example.org/stor.jpg"),
        PictureRef("https://havnby.example.org/kaj.png", alt="Kajen"),
    )


def test_text_becomes_paragraphs() -> None:
    assert only(content_text="Et & to\nlinje\n\n<b>Tre</b>").body_html == (
        "<p>Et &amp; to<br>linje</p><p>&lt;b&gt;Tre&lt;/b&gt;</p>"
    )


def test_version_1_names_one_author_and_numbers_its_items() -> None:
    feed = read({"id": 7, "title": "Ny bro"}, version="https://jsonfeed.org/version/1", author={"name": "Redaktionen"})
    assert (feed.candidates[0].external_key, feed.candidates[0].author) == ("7", "Redaktionen")


def test_what_is_missing_is_made_up_only_where_a_headline_is_needed() -> None:
    bare = {"title": None}
    assert only(**bare, content_text="Kun en tekst. " * 30).title.endswith("…")
    assert only(**bare, external_url="https://andetsteds.example.org/x").title == "https://andetsteds.example.org/x"
    assert read({"id": "1"}).candidates == ()


def test_a_time_without_a_zone_is_ours() -> None:
    assert only(date_published="2026-11-26T15:16:00").published_at == datetime(2026, 11, 26, 14, 16, tzinfo=UTC)
    assert only(date_published="snart").published_at is None
    assert only(date_modified="2026-11-26T15:16:00Z").published_at == datetime(2026, 11, 26, 15, 16, tzinfo=UTC)


def test_a_feed_that_is_finished_is_asked_once_a_day() -> None:
    assert read(expired=True).interval_s == 86_400


def test_of_too_many_items_the_newest_are_read() -> None:
    begun = datetime(2024, 1, 1, tzinfo=UTC)
    days = [(begun + timedelta(days=n)).isoformat() for n in range(MAX_ENTRIES + 9)]
    feed = read(*({"id": str(n), "title": "Nyt", "date_published": day} for n, day in enumerate(days)))
    assert [each.external_key for each in feed.candidates] == [str(n) for n in range(9, MAX_ENTRIES + 9)]
    assert feed.left_out == 9


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_letters_survive(encoding: str) -> None:
    assert read({"id": "1", "title": "Rødgrød"}, encoding=encoding).candidates[0].title == "Rødgrød"


@pytest.mark.parametrize(
    ("body", "is_json"),
    [(b"{}", True), (b"\xef\xbb\xbf \r\n{", True), (b"[1]", True), ("{".encode("utf-16"), True), (b"<rss/>", False),
     (b"", False)],
)  # fmt: skip
def test_its_beginning_tells_it(body: bytes, is_json: bool) -> None:
    assert begins_as_json(body) is is_json


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"[[" * 150_000, "parts"),
        (b"{}", "JSON"),
        (b"[]", "JSON"),
        (b'{"version": 1, "items": []}', "JSON"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": null}', "JSON"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": [' + b"9" * 9_999, "damaged"),
    ],
)
def test_what_is_no_feed_is_named(body: bytes, word: str) -> None:
    with pytest.raises(PermanentError) as refused:
        read_json_feed(body, "", URL)
    assert (refused.value.reason, word in refused.value.explanation.msgid) == ("not_a_feed", True)


_VALUE = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_NAMES = (
    "id", "url", "external_url", "title", "summary", "content_html", "content_text", "image", "banner_image", "authors",
    "author", "date_published", "date_modified", "tags", "language", "attachments",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_VALUE | st.dictionaries(st.sampled_from(_NAMES), _VALUE), max_size=4), st.booleans())
def test_no_value_makes_reading_fail(items: list[Any], ascii_only: bool) -> None:
    body = json.dumps({"version": VERSION, "items": items}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for candidate in read_json_feed(body, "", URL).candidates:
        assert candidate.title
        assert candidate.link.partition(":")[0] in {"", "http", "https"}
        assert not any("\ud800" <= letter <= "\udfff" for letter in repr(candidate))
        assert candidate.published_at is None or candidate.published_at.tzinfo


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_reading_fail_in_another_way(junk: bytes) -> None:
    for body in (junk, b'{"version": "https://jsonfeed.org/version/1", "items": [{"title": "' + junk + b'"}]}'):
        try:
            read_json_feed(body, "application/feed+json", URL)
        except PermanentError as error:
            assert str(error)
