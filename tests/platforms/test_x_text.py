"""How X counts, against the vectors of the fact sheet and against the contract server's own code."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.platforms.length import graphemes
from publisher.platforms.x_text import weighted_length
from tests.contract.x_text import addresses, weight

LONG = "https://www.obcina.si/novice/2026/zelo-dolg-naslov-clanka?x=1"
VECTORS = [
    ("Hello, world! 👋", 16),
    ("café", 4),
    ("cafe\u0301", 4),
    ("日本語", 6),
    ("👨‍👩‍👧‍👦", 2),
    ("🇸🇮", 2),
    (f"Več na {LONG} @zupan@mastodon.social", 53),
    ("– “x” …", 8),
    ("Čšž ĐĆ", 6),
]


@pytest.mark.parametrize(("text", "length"), VECTORS)
def test_vectors(text: str, length: int) -> None:
    assert weighted_length(text) == length == weight(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("obcina.si", 23),  # without a scheme, too
        ("Se obcina.si/novice.", 27),
        ("f.eks. kl. 19.30, m.fl.", 23),  # abbreviations and times are words
        ("blåvand.dk", 26),  # X sees “vand.dk” alone
        ("https://blåvand.dk/nyt", 23),
        ("https://a.dk", 23),
        ("HTTPS://A.DK/B", 23),
        (f"({LONG}), {LONG}", 50),
        ("kultur@kommune.dk", 17),  # a mail address is none
        ("@kultur.dk", 10),
        ("200 e.Kr", 27),  # .kr is a country
        ("obcina.si_x", 25),
        ("https://localhost/nyt", 21),
        ("https://byen.ukendt/nyt", 23),  # a domain that we do not know: whichever is more
        ("https://byen.ukendt/en/meget/lang/adresse", 41),
        ("obcina.si.ukendt", 39),  # X may take the beginning for an address
        ("kom.https://a.dk/nyt", 27),  # a space is missing
        ("a.dk.https://b.dk", 47),
        ("☀️1️⃣👍🏽©", 7),
        ("…", 2),
    ],
)
def test_addresses_and_emoji(text: str, length: int) -> None:
    assert weighted_length(text) == length
    assert weight(text) <= length


_WORDS = st.sampled_from(
    ["kom", "hør", "19.30", "f.eks.", "nyt.Kom", "👍🏽", "🇩🇰", "👨‍👩‍👧‍👦", "日本", "…", "(", ")", "@bib", "#kultur",
     "obcina.si", "a.dk/b_(c)", "blåvand.dk", "x@a.dk", LONG, "https://a.dk/æ?b=ø", "https://a.dk.", "www.a.museum",
     "https://a.dk/x日本", "a.dk,b.dk", "https://blåvand.dk/s#t", "-a.dk", "a.dk-b", "a_b.dk", "cafe\u0301"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_WORDS, st.sampled_from([" ", "\n", ", ", " (", ") "])), max_size=12))
def test_it_is_never_less_than_the_server_counts(words: list[tuple[str, str]]) -> None:
    text = "".join(word + gap for word, gap in words)
    assert weighted_length(text) >= weight(text)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=".")))
def test_without_addresses_it_is_never_less_than_the_characters_seen(text: str) -> None:
    assert weighted_length(text) >= graphemes(text)


@settings(max_examples=100, deadline=None)
@given(st.text("ab ø日", max_size=40), st.text("ab ø日", max_size=40))
def test_an_address_weighs_23(before: str, after: str) -> None:
    text = f"{before} {LONG} {after}"
    assert weighted_length(text) == weighted_length(before) + weighted_length(after) + 25
    assert addresses(text) == [LONG]


@pytest.mark.parametrize(
    "hostile", ["https://" + "a." * 20_000, "https://a.dk/" + "a(" * 20_000, "a-" * 20_000, "a." * 20_000, "🇩" * 2_000]
)
def test_hostile_texts_are_counted_too(hostile: str) -> None:
    assert weighted_length(hostile) > 0
