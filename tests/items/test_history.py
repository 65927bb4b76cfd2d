"""What changed: word by word, and the story of an item."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.items.differences import differences, words_changed
from publisher.items.history import MOST_SHOWN, history_of
from publisher.items.pictures import store_picture
from publisher.models import Item, ItemRevision
from tests.compose.conftest import picture_of
from tests.items.by_hand import Hand, story


def written(before: str, after: str) -> str:
    marks = {"same": "{}", "added": "+{}+", "removed": "-{}-"}
    return "".join(marks[part.kind].format(part.text) for part in words_changed(before, after))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("Kom klokken 19 i hallen", "Kom klokken 20 i hallen", "Kom klokken -19-+20+ i hallen"),
        ("Kom og hør", "Kom", "Kom- og hør-"),
        ("", "Ny tekst", "+Ny tekst+"),
        ("et to", "tre fire", "-et to-+tre fire+"),
        ("Ens", "Ens", "Ens"),
        ("A\n\nB", "A\n\nC", "A\n\n-B-+C+"),
        ("<b>", "<i>", "-<b>-+<i>+"),
    ],
)
def test_words_that_changed_are_shown_among_those_that_did_not(before: str, after: str, shown: str) -> None:
    assert written(before, after) == shown


def test_long_stretches_without_a_change_are_cut() -> None:
    before, after = (" ".join(f"{side}{number}" for number in range(300)) for side in ("før", "efter"))
    assert len(written(f"{before} 19 {after}", f"{before} 20 {after}")) < 300


def test_texts_too_long_to_compare_are_shown_whole() -> None:
    parts = words_changed("a b " * 50_000, "b a " * 50_000)
    assert [part.kind for part in parts] == ["removed", "added"]


@settings(max_examples=80)
@given(st.text("ab \n", max_size=40), st.text("ab \n", max_size=40))
def test_both_texts_can_be_read_from_the_parts(before: str, after: str) -> None:
    parts = words_changed(before, after)
    assert "".join(part.text for part in parts if part.kind != "removed").split() == after.split()
    assert "".join(part.text for part in parts if part.kind != "added").split() == before.split()


@pytest.mark.database
@pytest.mark.usefixtures("english")
def test_a_revision_says_what_else_changed(hand: Hand) -> None:
    one = {"title": "A", "topics": ["Musik"], "event_starts_at": "", "picture_id": None, "event_status": "scheduled"}
    picture = store_picture(hand.row.organisation, picture_of(), alt="En violin")
    other = one | {"topics": ["Musik", "Kor"], "event_starts_at": "2026-12-01T18:00:00+00:00", "picture_id": picture.pk,
                   "event_status": "cancelled"}  # fmt: skip
    found = {each.name: each for each in differences(one, other)}
    assert set(found) == {"topics", "event_starts_at", "picture_id", "event_status"}
    assert (found["picture_id"].before, found["picture_id"].after) == (None, picture)
    assert [part.text for part in found["topics"].parts] == ["Musik", "Musik, Kor"]
    assert [part.text for part in found["event_status"].parts] == ["Takes place", "Called off"]
    assert differences({"title": "A"}, {"title": "A", "topics": ["x"]}) == []


@pytest.mark.database
def test_an_items_history_is_its_edits_latest_first(hand: Hand) -> None:
    for number in range(MOST_SHOWN + 4):
        hand.gives(replace(story(1), title=f"Udgave {number}"))
    item = Item.objects.get()
    lines = history_of(item)
    assert (item.revision, len(lines)) == (MOST_SHOWN + 4, MOST_SHOWN)
    assert [part.text for part in lines[0].changes[0].parts] == ["Udgave ", "12", "13"]
    assert ItemRevision.objects.filter(item=item).count() == MOST_SHOWN + 4


def test_a_lead_that_is_but_the_beginning_of_the_text_is_not_said_twice() -> None:
    one = {"lead": "Kom og hør …", "body_text": "Kom og hør orkestret."}
    other = {"lead": "Kom og syng …", "body_text": "Kom og syng med orkestret."}
    assert [each.name for each in differences(one, other)] == ["body_text"]
    own = other | {"lead": "Alle er velkomne."}
    assert [each.name for each in differences(one, own)] == ["lead", "body_text"]
