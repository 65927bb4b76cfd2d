"""How Bluesky counts, what it marks in a text, and how addresses are shown: against vectors and for any text."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.platforms.bluesky import BlueskyPlatform
from publisher.platforms.bluesky_records import address_of, place_of, record_key, tid
from publisher.platforms.bluesky_text import MarkKind, bluesky_length, facets, marks, short_address, shown
from publisher.platforms.length import graphemes
from tests.platforms.platform_contract import a_post

LONG = "https://www.obcina.si/novice/2026/zelo-dolg-naslov-clanka?x=1"
FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("text", "in_graphemes", "in_bytes"),
    [
        ("Hello, world! 👋", 15, 18),
        ("café", 4, 5),
        ("cafe\u0301", 4, 6),
        ("日本語", 3, 9),
        (FAMILY, 1, 25),
        ("🇸🇮", 1, 8),
        (f"Več na {LONG} @zupan@mastodon.social", 91, 92),
        ("– “x” …", 7, 15),
        ("Čšž ĐĆ", 6, 11),
    ],
)
def test_vectors(text: str, in_graphemes: int, in_bytes: int) -> None:
    assert (graphemes(text), len(text.encode())) == (in_graphemes, in_bytes)
    # What is published has its address shown short, and that is what is counted.
    saved = len(LONG) - len(short_address(LONG)) if LONG in text else 0
    assert bluesky_length(text) == in_graphemes - saved


@pytest.mark.parametrize(
    ("text", "fits"),
    [("ø" * 300, True), ("ø" * 301, False), (FAMILY * 120, True), (FAMILY * 121, False), (FAMILY * 300, False)],
)
def test_three_hundred_graphemes_and_three_thousand_bytes(text: str, fits: bool) -> None:
    assert fits == (graphemes(text) <= 300 and len(text.encode()) <= 3000)
    assert (BlueskyPlatform().length(text, {}) <= BlueskyPlatform().limits({}).text) == fits


def test_the_documentations_facets() -> None:
    text = "✨ example mentioning @atproto.com to share the URL 👨‍❤️‍👨 https://en.wikipedia.org/wiki/CBOR."
    mention, link = facets(text, marks(text), {"atproto.com": "did:plc:ewvi7nxzyoun6zhxrhs64oiz"})
    assert mention == {
        "index": {"byteStart": 23, "byteEnd": 35},
        "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:ewvi7nxzyoun6zhxrhs64oiz"}],
    }
    assert link == {
        "index": {"byteStart": 74, "byteEnd": 108},
        "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://en.wikipedia.org/wiki/CBOR"}],
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Se https://a.dk/b_(c), og kom", ["https://a.dk/b_(c)"]),
        ("(https://a.dk/b)", ["https://a.dk/b"]),
        ("“https://a.dk/b”", ["https://a.dk/b"]),
        ("Kom! #BørnOgUnge, #2026 #kultur2026. #", ["#BørnOgUnge", "#kultur2026"]),
        ("https://a.dk/#kultur", ["https://a.dk/#kultur"]),
        ("mail kultur@example.org", []),
        ("@bib.example.org: kom (@kultur.example.org)", ["@bib.example.org", "@kultur.example.org"]),
        ("@zupan@mastodon.social", []),
        ("@bib.example.org_ @bib. @localhost", []),
        ("https://a.dk/@bib.example.org", ["https://a.dk/@bib.example.org"]),
        (f"#{'a' * 64} #{'a' * 65}", [f"#{'a' * 64}"]),
        ("HTTPS://A.DK/B", ["HTTPS://A.DK/B"]),
        ("www.a.dk x@https://a.dk/b", []),
    ],
)
def test_what_is_marked(text: str, found: list[str]) -> None:
    assert [text[mark.start : mark.end] for mark in marks(text)] == found


@pytest.mark.parametrize(
    ("address", "as_shown"),
    [
        ("https://www.kultur.example.org/", "www.kultur.example.org"),
        ("https://kultur.example.org/nyt", "kultur.example.org/nyt"),
        ("https://kultur.example.org/nyheder/2026/oevelse?a=1", "kultur.example.org/nyheder/2026…"),
        ("https://kultur.example.org:8080/?q=12#her", "kultur.example.org:8080/?q=12#her"),
        ("https://bank.example.org@evil.example.org/", "evil.example.org"),
        ("https://[", "https://["),
        ("https://?x", "https://?x"),
    ],
)
def test_how_an_address_is_shown(address: str, as_shown: str) -> None:
    assert short_address(address) == as_shown


def test_a_short_address_still_leads_to_the_whole_one() -> None:
    text, marked = shown(f"Læs {LONG}.")
    assert text == "Læs www.obcina.si/novice/2026/…."
    assert [(text[mark.start : mark.end], mark.value) for mark in marked] == [("www.obcina.si/novice/2026/…", LONG)]


def test_a_link_of_ours_is_whole_even_where_it_ends_in_a_full_stop() -> None:
    link = "https://a.dk/hvad-sker-der."
    assert [mark.value for mark in marks(f"Læs\n{link}", link)] == [link]


WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            LONG,
            "#BørnOgUnge",
            "#kultur",
            "@bib.example.org",
            FAMILY,
            "🇩🇰",
            "e\u0301",
            "https://a.dk/#x",
            "(",
            ")",
            ".",
            "\n",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=12), st.booleans())
def test_facets_cut_at_characters_and_give_back_what_they_mark(words: list[str], apart: bool) -> None:
    text, marked = shown((" " if apart else "").join(words))
    found = facets(text, marked, {"bib.example.org": "did:plc:bib"})
    raw, end = text.encode(), 0
    for facet in found:
        start, stop = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        assert end <= start < stop
        end = stop
        stretch = raw[start:stop].decode()  # a UnicodeDecodeError here would be a cut character
        feature = facet["features"][0]
        if feature["$type"].endswith("#link"):
            assert stretch == short_address(feature["uri"])
        elif feature["$type"].endswith("#tag"):
            assert stretch[1:] == feature["tag"]
        else:
            assert stretch.lower() == "@bib.example.org"
    assert end <= len(raw)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_a_link_that_stands_alone_is_always_marked(before: str, after: str) -> None:
    values = [mark.value for mark in marks(f"{before} {LONG} {after}") if mark.kind is MarkKind.LINK]
    assert LONG in values


@pytest.mark.parametrize(
    "hostile",
    ["@" + "a." * 20_000, "#" * 40_000, "https://" * 9_000, "@a" + "-" * 20_000, "https://a.dk/" + ")" * 20_000],
)
def test_hostile_texts_are_read_too(hostile: str) -> None:
    assert bluesky_length(hostile) > 0


@pytest.mark.parametrize(
    ("microseconds", "clock_id", "key"), [(1_700_000_000_000_000, 7, "3ke6kg3wk222b"), (0, 0, "2222222222222")]
)
def test_keys_that_sort_by_time(microseconds: int, clock_id: int, key: str) -> None:
    assert tid(microseconds, clock_id) == key


@given(st.integers(0, 2**53 - 2), st.integers(0, 1023), st.integers(0, 1023))
def test_a_later_key_sorts_later(microseconds: int, one: int, other: int) -> None:
    assert regex.fullmatch("[234567abcdefghij][234567a-z]{12}", tid(microseconds, one))
    assert tid(microseconds, one) < tid(microseconds + 1, other)


def test_a_posts_key_is_the_same_on_every_attempt_and_its_own() -> None:
    post = a_post()
    assert record_key(post) == record_key(a_post("Andet", planned_at=post.planned_at))
    assert record_key(post) != record_key(a_post(key="another-key", planned_at=post.planned_at))
    assert place_of(address_of("did:web:pds.example.org", record_key(post)))[0] == "did:web:pds.example.org"
