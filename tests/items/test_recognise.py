"""Known again: what websites do to the identity of their news, and what is still the same item."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from publisher.models import Item, ItemRevision, Sighting
from publisher.vocabulary import ItemState
from tests.items.by_hand import DAY, SITE, Hand, story

pytestmark = pytest.mark.database

OLD = tuple(story(number) for number in range(8))


def titles(*states: str) -> list[str]:
    return list(Item.objects.filter(state__in=states).order_by("pk").values_list("title", flat=True))


@pytest.mark.parametrize(
    "disguise",
    [
        {"external_key": "ny"},
        {"external_key": ""},
        {"link": f"{SITE}/nyheder/3?utm_source=rss"},
        {"link": "http://www.kultur.example.org/nyheder/3/"},
        {"title": "Opdateret: Nyhed nummer 3"},
        {"title": "Noget helt andet", "external_key": "ny"},
        {"published_at": DAY - timedelta(days=700)},
        {"published_at": DAY + timedelta(days=70_000)},
        {"published_at": None},
        {"link": f"{SITE}/artikler/en-tredje", "title": "Omskrevet"},
        {"link": f"{SITE}/artikler/en-tredje", "external_key": "ny"},
        {"link": f"{SITE}/x", "external_key": "ny", "published_at": DAY + timedelta(days=3, hours=2)},
        {"link": f"{SITE}/x", "external_key": "ny", "body_html": f"{story(3).body_html}<p>Mere.</p>"},
        {"link": f"{SITE}/x", "external_key": "ny", "title": "Nyhed tal 3"},
        {"link": "", "external_key": ""},
    ],
)
def test_an_item_in_disguise_is_the_same_item(hand: Hand, disguise: dict[str, Any]) -> None:
    hand.gives(*OLD)
    collected = hand.gives(*(replace(each, **disguise) if each.external_key == "guid-3" else each for each in OLD))
    assert (collected.new, collected.held) == ([], 0)
    assert Item.objects.count() == len(OLD)
    again = hand.gives(*(replace(each, **disguise) if each.external_key == "guid-3" else each for each in OLD))
    assert (again.new, again.held, again.changed) == ([], 0, 0)


def test_a_website_that_moved_gives_nothing_new(hand: Hand) -> None:
    """Another CMS: other guids, other addresses; the same headlines, and the same dates or the same words."""
    hand.gives(*OLD)
    moved = [
        replace(each, external_key=f"node/{n}", link=f"https://ny.example.org/a/{n}",
                **({"body_html": f"{each.body_html}<p>Nyt</p>"} if n % 2
                   else {"published_at": DAY + timedelta(days=n, hours=2)}))
        for n, each in enumerate(OLD)
    ]  # fmt: skip
    collected = hand.gives(*moved)
    assert (collected.new, collected.held, Item.objects.count()) == ([], 0, len(OLD))
    assert Sighting.objects.filter(external_key="node/1").get().item.title == OLD[1].title
    assert Item.objects.get(title=OLD[0].title).link == "https://ny.example.org/a/0"
    fresh = hand.gives(story(20, external_key="node/20"), *moved)
    assert len(fresh.new) == 1


def test_two_items_with_one_headline_stay_two(hand: Hand) -> None:
    """Both are there, so neither is the other in disguise; not even on one day, with the same words."""
    concert = story(1, title="Koncert")
    other = story(1, title="Koncert", external_key="guid-b", link=f"{SITE}/nyheder/b")
    assert hand.gives(concert, other).seen == 2
    third = story(1, title="Koncert", external_key="guid-c", link=f"{SITE}/nyheder/c")
    assert len(hand.gives(concert, other, third).new) == 1


def test_a_guid_that_entries_share_tells_nothing(hand: Hand) -> None:
    """They go by their links: today the second of them would be lost, tomorrow one taken for the other."""
    shared = [replace(each, external_key="nyheder") for each in OLD[:3]]
    assert hand.gives(*shared).seen == 3
    fresh = replace(story(9), external_key="nyheder")
    collected = hand.gives(fresh, *shared)
    assert (len(collected.new), collected.changed, Item.objects.count()) == (1, 0, 4)
    alone = hand.gives(shared[1])
    assert (alone.new, alone.changed) == ([], 0)
    alone = hand.gives(shared[0])
    assert (alone.new, alone.changed, alone.held) == ([], 0, 0)
    assert ItemRevision.objects.count() == 0


def test_a_guid_that_entries_without_links_share_tells_nothing_either(hand: Hand) -> None:
    shared = [replace(each, external_key=SITE, link=SITE) for each in OLD[:3]]
    assert hand.gives(*shared).seen == 3
    assert hand.gives(*shared, replace(story(9), external_key=SITE, link=SITE)).new
    assert Item.objects.count() == 4


def test_one_guid_twice_with_one_link_is_one_item_before_and_after_an_edit(hand: Hand) -> None:
    assert hand.gives(replace(OLD[0], title="Rettet"), OLD[0]).seen == 1
    assert Item.objects.get().title == "Rettet"


def test_a_reused_guid_waits_for_a_person_and_leaves_the_old_item_alone(hand: Hand) -> None:
    hand.gives(*OLD)
    other = story(30, external_key="guid-3")
    collected = hand.gives(other, *(each for each in OLD if each.external_key != "guid-3"))
    assert (collected.new, collected.held, collected.changed) == ([], 1, 0)
    held = Item.objects.get(state=ItemState.HELD)
    assert (held.title, bool(held.held_why)) == (other.title, True)
    old = Item.objects.get(title="Nyhed nummer 3")
    assert (old.state, old.revision) == (ItemState.SEEN, 1)
    edited = hand.gives(replace(other, body_html=other.body_html + "<p>Mere.</p>"))
    assert (edited.new, edited.held, edited.changed, Item.objects.count()) == ([], 0, 1, len(OLD) + 1)
    old.refresh_from_db()
    assert old.revision == 1


def test_an_edit_of_headline_page_and_date_is_an_edit_while_the_words_are_the_same(hand: Hand) -> None:
    hand.gives(*OLD)
    edited = replace(OLD[3], title="Flyttet", link=f"{SITE}/flyttet", published_at=DAY + timedelta(days=40))
    collected = hand.gives(edited)
    assert (collected.new, collected.held, collected.changed) == ([], 0, 1)


def test_a_date_that_is_set_back_and_one_ahead_are_news_all_the_same(hand: Hand) -> None:
    hand.gives(*OLD)
    back, ahead = story(-9), story(5000)
    collected = hand.gives(back, ahead, *OLD)
    assert len(collected.new) == 2
    assert hand.gives(back, ahead, *OLD).new == []


def test_what_is_as_it_was_is_not_written(hand: Hand, django_assert_max_num_queries: Any) -> None:
    many = [story(number) for number in range(40)]
    hand.gives(*many)
    with django_assert_max_num_queries(25):
        hand.gives(*many)
