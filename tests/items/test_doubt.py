"""What may be an older piece of news, or may be another: it waits for a person, is not sent, and overwrites nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from publisher.items.pushed import take, withdraw
from publisher.items.quarantine import dismiss, release
from publisher.items.recognise import LIKE, REUSED_KEY, REUSED_LINK
from publisher.items.writing import Words, correct
from publisher.models import Item, ItemRevision, User
from publisher.models import Source as SourceRow
from publisher.sources.contract import Candidate
from publisher.sources.push import PUBLISHED, Pushed
from publisher.vocabulary import ItemState
from tests.items.by_hand import DAY, SITE, Hand, story

pytestmark = pytest.mark.database

STANDING = "<p>Dagsordenen er lagt på hjemmesiden. Læs den her, og se mødet direkte fra byrådssalen klokken 17.</p>"
TEASER = "<p>Kom og hør byens kor på lørdag klokken ti i parken.</p>"
MOVED = {"external_key": "ny", "link": f"{SITE}/flyttet"}
MORE = f"{story(3).body_html}<p>Udsolgt</p>"


def only(state: ItemState) -> Item:
    return Item.objects.get(state=state)


def waits(hand: Hand, entry: Candidate, *others: Candidate) -> Item:
    """The entry is held, and nothing that was there has changed."""
    before = list(Item.objects.order_by("pk").values("pk", "title", "link", "body_text", "state"))
    collected = hand.gives(entry, *others)
    assert (collected.new, collected.held, collected.changed) == ([], 1, 0)
    known = [each["pk"] for each in before]
    assert list(Item.objects.filter(pk__in=known).order_by("pk").values(*before[0])) == before
    again = hand.gives(entry, *others)
    assert (again.new, again.held, again.changed) == ([], 0, 0)
    return Item.objects.latest("pk")


@pytest.mark.parametrize(
    "changed",
    [
        {"body_html": MORE, "published_at": DAY + timedelta(days=4, hours=6)},
        {"body_html": MORE, "published_at": None},
        {"body_html": MORE, "title": "Et helt andet hoved"},
        {"body_html": MORE, "title": "Et helt andet hoved", "published_at": DAY + timedelta(days=70)},
        {"body_html": "<p>Kort.</p>"},
        {"published_at": DAY + timedelta(days=300)},
        {"title": "Et helt andet hoved", "published_at": DAY + timedelta(days=300)},
        {"title": "Ugens kalender", "body_html": "<p>Noget andet.</p>", "published_at": DAY + timedelta(days=9)},
    ],
    ids=str,
)
def test_what_is_like_a_known_one_under_another_key_waits(hand: Hand, changed: dict[str, Any]) -> None:
    known = story(3, title="Ugens kalender")
    hand.gives(known, story(1))
    held = waits(hand, replace(known, **MOVED | changed), story(1))
    old = Item.objects.get(link=known.link)
    assert held.held_why["msgid"] == LIKE
    assert held.held_why["params"] == {"title": old.title, "item": str(old.pk)}


def test_an_address_made_of_the_headline_whose_misspelling_is_mended(hand: Hand) -> None:
    link = f"{SITE}/sommerkonsert-i-parken"
    before = story(3, external_key=link, link=link, title="Sommerkonsert i parken", body_html=TEASER)
    hand.gives(before)
    link = f"{SITE}/sommerkoncert-i-parken"
    waits(hand, replace(before, external_key=link, link=link, title="Sommerkoncert i parken"))


def test_one_instant_is_one_piece_except_on_the_full_hour(hand: Hand) -> None:
    first, second = (story(n, published_at=DAY + timedelta(minutes=25)) for n in (1, 2))
    hand.gives(first)
    waits(hand, second)
    assert len(hand.gives(story(3)).new) == 1
    assert len(hand.gives(story(4, published_at=story(3).published_at)).new) == 1


def test_an_event_that_is_dated_on_its_day_is_known_by_that_day(hand: Hand) -> None:
    """The date is shown as no later than now, but compared as the source gave it."""
    concert = story(600)
    hand.gives(concert)
    item = Item.objects.get()
    assert item.published_at and concert.published_at == item.dated_at and item.published_at < item.dated_at
    moved = replace(concert, **MOVED, body_html=f"{concert.body_html}<p>Udsolgt</p>")
    collected = hand.gives(moved)
    assert (collected.new, collected.held, collected.changed) == ([], 0, 1)


def test_the_sources_words_are_compared_and_not_a_colleagues(hand: Hand, anna: User) -> None:
    hand.gives(story(3), story(1))
    item = Item.objects.get(link=story(3).link)
    words = Words("Vores overskrift", body="Vores ord", link=item.link, published_at=DAY - timedelta(days=90))
    correct(item, words, anna, revision=1)
    moved = replace(story(3), **MOVED)
    collected = hand.gives(moved, story(1))
    assert (collected.new, collected.held, Item.objects.count()) == ([], 0, 2)
    # What it says from now on waits beside the colleague's words, and is compared from now on.
    said = replace(moved, title="Nu med nyt hoved", body_html=story(33).body_html)
    hand.gives(said, story(1))
    collected = hand.gives(replace(said, external_key="igen", link=f"{SITE}/igen"), story(1))
    assert (collected.new, collected.held, Item.objects.count()) == ([], 0, 2)
    assert Item.objects.get(pk=item.pk).title == "Vores overskrift"


def test_a_link_that_others_begin_to_share_while_guid_and_headline_change(hand: Hand) -> None:
    shared = f"{SITE}/nyt/"
    hand.gives(story(3, link=shared))
    changed = story(3, link=shared, external_key="ny", title="Julemarked er flyttet", body_html=MORE)
    collected = hand.gives(changed, story(4, link=shared))
    assert (len(collected.new), collected.held, collected.changed) == (1, 1, 0)


def test_a_short_feed_whose_articles_are_all_given_again(hand: Hand) -> None:
    old = [story(n) for n in range(4)]
    hand.gives(*old)
    moved = [
        replace(each, external_key=f"node/{n}", link=f"https://ny.example.org/{n}",
                published_at=DAY + timedelta(days=200), body_html=f"{each.body_html}<p>Læs mere</p>")
        for n, each in enumerate(old)
    ]  # fmt: skip
    collected = hand.gives(*moved)
    assert (collected.new, collected.held, collected.changed) == ([], 4, 0)


def meeting(month: int) -> Candidate:
    return story(30 * month, title=f"Byrådsmøde i måned {month}", body_html=STANDING)


def test_a_standing_text_is_asked_about_once(hand: Hand) -> None:
    hand.gives(story(1))
    assert len(hand.gives(meeting(1)).new) == 1
    second = waits(hand, meeting(2))
    assert release(hand.row.organisation, [second.pk]) == 1
    assert len(hand.gives(meeting(3)).new) == 1
    assert len(hand.gives(meeting(4)).new) == 1
    assert ItemRevision.objects.count() == 0


def test_a_standing_headline_is_asked_about_once_but_not_a_move_of_it(hand: Hand) -> None:
    babies = [story(n, title="Babycafé") for n in (1, 8, 15, 22)]
    hand.gives(babies[0])
    release(hand.row.organisation, [waits(hand, babies[1]).pk])
    assert len(hand.gives(babies[2]).new) == 1
    moved = replace(babies[2], **MOVED, body_html=f"{babies[2].body_html}<p>Tilmelding</p>")
    waits(hand, replace(moved, published_at=DAY + timedelta(days=16)))
    dismiss(hand.row.organisation, [only(ItemState.HELD).pk])
    assert len(hand.gives(babies[3]).new) == 1


def test_what_was_laid_aside_makes_no_series(hand: Hand) -> None:
    babies = [story(n, title="Babycafé") for n in (1, 8, 15)]
    hand.gives(babies[0])
    dismiss(hand.row.organisation, [waits(hand, babies[1]).pk])
    waits(hand, babies[2])


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("linked", [True, False])
def test_a_guid_that_is_given_to_another_article_waits(hand: Hand, dated: bool, linked: bool) -> None:
    less = ({} if dated else {"published_at": None}) | ({} if linked else {"link": ""})
    hand.gives(story(3, title="Havnen åbner", **less))
    other = story(30, external_key="guid-3", title="Biblioteket lukker", **less)
    held = waits(hand, other)
    assert (held.title, held.held_why["msgid"]) == (other.title, REUSED_KEY)
    hand.gives(replace(other, body_html=f"{other.body_html}<p>Mere.</p>"))
    assert Item.objects.count() == 2
    assert Item.objects.earliest("pk").title == "Havnen åbner"


@pytest.mark.parametrize("guids", [("2026", "2027"), ("", ""), (f"{SITE}/ferie", f"{SITE}/ferie")])
def test_an_address_that_is_used_again_for_another_article_waits(hand: Hand, guids: tuple[str, str]) -> None:
    link = f"{SITE}/ferie"
    hand.gives(story(3, external_key=guids[0], link=link, title="Sommerferie 2026"))
    held = waits(hand, story(368, external_key=guids[1], link=link, title="Ferie for børn"))
    assert (held.link, held.link_key, held.held_why["msgid"]) == (link, "", REUSED_LINK)


def test_guids_that_go_round_while_one_article_is_rewritten(hand: Hand) -> None:
    old = [story(n, published_at=DAY + timedelta(minutes=5 * n)) for n in range(3)]
    hand.gives(*old)
    new = [replace(old[n], external_key=f"guid-{(n + 1) % 3}") for n in range(3)]
    new[0] = replace(new[0], title="Skrevet om", body_html=story(50).body_html)
    collected = hand.gives(*new)
    assert (collected.new, collected.held, collected.changed) == ([], 0, 1)
    assert Item.objects.get(title="Skrevet om").link == old[0].link


def push(number: int, title: str = "Vejarbejde", **said: Any) -> Pushed:
    return Pushed(story(number, **{"external_key": str(number), "title": title, **said}), PUBLISHED)


def test_what_is_pushed_goes_by_its_id_alone(hand: Hand) -> None:
    source = SourceRow.objects.create(organisation=hand.row.organisation, kind="push", name="CMS")
    for number in (60, 61):
        (taken,) = take(source, [push(number, published_at=DAY)])
        assert (taken.result, taken.item and taken.item.state) == ("created", ItemState.NEW)
    assert [each.result for each in take(source, [push(60, published_at=DAY)])] == ["unchanged"]
    withdraw(source, "60")
    assert [item.withdrawn_at is None for item in Item.objects.order_by("pk")] == [False, True]
    # All of it is another, and it is an edit all the same.
    rewritten = push(99, "Ny asfalt", external_key="61", published_at=None)
    assert [each.result for each in take(source, [rewritten])] == ["changed"]


def test_an_address_that_pushed_news_shares_joins_only_the_same_news(hand: Hand) -> None:
    source = SourceRow.objects.create(organisation=hand.row.organisation, kind="push", name="CMS")
    shared = f"{SITE}/nyheder"
    take(source, [push(60, link=shared)])
    (other,) = take(source, [push(61, "Havnen åbner", link=shared)])
    assert (other.result, other.is_held, Item.objects.count()) == ("created", True, 2)
    (same,) = take(source, [push(62, link=shared, body_html=story(60).body_html)])
    assert same.item is not None and (same.item.title, Item.objects.count()) == ("Vejarbejde", 2)


def test_the_page_leads_to_what_it_may_be(hand: Hand, client: Client, anna: User) -> None:
    hand.gives(story(3))
    held = waits(hand, replace(story(3), **MOVED, body_html="<p>Kort.</p>"))
    client.force_login(anna)
    known = reverse("item", args=[Item.objects.earliest("pk").pk])
    for page in (reverse("held"), reverse("item", args=[held.pk])):
        assert f'href="{known}"' in client.get(page).content.decode()
