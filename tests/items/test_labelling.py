"""Labellings: what they make of a source's words, on news as it comes and on news that is here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.items.collect import collect_source
from publisher.items.labelling import (
    apply_labelling,
    keeps,
    label_rules_for,
    map_word,
    unknown_words,
    would_match,
)
from publisher.items.labels import Labelling, Labels
from publisher.items.writing import Words, correct
from publisher.models import (
    Area,
    Cooperation,
    Item,
    LabelRule,
    Membership,
    Newsletter,
    Organisation,
    Source,
    Topic,
    User,
)
from publisher.vocabulary import LabelRuleKind
from tests.items.website import HOST, Story, website

pytestmark = pytest.mark.database


@pytest.fixture
def music(secretariat: Organisation) -> Topic:
    return Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")


@pytest.fixture
def koege(secretariat: Organisation) -> Area:
    return Area.objects.create(organisation=secretariat, name="Køge", slug="koege")


def labelling(organisation: Organisation, kind: str, *labels: Topic | Area, **fields: object) -> LabelRule:
    rule = LabelRule.objects.create(organisation=organisation, kind=kind, **fields)
    for label in labels:
        (rule.topics if isinstance(label, Topic) else rule.areas).add(label)
    return rule


def labels_of(title: str) -> set[str]:
    item = Item.objects.get(title=title)
    return {label.name for label in [*item.topics.all(), *item.areas.all()]}


def test_news_is_labelled_as_it_comes(source: Source, music: Topic, koege: Area) -> None:
    labelling(source.organisation, LabelRuleKind.CATEGORY, music, words=["Koncerter", "korsang"])
    labelling(source.organisation, LabelRuleKind.WORDS, koege, words=["Køge Bugt"])
    stories = [
        Story("kategori", f"{HOST}/1", "1", body="<p>Noget.</p>", tags=["KORSANG", "fredag"]),
        Story("ord", f"{HOST}/2", "2", body="<p>Sejlads i <b>koege bugt</b>.</p>"),
        Story("sted", f"{HOST}/3", "3", body="<p>Noget.</p>", areas=["koncerter"]),
        Story("intet", f"{HOST}/4", "4", body="<p>Koncerter ved Køge.</p>"),
    ]
    with website(*stories):
        collect_source(source.pk)
    assert labels_of("kategori") == {"Musik"} and labels_of("ord") == {"Køge"} and labels_of("sted") == {"Musik"}
    assert labels_of("intet") == set()
    assert Item.objects.get(title="kategori").tags == ["KORSANG", "fredag"], "the words stay, for labellings to come"


def test_by_source_and_only_that(source: Source, music: Topic) -> None:
    other = Source.objects.create(organisation=source.organisation, kind="feed", name="B", config={"url": f"{HOST}/b"})
    labelling(source.organisation, LabelRuleKind.SOURCE, music, source=other)
    with website(Story("her", f"{HOST}/1", "1")) as site:
        site.show(Story("der", f"{HOST}/2", "2"), url=f"{HOST}/b")
        collect_source(source.pk)
        collect_source(other.pk)
    assert (labels_of("her"), labels_of("der")) == (set(), {"Musik"})


def test_a_second_source_says_what_all_its_news_is_about(source: Source, music: Topic, koege: Area, anna: User) -> None:
    organisation = source.organisation
    other = Source.objects.create(organisation=organisation, kind="feed", name="B", config={"url": f"{HOST}/b"})
    labelling(organisation, LabelRuleKind.SOURCE, music, koege, source=other)
    labelling(organisation, LabelRuleKind.CATEGORY, music, words=["koncert"])
    stories = [Story(title, f"{HOST}/{title}", title, body=f"<p>{title}.</p>") for title in ("a", "b", "c")]
    with website(*stories) as site:
        collect_source(source.pk)
        correct(Item.objects.get(title="b"), Words("b", link=f"{HOST}/b"), anna, revision=1)
        theirs = [Story(each.title, each.link, f"b-{each.guid}", tags=["koncert"]) for each in stories[:2]]
        site.show(*theirs, url=f"{HOST}/b")
        collect_source(other.pk)
        assert (labels_of("a"), labels_of("b"), labels_of("c")) == ({"Musik", "Køge"}, set(), set())
        asked = Labelling(LabelRuleKind.SOURCE, source_id=other.pk, topics=[music], areas=[koege])
        since = timezone.now() - timedelta(days=3_000)
        assert {item.title for item in would_match(organisation, asked, since)} == {"a", "b"}
        # What a colleague takes away afterwards stays away, too.
        correct(Item.objects.get(title="a"), Words("a", link=f"{HOST}/a", areas=[koege]), anna, revision=1)
        site.show(replace(theirs[0], lead="Nyt."), theirs[1], url=f"{HOST}/b")
        Source.objects.update(next_poll_at=None)
        collect_source(other.pk)
    assert labels_of("a") == {"Køge"}


def test_an_edit_that_brings_a_word_brings_the_label(source: Source, music: Topic) -> None:
    labelling(source.organisation, LabelRuleKind.WORDS, music, words=["kor*"])
    with website(Story("Nyhed", f"{HOST}/1", "1", body="<p>Noget.</p>")) as site:
        collect_source(source.pk)
        assert labels_of("Nyhed") == set()
        site.show(Story("Nyhed", f"{HOST}/1", "1", body="<p>Noget med korsang.</p>"))
        collect_source(source.pk)
    assert labels_of("Nyhed") == {"Musik"}


def test_a_cooperations_labellings_serve_its_members_and_nobody_else(
    secretariat: Organisation, cooperation: Cooperation, elsewhere: Organisation
) -> None:
    topic = Topic.objects.create(cooperation=cooperation, name="Musik", slug="musik")
    rule = LabelRule.objects.create(cooperation=cooperation, kind=LabelRuleKind.CATEGORY, words=["koncert"])
    rule.topics.add(topic)
    assert Labels.of(secretariat.pk).match(["Koncert"], []).topics == (topic,)
    assert Labels.of(elsewhere.pk).match(["Koncert"], []).topics == ()
    assert not label_rules_for(elsewhere).exists()


def test_who_looks_after_what_is_shared(
    secretariat: Organisation, cooperation: Cooperation, newsletter: Newsletter, elsewhere: Organisation
) -> None:
    """Whoever owns the shared newsletter; anybody while there is none."""
    Membership.objects.create(cooperation=cooperation, organisation=elsewhere)
    assert keeps(secretariat, cooperation) and not keeps(elsewhere, cooperation)
    newsletter.delete()
    assert keeps(elsewhere, cooperation) and keeps(elsewhere, None)


@pytest.fixture
def news(secretariat: Organisation, source: Source) -> dict[str, Item]:
    """Some news that is here."""
    found = {}
    for title, days, tags in (("ny", 1, ["Koncert"]), ("gammel", 100, ["Koncert", "Fredag"]), ("ord", 2, ["fredag"])):
        found[title] = Item.objects.create(
            organisation=secretariat, title=title, tags=tags, lead="Kor i parken" if title == "ord" else "",
            published_at=timezone.now() - timedelta(days=days), link_key=title,
        )  # fmt: skip
    return found


def test_the_preview_looks_back_ninety_days_and_changes_nothing(
    secretariat: Organisation, news: dict[str, Item], music: Topic
) -> None:
    asked = Labelling(LabelRuleKind.CATEGORY, ["koncert", "fredag"], topics=[music])
    assert [item.title for item in would_match(secretariat, asked)] == ["ny", "ord"]
    assert [item.title for item in would_match(secretariat, Labelling(LabelRuleKind.WORDS, ["kor"]))] == ["ord"]
    assert not Item.topics.through.objects.exists()


def test_used_on_the_news_that_is_here_it_gives_once_and_takes_nothing(
    secretariat: Organisation, elsewhere: Organisation, news: dict[str, Item], music: Topic, koege: Area
) -> None:
    Item.objects.create(organisation=elsewhere, title="andres", tags=["Koncert"])
    other = Topic.objects.create(organisation=secretariat, name="Kunst", slug="kunst")
    news["ny"].topics.add(other)
    asked = Labelling(LabelRuleKind.CATEGORY, ["koncert"], topics=[music], areas=[koege])
    assert apply_labelling(secretariat, asked) == 2
    assert apply_labelling(secretariat, asked) == 0
    assert labels_of("ny") == {"Musik", "Køge", "Kunst"} and labels_of("gammel") == {"Musik", "Køge"}
    assert labels_of("ord") == labels_of("andres") == set()


def test_a_category_that_is_called_like_a_topic_is_known_from_that(
    secretariat: Organisation, news: dict[str, Item], music: Topic, koege: Area
) -> None:
    """The source's word is not among an item's tags then."""
    news["ord"].topics.add(music)
    assert apply_labelling(secretariat, Labelling(LabelRuleKind.CATEGORY, ["MUSIK"], areas=[koege])) == 1
    assert labels_of("ord") == {"Musik", "Køge"}


def test_words_that_mean_nothing_yet(secretariat: Organisation, news: dict[str, Item], music: Topic) -> None:
    assert [(each.word.casefold(), each.items) for each in unknown_words(secretariat)] == [
        ("fredag", 2),
        ("koncert", 2),
    ]
    map_word(secretariat, "Koncert", music)
    rule = map_word(secretariat, "fredag", music)
    assert rule.words == ["Koncert", "fredag"], "one labelling for one meaning"
    assert unknown_words(secretariat) == []


def test_a_removed_source_takes_its_labelling_with_it(source: Source, music: Topic) -> None:
    labelling(source.organisation, LabelRuleKind.SOURCE, music, source=source)
    source.delete()
    assert not LabelRule.objects.exists()
