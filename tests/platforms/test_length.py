"""How Mastodon counts, against the vectors of the fact sheet, and how a link joins a text."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.platforms.length import addresses, graphemes, mastodon_length, with_link

LONG = "https://www.obcina.si/novice/2026/zelo-dolg-naslov-clanka?x=1"


@pytest.mark.parametrize(
    ("text", "in_graphemes", "on_mastodon"),
    [
        ("Hello, world! 👋", 15, 15),
        ("café", 4, 4),
        ("cafe\u0301", 4, 4),
        ("日本語", 3, 3),
        ("👨‍👩‍👧‍👦", 1, 1),
        ("🇸🇮", 1, 1),
        (f"Več na {LONG} @zupan@mastodon.social", 91, 37),
        ("– “x” …", 7, 7),
        ("Čšž ĐĆ", 6, 6),
    ],
)
def test_vectors(text: str, in_graphemes: int, on_mastodon: int) -> None:
    assert graphemes(text) == in_graphemes
    assert mastodon_length(text) == on_mastodon


AMONG_FLAGS = st.text(st.sampled_from("🇩🇰🇸ae\u0301\u200d👩🔥\ufe0f🏽\r\n\u0600ᄀ가"))


@settings(max_examples=300, deadline=None)
@given(AMONG_FLAGS)
def test_flags_are_counted_as_the_standard_says(text: str) -> None:
    assert graphemes(text) == len(regex.findall(r"\X", text))


def test_a_text_of_flags_is_counted_in_no_time() -> None:
    assert graphemes("🇩🇰" * 100_000 + "🇩") == 100_001


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("www.obcina.si/novice", 20),  # without http(s): in full
        ("https://localhost/nyt", 21),  # no such domain: not an address for Mastodon
        ("http://a.dk", 23),  # shorter than 23 counts as 23 too
        (f"Se {LONG}, og kom", 3 + 23 + 8),
        (f"({LONG})", 25),
        (f"{LONG} {LONG}", 47),
        ("https://blåvand.dk/nyt", 23),
        ("https://a.dk/b_(c)", 23),
        ("x@https://a.dk/b", 16),
        ("https://@", 9),
        ("mail kultur@example.org", 23),  # no mention: a word stands before the @
        ("@kultur@example.org og @bib@b.example.org", 15),
        ("HTTPS://A.DK/B", 23),
    ],
)
def test_addresses_and_mentions(text: str, length: int) -> None:
    assert mastodon_length(text) == length


def test_a_server_that_reserves_nothing_counts_addresses_in_full() -> None:
    assert mastodon_length(f"Se {LONG}", reserved_per_url=0) == graphemes(f"Se {LONG}")
    assert mastodon_length(f"Se {LONG}", reserved_per_url=25) == 28


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_an_address_never_costs_more_than_it_is_long_or_the_reserve(before: str, after: str) -> None:
    text = f"{before} {LONG} {after}"
    assert mastodon_length(text) <= graphemes(text) + 23 * len(addresses(text))
    assert LONG in "".join(addresses(text))


@pytest.mark.parametrize("hostile", ["https://" + "a." * 20_000, "https://a.dk/" + "(" * 20_000, "@a@" + "b." * 20_000])
def test_hostile_texts_are_counted_too(hostile: str) -> None:
    assert mastodon_length(hostile) > 0


def test_the_link_comes_on_its_own_line() -> None:
    assert with_link("Kom og hør", LONG) == f"Kom og hør\n{LONG}"
    assert with_link("", LONG) == LONG
    assert with_link("Kom og hør", "") == "Kom og hør"


@pytest.mark.parametrize("text", [f"Læs {LONG}.", f"({LONG})", f"{LONG}\nog kom"])
def test_a_link_in_the_text_is_not_repeated(text: str) -> None:
    assert with_link(text, LONG) == text


def test_the_beginning_of_another_address_is_not_the_link() -> None:
    assert with_link("Se https://a.dk/12", "https://a.dk/1") == "Se https://a.dk/12\nhttps://a.dk/1"
