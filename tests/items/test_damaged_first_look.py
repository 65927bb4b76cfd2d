"""A first look at which the feed breaks off: the rest of what lay there is back catalogue, too, and no news."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.errors import Explanation
from publisher.models import Item
from publisher.vocabulary import ItemState
from tests.items.by_hand import Hand, hand, story

__all__ = ["hand"]
pytestmark = pytest.mark.database

DAMAGE = Explanation("The feed is damaged or breaks off.")
LONG_AGO = [story(number) for number in range(12)]


def states() -> dict[str, int]:
    return {state: found for state in ItemState if (found := Item.objects.filter(state=state).count())}


@pytest.mark.parametrize("whole", [4, 12])
def test_what_the_first_whole_look_brings_besides_is_no_news(hand: Hand, whole: int) -> None:
    """Few or many: neither sent nor held back."""
    hand.gives(*LONG_AGO[:3], damage=DAMAGE)
    hand.gives(*LONG_AGO[:3], damage=DAMAGE)
    assert hand.gives(*LONG_AGO[:whole]).new == []
    assert states() == {ItemState.SEEN: whole}
    assert len(hand.gives(*LONG_AGO[:whole], story(20)).new) == 1


def test_a_feed_that_is_never_mended_gives_news_after_a_day(hand: Hand) -> None:
    now = timezone.now()
    for hours in (0, 12, 25):
        with time_machine.travel(now + timedelta(hours=hours), tick=False):
            assert hand.gives(*LONG_AGO[: 3 + hours // 12], damage=DAMAGE).new == []
    with time_machine.travel(now + timedelta(hours=26), tick=False):
        assert len(hand.gives(*LONG_AGO[:5], story(20), damage=DAMAGE).new) == 1


def test_damage_later_leaves_news_what_it_is(hand: Hand) -> None:
    hand.gives(*LONG_AGO[:3])
    hand.gives(story(20), damage=DAMAGE)
    assert states() == {ItemState.SEEN: 3, ItemState.NEW: 1}
