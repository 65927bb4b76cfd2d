"""A page's own picture and event, out of whatever a website sends."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given, strategies

from publisher.sources.contract import PictureRef
from publisher.sources.page import MAX_BYTES, PageFacts, read_page

URL = "https://havnby.example.org/nyt/kor"
HTML = "text/html; charset=utf-8"


def read(*head: str, body: str = "") -> PageFacts:
    return read_page(f"<!doctype html><html><head>{''.join(head)}</head><body>{body}</body></html>".encode(), HTML, URL)


def test_the_shared_picture_with_all_that_is_said_of_it() -> None:
    facts = read(
        '<meta property="og:title" content="Kor">',
        '<meta property="og:image" content="/kor.jpg?a=1&amp;b=2">',
        '<meta property="og:image:width" content="1200"><meta property="og:image:height" content="630">',
        '<meta property="og:image:alt" content="Et kor &amp; en dirigent">',
        '<meta name="twitter:image" content="https://havnby.example.org/kor.jpg?a=1&amp;b=2">',
    )
    assert facts.pictures == (
        PictureRef("https://havnby.example.org/kor.jpg?a=1&b=2", alt="Et kor & en dirigent", width=1200, height=630),
    )


def test_of_several_the_best_comes_first_and_a_logo_never() -> None:
    facts = read(
        '<meta property="og:image" content="/images/logo.png">',
        '<meta property="og:image" content="/stor.jpg"><meta property="og:image:width" content="4000">',
        '<META PROPERTY="OG:Image" CONTENT="/god.jpg"><meta property="og:image:width" content="1200">',
        '<link rel="image_src" href="/gammel.jpg">',
    )
    assert [picture.url.rpartition("/")[2] for picture in facts.pictures] == ["god.jpg", "stor.jpg", "gammel.jpg"]


def test_a_twitter_card_is_enough() -> None:
    facts = read(
        '<meta name="twitter:image:src" content="//cdn.example.org/a.jpg">',
        '<meta name="twitter:image:alt" content="A">',
    )
    assert facts.pictures == (PictureRef("https://cdn.example.org/a.jpg", alt="A"),)


def test_the_event_that_the_page_is_about() -> None:
    event = read(
        body="""<script type="application/ld+json">{"@type": "MusicEvent", "name": "Kor",
        "startDate": "2027-01-13T19:30:00+01:00", "location": {"@type": "Place", "name": "Kirken"}}</script>"""
    ).event
    assert event is not None
    assert event.starts_at.astimezone(UTC).isoformat() == "2027-01-13T18:30:00+00:00"
    assert event.place == "Kirken"


@pytest.mark.parametrize(
    "script",
    ["", "{", "[" * 100_000, "null", '"x"', "9" * 5000, '{"@type": "Event"}', '{"@type": "Event", "startDate": []}',
     '{"@type": "Event", "startDate": "' + "9" * 10_000 + '"}', "{}" * 10, '{"a":' * 50_000],
    ids=lambda text: text[:20] or "nothing",
)  # fmt: skip
def test_json_that_says_nothing_is_passed_over(script: str) -> None:
    facts = read(f'<script type="application/ld+json">{script}</script><meta property="og:image" content="/kor.jpg">')
    assert facts.event is None
    assert [picture.url for picture in facts.pictures] == ["https://havnby.example.org/kor.jpg"]


def test_other_things_than_pages_tell_nothing() -> None:
    page = b'<meta property="og:image" content="/kor.jpg">'
    assert read_page(page, "application/pdf", URL) == PageFacts()
    assert read_page(page, "", URL).pictures
    assert read_page(b"", HTML, URL) == PageFacts()


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "ukendt", "base64", "idna", "utf-8-sig"])
def test_letters_are_read_as_the_page_or_its_server_says(charset: str) -> None:
    text = '<meta property="og:image" content="/kor.jpg"><meta property="og:image:alt" content="Æ">'
    known = charset in {"iso-8859-1", "utf-16", "utf-8-sig"}
    facts = read_page(text.encode(charset if known else "utf-8"), f"text/html; charset={charset}", URL)
    assert [picture.alt for picture in facts.pictures] == ["Æ"]


def test_a_page_names_its_own_charset() -> None:
    page = (
        '<meta charset="iso-8859-1"><meta property="og:image" content="/k.jpg"><meta name="og:image:alt" content="Ærø">'
    )
    assert read_page(page.encode("iso-8859-1"), "text/html", URL).pictures[0].alt == "Ærø"


@pytest.mark.parametrize(
    "hostile",
    [b"<meta " * 200_000, b"<script type=application/ld+json>" * 30_000, b"</" * 500_000, b"\x00" * 1_000_000,
     b"<meta property=og:image content=/a.jpg>" * 30_000, b"<script type=application/ld+json>" + b"</" * 400_000],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_hostile_pages_are_read_in_one_pass(hostile: bytes) -> None:
    """A quadratic reader would need minutes for these."""
    assert len(read_page(hostile * 3, HTML, URL).pictures) <= 10


def test_only_so_much_is_read() -> None:
    assert read_page(b" " * MAX_BYTES + b'<meta property="og:image" content="/kor.jpg">', HTML, URL) == PageFacts()


@given(strategies.binary(max_size=300), strategies.sampled_from(["", HTML, "text/html; charset=utf-16", "x"]))
def test_it_never_fails(body: bytes, content_type: str) -> None:
    read_page(body, content_type, URL)
    read_page(b"<meta property=og:image content=" + body + b">", content_type, URL)
    read_page(b"<script type=application/ld+json>" + body + b"</script>", content_type, URL)
