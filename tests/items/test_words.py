"""Words and how they are written; whole words in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.items.words import LONGEST, MOST, Text, key, words_in


@pytest.mark.parametrize(
    ("text", "word", "has"),
    [
        ("Kunst i Køge", "kunst", True),
        ("Kunst i Køge", "KØGE", True),
        ("Kunst i Køge", "koege", True),
        ("Aarhus og Ærø", "århus", True),
        ("Kunstnere i Køge", "kunst", False),
        ("Ny kunst", "ny", True),
        ("Nytår", "ny", False),
        ("en ø i havet", "ø", True),
        ("køb", "ø", False),
        ("Kunstnere i Køge", "kunst*", True),
        ("Samtidskunst", "kunst*", False),
        ("Samtidskunst", "*kunst", True),
        ("Samtidskunstner", "*kunst", False),
        ("Samtidskunstner", " *kunst* ", True),
        ("Musik og sundhed i Furesø", "musik og sundhed", True),
        ("Musik, og sundhed", "musik og sundhed", True),
        ("Sundhed og musik", "musik og sundhed", False),
        ("Børne-teater", "børne", True),
        ("Cafe", "café", True),
        ("Fællessang!", "fællessang", True),
        ("a\u030arhus", "århus", True),
        ("alt", "", False),
        ("alt", " * ", False),
    ],
)
def test_a_whole_word_in_any_spelling(text: str, word: str, has: bool) -> None:
    assert Text(text).has(word) is has


def test_a_phrase_does_not_reach_from_the_headline_into_the_lead() -> None:
    assert not Text("Ny musik", "i parken").has("musik i")
    assert Text("Ny musik", "i parken").has_any(["dans", "parken"])


def test_what_a_person_types() -> None:
    assert words_in("Kunst,  ny  musik\nkunst; *, ,") == ["Kunst", "ny musik"]
    assert len(words_in(",".join(f"ord{number}" for number in range(99)))) == MOST


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_typed_breaks_it(text: str, typed: str) -> None:
    words = words_in(typed)
    assert all(key(word) and len(word) <= LONGEST for word in words)
    assert words_in(", ".join(words)) == words
    Text(text).has_any(words)
    assert all(Text(f"x {word} y").has(word) for word in words)
