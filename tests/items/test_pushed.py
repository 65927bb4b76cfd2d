"""What is pushed and then taken back: the answer says what became of the item, not what was asked for."""

from __future__ import annotations

import pytest

from publisher.items import pushed
from publisher.items.pushed import take, withdraw
from publisher.models import Item, Organisation, Source
from publisher.sources.contract import Candidate
from publisher.sources.push import DRAFT, PUBLISHED, WITHDRAWN, Pushed
from tests.items.by_hand import Hand, story

pytestmark = pytest.mark.database


@pytest.fixture
def pushing(secretariat: Organisation) -> Source:
    """The secretariat's website pushes."""
    return Source.objects.create(organisation=secretariat, kind="push", name="Hjemmesiden")


def push(source: Source, status: str, candidate: Candidate) -> str:
    return take(source, [Pushed(candidate, status)])[0].result


def test_what_becomes_a_draft_again_is_taken_back(pushing: Source) -> None:
    assert push(pushing, PUBLISHED, story(1)) == pushed.CREATED
    assert push(pushing, DRAFT, story(1)) == pushed.TAKEN_BACK
    assert Item.objects.get().withdrawn_at is not None
    assert push(pushing, DRAFT, story(1)) == pushed.TAKEN_BACK
    assert push(pushing, PUBLISHED, story(1)) == pushed.CHANGED
    assert Item.objects.get().withdrawn_at is None


def test_a_draft_that_was_never_published_is_left_out(pushing: Source) -> None:
    assert push(pushing, DRAFT, story(1)) == pushed.IGNORED
    assert not Item.objects.exists()


@pytest.mark.parametrize("status", [DRAFT, WITHDRAWN])
def test_what_another_source_speaks_for_is_kept_and_the_answer_says_so(
    pushing: Source, hand: Hand, status: str
) -> None:
    hand.gives(story(1))
    assert push(pushing, PUBLISHED, story(1)) == pushed.JOINED
    assert push(pushing, status, story(1)) == pushed.KEPT
    assert withdraw(pushing, story(1).external_key).result == pushed.KEPT
    assert Item.objects.get().withdrawn_at is None
