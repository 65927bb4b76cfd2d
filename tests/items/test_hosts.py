"""One website under several addresses: what is collected from both is one item, now and afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publisher.errors import InputError
from publisher.items.hosts import same_site
from publisher.models import Account, Item, LabelRule, Organisation, Rule, RuleMatch, SameSite, Topic
from publisher.vocabulary import ItemState, LabelRuleKind
from tests.items.by_hand import SITE, Hand, story
from tests.review.send_outs import send_out

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("english")]

OWN = "127.0.0.1:8099"
# The practice feed and the CMS behind it: one article, two addresses, two kinds of keys.
FEED = story(1, title="Ny kulturaftale er underskrevet", link=f"http://{OWN}/nyheder/ny-kulturaftale")
CMS = replace(FEED, external_key="14", link=f"{SITE}/nyheder/ny-kulturaftale")


def test_once_the_host_is_named_both_sources_see_one_item(hand: Hand) -> None:
    same_site(hand.row.organisation, f"http://{OWN}/", SITE)
    hand.gives(FEED)
    cms = hand.again("CMS")
    assert cms.gives(CMS).seen == 0
    item = Item.objects.get()
    assert (item.link, item.link_key) == (
        f"{SITE}/nyheder/ny-kulturaftale",
        "kultur.example.org/nyheder/ny-kulturaftale",
    )
    assert set(item.sightings.values_list("source__name", "external_key")) == {("Nyheder", "guid-1"), ("CMS", "14")}


def test_naming_it_afterwards_makes_two_items_one(hand: Hand) -> None:
    hand.gives(FEED, story(2, link=f"http://{OWN}/nyheder/2"), story(3))
    cms = hand.again("CMS")
    cms.gives(CMS)
    assert Item.objects.count() == 4
    row, mapped = same_site(hand.row.organisation, OWN, "https://WWW.kultur.example.org/forside")
    assert (row.alias, row.site) == (OWN, "https://www.kultur.example.org")
    assert (mapped.moved, mapped.merged, mapped.apart) == (1, 1, [])
    assert Item.objects.count() == 3
    assert Item.objects.get(title=FEED.title).sightings.count() == 2
    for again in (hand.gives(FEED, story(2, link=f"http://{OWN}/nyheder/2"), story(3)), cms.gives(CMS)):
        assert (again.new, again.held, again.changed) == ([], 0, 0)
    assert Item.objects.count() == 3


def test_both_sources_labellings_hold_for_the_one(hand: Hand) -> None:
    organisation, cms = hand.row.organisation, hand.again("CMS")
    for source in (hand.row, cms.row):
        topic = Topic.objects.create(organisation=organisation, name=source.name, slug=source.name.lower())
        rule = LabelRule.objects.create(organisation=organisation, kind=LabelRuleKind.SOURCE, source=source)
        rule.topics.add(topic)
    hand.gives(FEED)
    cms.gives(CMS)
    assert [item.topics.get().name for item in Item.objects.order_by("pk")] == ["Nyheder", "CMS"]
    same_site(organisation, OWN, SITE)
    assert {topic.name for topic in Item.objects.get().topics.all()} == {"Nyheder", "CMS"}


@pytest.mark.parametrize("used", ["feed", "cms"])
def test_the_one_that_is_used_stays(hand: Hand, practice_account: Account, used: str) -> None:
    hand.gives(FEED)
    hand.again("CMS").gives(CMS)
    first, second = Item.objects.order_by("pk")
    kept = first if used == "feed" else second
    send_out(kept, None, practice_account)
    _row, mapped = same_site(hand.row.organisation, OWN, SITE)
    assert (mapped.merged, Item.objects.get()) == (1, kept)


def test_where_both_are_used_both_stay_and_it_is_said(hand: Hand, practice_account: Account) -> None:
    hand.gives(FEED)
    hand.again("CMS").gives(CMS)
    for item in Item.objects.all():
        send_out(item, None, practice_account)
    _row, mapped = same_site(hand.row.organisation, OWN, SITE)
    assert (mapped.merged, len(mapped.apart), Item.objects.count()) == (0, 1, 2)
    assert hand.gives(FEED).new == []


def test_what_a_rule_has_met_it_does_not_meet_again(hand: Hand) -> None:
    hand.gives(FEED)
    hand.again("CMS").gives(CMS)
    first, second = Item.objects.order_by("pk")
    rule = Rule.objects.create(organisation=hand.row.organisation, name="Alt")
    RuleMatch.objects.create(rule=rule, item=second, outcome="capped")
    Item.objects.filter(pk=second.pk).update(state=ItemState.NEW)
    same_site(hand.row.organisation, OWN, SITE)
    item = Item.objects.get()
    assert (item, item.state, RuleMatch.objects.get().item) == (first, ItemState.NEW, first)


def test_another_organisations_links_are_its_own(hand: Hand, elsewhere: Organisation) -> None:
    Item.objects.create(organisation=elsewhere, title="x", link=FEED.link, link_key=f"{OWN}/nyheder/ny-kulturaftale")
    same_site(hand.row.organisation, OWN, SITE)
    assert Item.objects.get().link == FEED.link


@pytest.mark.parametrize(
    ("alias", "site", "says"),
    [
        ("", SITE, "Write an address"),
        ("cms.example.org", "ftp://x", "Write an address"),
        ("https://kultur.example.org/x", "www.kultur.example.org", "are the same"),
        ("KENDT.example.org", SITE, "is in the list already"),
        ("kultur.example.org", "https://ny.example.org", "the other way round"),
        ("cms.example.org", "http://kendt.example.org", "the other way round"),
    ],
)
def test_what_cannot_be_is_refused_in_words(secretariat: Organisation, alias: str, site: str, says: str) -> None:
    same_site(secretariat, "kendt.example.org", SITE)
    with pytest.raises(InputError) as caught:
        same_site(secretariat, alias, site)
    assert says in str(caught.value)
    assert SameSite.objects.count() == 1
