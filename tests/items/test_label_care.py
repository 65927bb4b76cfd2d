"""Topics and areas added, renamed, merged, removed: what uses them, and that the sources' words go on meaning it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.errors import InputError
from publisher.items.label_care import add_label, merge_choices, merge_label, remove_label, rename_label, uses
from publisher.items.labels import Labels
from publisher.models import (
    Area,
    Campaign,
    Cooperation,
    Item,
    LabelRule,
    Newsletter,
    Organisation,
    Rule,
    Subscriber,
    Subscription,
    Topic,
)
from publisher.vocabulary import MessageStatus

pytestmark = pytest.mark.database


def topic(organisation: Organisation, name: str) -> Topic:
    made = add_label("topic", name, organisation)
    assert isinstance(made, Topic)
    return made


def meant(organisation: Organisation, word: str) -> list[str]:
    return [found.name for found in Labels.of(organisation.pk).match([word], []).topics]


def reader(newsletter: Newsletter, name: str, *topics: Topic) -> Subscription:
    address = f"{name}@example.org"
    subscriber = Subscriber.objects.create(
        organisation=newsletter.organisation, address=address, address_key=name, domain="example.org"
    )
    subscription = Subscription.objects.create(
        newsletter=newsletter, subscriber=subscriber, confirmed_at=timezone.now()
    )
    subscription.topics.add(*topics)
    return subscription


def test_a_name_is_there_once_also_if_the_cooperation_has_it(
    secretariat: Organisation, cooperation: Cooperation
) -> None:
    Topic.objects.create(cooperation=cooperation, name="Børn & unge", slug="boern-unge")
    for name in ("børn  unge", "Boern-Unge"):
        with pytest.raises(InputError):
            add_label("topic", name, secretariat)
    assert isinstance(add_label("area", "Børn & unge", secretariat), Area), "an area may be called so"


def test_renamed_it_is_still_meant_by_its_old_name(secretariat: Organisation) -> None:
    music = topic(secretariat, "Musik")
    rename_label(music, "Koncerter", secretariat)
    assert meant(secretariat, "MUSIK") == meant(secretariat, "koncerter") == ["Koncerter"]
    again = topic(secretariat, "Musik")
    assert again.slug != music.slug
    assert set(meant(secretariat, "musik")) == {"Musik", "Koncerter"}, "what is called so, and what was meant by it"
    with pytest.raises(InputError):
        rename_label(again, "koncerter", secretariat)
    rename_label(again, "MUSIK", secretariat)
    assert LabelRule.objects.count() == 1, "another spelling needs no labelling"


def test_merged_everything_moves_once_and_the_words_with_it(
    secretariat: Organisation, newsletter: Newsletter, item: Item
) -> None:
    concerts, music = topic(secretariat, "Koncert"), topic(secretariat, "Musik")
    other = Item.objects.create(organisation=secretariat, title="Anden", link_key="anden")
    item.topics.add(concerts, music)
    other.topics.add(concerts)
    rule = Rule.objects.create(organisation=secretariat, name="Alt", newsletter=newsletter)
    rule.topics.add(concerts)
    newsletter.topics.add(concerts)
    both, one = reader(newsletter, "begge", concerts, music), reader(newsletter, "en", concerts)
    merge_label(concerts, music)
    holders = (item, other, rule, newsletter, both, one)
    assert [[found.name for found in each.topics.all()] for each in holders] == [["Musik"]] * 6
    assert meant(secretariat, "Koncert") == ["Musik"]
    assert not Topic.objects.filter(name="Koncert").exists()


def test_what_is_shared_merges_only_into_what_is_shared(secretariat: Organisation, cooperation: Cooperation) -> None:
    shared = Topic.objects.create(cooperation=cooperation, name="Kunst", slug="kunst")
    fellow = Topic.objects.create(cooperation=cooperation, name="Billedkunst", slug="billedkunst")
    own = topic(secretariat, "Maleri")
    assert list(merge_choices(shared, secretariat)) == [fellow]
    assert set(merge_choices(own, secretariat)) == {shared, fellow}


def test_what_uses_one_is_counted(secretariat: Organisation, newsletter: Newsletter, item: Item) -> None:
    music, art = topic(secretariat, "Musik"), topic(secretariat, "Kunst")
    item.topics.add(music)
    only, with_more = (Rule.objects.create(organisation=secretariat, name=name) for name in ("alene", "flere"))
    only.topics.add(music)
    with_more.topics.add(music, art)
    reader(newsletter, "alene", music)
    reader(newsletter, "flere", music, art)
    Subscription.objects.filter(pk=reader(newsletter, "gaaet", music).pk).update(unsubscribed_at=timezone.now())
    used = uses(music)
    assert (used.items, used.rules, used.rules_only) == (1, [only, with_more], [only])
    assert (used.readers, used.readers_only, used.newsletters, used.unsent) == (2, 1, [], [])


def test_removed_a_rule_that_named_nothing_else_is_switched_off(secretariat: Organisation, item: Item) -> None:
    """Without a topic it would take all news."""
    music, art = topic(secretariat, "Musik"), topic(secretariat, "Kunst")
    item.topics.add(music)
    only, with_more = (Rule.objects.create(organisation=secretariat, name=name) for name in ("alene", "flere"))
    only.topics.add(music)
    with_more.topics.add(music, art)
    labelling = LabelRule.objects.create(organisation=secretariat, kind="category", words=["sang"])
    labelling.topics.add(music)
    assert remove_label(music) == [only]
    only.refresh_from_db()
    with_more.refresh_from_db()
    assert (only.active, with_more.active) == (False, True)
    assert not LabelRule.objects.exists() and not item.topics.exists()


@pytest.fixture
def aimed(secretariat: Organisation, newsletter: Newsletter, item: Item) -> tuple[Topic, Campaign]:
    """A draft with a block for one topic."""
    music = topic(secretariat, "Musik")
    campaign = create_campaign(secretariat, [item], newsletter=newsletter)
    block = campaign.messages.get().blocks.get()
    block.topics.add(music)
    return music, campaign


def test_not_while_a_send_out_that_has_not_gone_out_is_aimed_at_it(
    secretariat: Organisation, aimed: tuple[Topic, Campaign]
) -> None:
    music, campaign = aimed
    other = topic(secretariat, "Kunst")
    assert uses(music).unsent == [campaign]
    with pytest.raises(InputError):
        remove_label(music)
    with pytest.raises(InputError):
        merge_label(music, other)
    assert Topic.objects.filter(pk=music.pk).exists()
    campaign.messages.update(status=MessageStatus.FINISHED)
    merge_label(music, other)
