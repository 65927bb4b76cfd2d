"""Quarantine: what is too much or too strange to be today's news waits, once said and never sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.items.quarantine import dismiss, held_in, release
from publisher.models import Item, Newsletter, Notice, Rule, RuleMatch, Source, User
from publisher.rules.matching import apply_rules
from publisher.sources.contract import Candidate
from publisher.vocabulary import ItemState
from tests.items.by_hand import DAY, SITE, Hand, story

pytestmark = pytest.mark.database

LONG_AGO = DAY - timedelta(days=900)


def archive(number: int, since: datetime = LONG_AGO) -> list[Candidate]:
    """As an import gives it: nothing about it was seen before."""
    return [story(1000 + n, published_at=since + timedelta(hours=n)) for n in range(number)]


def rekeyed(number: int) -> list[Candidate]:
    """A move in which the headlines changed, too; dated as before or later, so nothing tells that they are old."""
    return [story(2000 + n, published_at=timezone.now() - timedelta(minutes=n)) for n in range(number)]


def ids(collected_state: str) -> set[int]:
    return set(Item.objects.filter(state=collected_state).values_list("pk", flat=True))


def test_an_import_of_hundreds_is_held_and_told_once(hand: Hand, bo: User, olga: User, anna: User) -> None:
    hand.gives(*(story(n) for n in range(10)))
    collected = hand.gives(*rekeyed(300), *(story(n) for n in range(10)))
    assert (collected.new, collected.held) == ([], 300)
    assert {notice.user for notice in Notice.objects.all()} == {bo, olga}
    assert "300" in str(Notice.objects.first().explanation)  # type: ignore[union-attr]
    hand.gives(*rekeyed(310))
    assert Notice.objects.count() == 2
    assert Item.objects.filter(state=ItemState.HELD).count() == 310


def test_no_rule_touches_what_is_held(hand: Hand, newsletter: Newsletter) -> None:
    Rule.objects.create(organisation=newsletter.organisation, name="Alt", newsletter=newsletter, daily_cap=1000)
    hand.gives(story(1))
    hand.gives(*rekeyed(60))
    assert apply_rules(timezone.now()) == []
    assert not RuleMatch.objects.exists()


def test_what_is_old_is_held_in_a_long_feed_too(hand: Hand) -> None:
    known = [story(n) for n in range(100)]
    hand.gives(*known)
    assert hand.gives(*known, *archive(4)).held == 0
    assert hand.gives(*known, *archive(11)).held == 7


def test_an_import_in_small_portions_is_one(hand: Hand) -> None:
    known = [story(n) for n in range(4)]
    hand.gives(*known)
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        held = [hand.gives(*known, *rekeyed(portion)).held for portion in range(3, 16, 3)]
    assert held[0] == 0
    assert all(held[1:])


def test_a_few_new_items_are_news(hand: Hand) -> None:
    hand.gives(story(1), story(2))
    assert len(hand.gives(*rekeyed(4)).new) == 4


def test_the_first_look_is_back_catalogue_however_much_it_is(hand: Hand) -> None:
    collected = hand.gives(*archive(200))
    assert (collected.seen, collected.held) == (200, 0)


def test_the_day_after_a_move_news_is_news(hand: Hand) -> None:
    hand.gives(*(story(n) for n in range(10)))
    moved = rekeyed(30)
    hand.gives(*moved)
    assert len(hand.gives(story(500, published_at=timezone.now()), *moved).new) == 1


def test_released_news_does_not_hold_what_follows_it(hand: Hand) -> None:
    hand.gives(*(story(n) for n in range(10)))
    moved = rekeyed(30)
    hand.gives(*moved)
    assert release(hand.row.organisation, ids(ItemState.HELD)) == 30
    assert len(hand.gives(story(500, published_at=timezone.now()), *moved).new) == 1


def test_a_website_that_publishes_five_a_day_is_not_held_every_day(hand: Hand) -> None:
    """Its feed shows only the five latest, so that all of them are unknown each day: at most its first days ask."""
    now = timezone.now()
    hand.gives(*(story(n, published_at=now - timedelta(days=1, minutes=n)) for n in range(5)))
    held = []
    for day in range(1, 8):
        with time_machine.travel(now + timedelta(days=day), tick=False):
            Source.objects.filter(pk=hand.row.pk).update(last_polled_at=timezone.now() - timedelta(minutes=20))
            fresh = [story(100 * day + n, published_at=timezone.now() - timedelta(minutes=n)) for n in range(5)]
            held.append(hand.gives(*fresh).held)
            release(hand.row.organisation, ids(ItemState.HELD))
    assert held[3:] == [0, 0, 0, 0]


def test_after_an_absence_more_is_expected(hand: Hand) -> None:
    now = timezone.now()
    hand.gives(*(story(n, published_at=now - timedelta(days=n)) for n in range(10)))
    Source.objects.filter(pk=hand.row.pk).update(last_polled_at=now - timedelta(days=6))
    fresh = [story(100 + n, published_at=now - timedelta(hours=20 * n, minutes=7)) for n in range(7)]
    assert len(hand.gives(*fresh).new) == 7


def test_a_person_releases_or_dismisses(hand: Hand, sven: User) -> None:
    organisation = hand.row.organisation
    hand.gives(story(1))
    hand.gives(*rekeyed(9))
    held = sorted(ids(ItemState.HELD))
    assert list(held_in(organisation).values_list("pk", flat=True)) == held
    assert release(sven.roles.get().organisation, held) == 0
    assert release(organisation, held[:4]) == 4
    assert dismiss(organisation, held) == 5
    assert len(ids(ItemState.NEW)) == 4
    assert hand.gives(*rekeyed(9)).held == 0


def test_what_was_dismissed_is_no_habit(hand: Hand) -> None:
    now = timezone.now()
    hand.gives(story(1))
    for day in range(1, 4):
        with time_machine.travel(now + timedelta(days=2 * day), tick=False):
            imported = [story(1000 * day + n, published_at=timezone.now()) for n in range(40)]
            assert hand.gives(*imported).held == 40
            dismiss(hand.row.organisation, ids(ItemState.HELD))


def test_links_of_held_items_are_theirs(hand: Hand) -> None:
    """Another source that gives the same page sights the held item and does not make it new."""
    hand.gives(story(1))
    moved = rekeyed(30)
    hand.gives(*moved)
    other = hand.again("Andet")
    other.gives(story(1))
    collected = other.gives(replace(moved[0], external_key="andet"))
    assert (collected.new, collected.held) == ([], 0)
    assert Item.objects.get(link=f"{SITE}/nyheder/2000").state == ItemState.HELD
