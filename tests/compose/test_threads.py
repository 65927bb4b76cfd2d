"""A long text as a thread: nothing is lost, nothing is too long, cuts are where a reader pauses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.compose.threads import split

NEWS = (
    "Ny kulturaftale er underskrevet\n\n"
    "Ni kommuner har skrevet under. Aftalen gælder kl. 12 d. 1. januar. Den koster 4 mio. kr. om året!\n\n"
    "Læs mere på siden."
)


def at_most(limit: int, link: int = 0):
    return lambda words, first: len(words) + (link if first else 0) <= limit


def test_what_fits_is_one_post() -> None:
    assert split(NEWS, at_most(500)) == [NEWS]


def test_it_is_cut_between_sentences_and_the_first_leaves_room_for_the_link() -> None:
    assert split(NEWS, at_most(70, link=24)) == [
        "Ny kulturaftale er underskrevet",
        "Ni kommuner har skrevet under. Aftalen gælder kl. 12 d. 1. januar.",
        "Den koster 4 mio. kr. om året!\n\nLæs mere på siden.",
    ]


def test_staff_say_where_to_cut() -> None:
    assert split("Først\n---\nså\n\n-----\ntil sidst", at_most(500)) == ["Først", "så", "til sidst"]


def test_a_sentence_that_is_too_long_is_cut_between_words_and_a_word_is_not_cut() -> None:
    assert split("en to tre fire", at_most(6)) == ["en to", "tre", "fire"]
    assert split("Speciallægepraksisplanlægning er svært.", at_most(10)) == [
        "Speciallægepraksisplanlægning",
        "er svært.",
    ]


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(8, 60))
def test_no_word_is_lost_and_no_post_is_too_long(text: str, limit: int) -> None:
    posts = split(text.replace("-", "–"), at_most(limit, link=3))
    assert [word for post in posts for word in post.split()] == text.replace("-", "–").translate(_CONTROLS).split()
    assert all(len(post) <= limit or " " not in post for post in posts)


# What many_lines leaves out or turns into a line's end.
_CONTROLS = dict.fromkeys([*range(9), *range(14, 32), 127, *range(128, 133), *range(134, 160), 65534, 65535])
