"""Topics and areas: added, renamed, merged and removed by those who may; words mapped; labellings with a preview."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from publisher.models import (
    Area,
    AuditEntry,
    Cooperation,
    Item,
    LabelRule,
    Membership,
    Newsletter,
    Organisation,
    Rule,
    Source,
    Topic,
    User,
)
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

LABELS = "/settings/labels"
ADD = "/settings/labellings/add"


@pytest.fixture
def music(secretariat: Organisation) -> Topic:
    return Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")


@pytest.fixture
def art(secretariat: Organisation) -> Topic:
    return Topic.objects.create(organisation=secretariat, name="Kunst", slug="kunst")


@pytest.fixture
def shared(cooperation: Cooperation) -> Area:
    return Area.objects.create(cooperation=cooperation, name="Køge", slug="koege")


@pytest.fixture
def annas(anna: User) -> Client:
    return signed_in(anna)


def tagged(organisation: Organisation, title: str, *tags: str, days: int = 1) -> Item:
    at = timezone.now() - timedelta(days=days)
    return Item.objects.create(organisation=organisation, title=title, tags=list(tags), link_key=title, published_at=at)


def test_the_list_shows_what_there_is_and_what_is_not_understood(
    annas: Client, secretariat: Organisation, elsewhere: Organisation, music: Topic, shared: Area
) -> None:
    tagged(secretariat, "A", "Musikken", "Torsdag").topics.add(music)
    tagged(elsewhere, "B", "Fremmed")
    page = annas.get(LABELS)
    said = words(page)
    assert "Musik 1 news item" in said and "Køge 0 news items · Kulturfællesskabet" in said
    assert "Torsdag 1 news item" in said and "Fremmed" not in said
    assert f'<option value="topic:{music.pk}" selected>' in source_of(page), "nearly the same word: one click"
    assert source_of(page).count('<option value="topic:" selected>') == 1


def test_a_topic_is_added_once(annas: Client, secretariat: Organisation, music: Topic) -> None:
    assert "“Dans” is added." in words(annas.post(f"{LABELS}/topic/add", {"name": "Dans"}, follow=True))
    for name, why in (("MUSIK", "“MUSIK” is there already."), ("", "Write a name.")):
        refused = annas.post(f"{LABELS}/topic/add", {"name": name})
        assert refused.status_code == 422 and why in words(refused)
    assert annas.post(f"{LABELS}/colour/add", {"name": "Rød"}).status_code == 404
    assert AuditEntry.objects.get().action == "label_added"


@pytest.mark.parametrize("means", ["old", "new"])
def test_one_click_says_what_a_word_means(annas: Client, secretariat: Organisation, music: Topic, means: str) -> None:
    item = tagged(secretariat, "A", "Torsdag")
    given = {"word": "Torsdag", "means": f"topic:{music.pk}" if means == "old" else "area:"}
    page = words(annas.post(f"{LABELS}/word", given, follow=True))
    assert "1 news item that is here already got it." in page and "mean nothing here yet" not in page
    if means == "old":
        assert item.topics.get() == music and LabelRule.objects.get().words == ["Torsdag"]
    else:
        assert item.areas.get().name == "Torsdag" and not LabelRule.objects.exists(), "called so, it is understood"
    for wrong in ({"word": "x"}, {"word": "", "means": "topic:"}, {"word": "x", "means": "colour:1"}):
        assert "Choose what" in words(annas.post(f"{LABELS}/word", wrong, follow=True))
    assert annas.post(f"{LABELS}/word", {"word": "x", "means": "topic:99999"}).status_code == 404


def test_renamed_merged_removed(
    annas: Client, secretariat: Organisation, newsletter: Newsletter, music: Topic, art: Topic
) -> None:
    item = tagged(secretariat, "A")
    item.topics.add(music)
    rule = Rule.objects.create(organisation=secretariat, name="Om musik", newsletter=newsletter)
    rule.topics.add(music)
    at = f"{LABELS}/topic/{music.pk}"
    page = words(annas.get(at))
    assert "1 news item has it." in page and "Rules that name it: “Om musik”." in page
    assert annas.post(f"{at}/name", {"name": "Kunst"}).status_code == 422
    annas.post(f"{at}/name", {"name": "Koncerter"})
    assert "News with the category “Musik” → Koncerter" in words(annas.get(at))
    assert "Rules that name it" in words(annas.get(f"{at}/merge"))
    assert annas.post(f"{at}/merge", {}).status_code == 422
    assert "“Koncerter” is “Kunst” now" in words(annas.post(f"{at}/merge", {"into": art.pk}, follow=True))
    assert item.topics.get() == art and annas.get(at).status_code == 404
    at = f"{LABELS}/topic/{art.pk}"
    assert "is switched off, since it would take all news: “Om musik”." in words(annas.get(f"{at}/remove"))
    annas.post(f"{at}/remove")
    rule.refresh_from_db()
    assert not rule.active and not Topic.objects.exists() and not LabelRule.objects.exists()
    assert AuditEntry.objects.filter(action="rule_off", subject_id=rule.pk).exists()


def test_a_labelling_shows_what_it_matches_before_anything_is_saved(
    annas: Client, secretariat: Organisation, music: Topic
) -> None:
    item = tagged(secretariat, "Kor i parken")
    tagged(secretariat, "Kor i fjor", days=100)
    assert f'value="{music.pk}" id="id_topics_0" checked' in source_of(annas.get(f"{ADD}?topic={music.pk}")).replace(
        'name="topics" ', ""
    )
    given = {"kind": "words", "words": "kor", "topics": [music.pk]}
    page = words(annas.post(ADD, given | {"do": "look"}))
    assert "1 news item of the last 90 days fits." in page and "Kor i parken" in page and "Kor i fjor" not in page
    assert not LabelRule.objects.exists() and not item.topics.exists()
    assert "It is used on the news that comes" in words(annas.post(ADD, given | {"do": "save"}, follow=True))
    assert not item.topics.exists()
    rule = LabelRule.objects.get()
    at = f"/settings/labellings/{rule.pk}"
    page = words(annas.post(at, given | {"words": "kor, dans", "do": "use"}, follow=True))
    assert "Saved. 2 news items that are here already got it." in page
    rule.refresh_from_db()
    assert rule.words == ["kor", "dans"] and rule.organisation == secretariat
    assert "News with the word “kor” or “dans” → Musik." in words(annas.get(f"{at}/remove"))
    annas.post(f"{at}/remove")
    assert not LabelRule.objects.exists() and item.topics.get() == music


@pytest.mark.parametrize(("language", "says"), [("en", "News from “Nyheder”"), ("da", "Nyheder fra “Nyheder”")])
def test_a_source_is_named_in_quotation_marks(
    anna: User, secretariat: Organisation, source: Source, language: str, says: str
) -> None:
    """Many are called “News from …” themselves."""
    LabelRule.objects.create(organisation=secretariat, kind="source", source=source)
    assert says in words(signed_in(anna, language).get(LABELS))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"words": ""}, "words"),
        ({"words": " , * "}, "words"),
        ({"kind": "source"}, "source"),
        ({"topics": []}, "__all__"),
        ({"kind": "smell"}, "kind"),
    ],
)
def test_parts_of_a_labelling_that_do_not_fit(annas: Client, music: Topic, change: dict, field: str) -> None:
    given = {"kind": "category", "words": "kor", "topics": [music.pk], "do": "use"} | change
    response = annas.post(ADD, given)
    assert response.status_code == 422 and field in response.context["form"].errors
    assert not LabelRule.objects.exists()


def test_what_is_shared_is_changed_by_administrators_of_who_looks_after_it(
    annas: Client,
    olga: User,
    sven: User,
    secretariat: Organisation,
    elsewhere: Organisation,
    cooperation: Cooperation,
    newsletter: Newsletter,
    shared: Area,
    music: Topic,
    source: Source,
) -> None:
    Membership.objects.create(cooperation=cooperation, organisation=elsewhere)
    at = f"{LABELS}/area/{shared.pk}"
    for client in (annas, signed_in(sven)):
        assert "An administrator of the organisation that looks after" in words(client.get(at))
        assert client.post(f"{at}/name", {"name": "Nyt"}).status_code == 403
        assert client.post(f"{at}/remove").status_code == 403
    olgas = signed_in(olga)
    assert olgas.post(f"{at}/name", {"name": "Køge Kommune"}).status_code == 302
    given = {"kind": "category", "words": "by", "areas": [shared.pk], "owner": str(cooperation.pk), "do": "save"}
    refused = olgas.post(ADD, given | {"topics": [music.pk]})
    assert "these are not: Musik." in words(refused) and refused.status_code == 422
    assert olgas.post(ADD, given | {"kind": "source", "source": source.pk}).status_code == 422
    assert olgas.post(ADD, given).status_code == 302
    rule = LabelRule.objects.get(words=["by"])
    assert (rule.cooperation, rule.organisation) == (cooperation, None)
    assert "News with the category “by” → Køge Kommune" in words(signed_in(sven).get(LABELS))
    assert signed_in(sven).get(f"/settings/labellings/{rule.pk}").status_code == 403


def test_who_may_do_what(sven: User, secretariat: Organisation, music: Topic, art: Topic) -> None:
    reader, stranger = signed_in(reader_in(secretariat)), signed_in(sven)
    rule = LabelRule.objects.create(organisation=secretariat, kind="category", words=["x"])
    assert "<form" not in source_of(reader.get(LABELS)).partition('id="main"')[2]
    assert "<form" not in source_of(reader.get(f"{LABELS}/topic/{music.pk}")).partition('id="main"')[2]
    assert "Musik" not in words(stranger.get(LABELS))
    for path in ("", "/name", "/merge", "/remove"):
        assert stranger.post(f"{LABELS}/topic/{music.pk}{path}").status_code in (404, 405)
    for path in (f"{LABELS}/topic/{music.pk}/remove", f"/settings/labellings/{rule.pk}/remove", f"{LABELS}/word", ADD):
        assert reader.post(path).status_code == 403
    assert stranger.post(f"/settings/labellings/{rule.pk}/remove").status_code == 404
    assert Topic.objects.count() == 2 and LabelRule.objects.exists()


@pytest.mark.parametrize("kind", ["topic", "area"])
def test_the_list_asks_as_often_for_many(
    annas: Client, secretariat: Organisation, kind: str, django_assert_max_num_queries
) -> None:
    for number in range(6):
        model = Topic if kind == "topic" else Area
        label = model.objects.create(organisation=secretariat, name=f"N{number}", slug=f"n{number}")
        rule = LabelRule.objects.create(organisation=secretariat, kind="category", words=[f"o{number}"])
        (rule.topics if kind == "topic" else rule.areas).add(label)
        tagged(secretariat, f"Nyhed {number}", f"Ord {number}")
    with django_assert_max_num_queries(22):
        annas.get(LABELS)
