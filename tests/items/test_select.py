"""Finding and choosing items: in their order, by their words, by all that narrows a list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from publisher.items.pictures import store_picture
from publisher.items.search import UNDESCRIBED, WITH_PICTURE, WITHOUT_PICTURE, Wanted, narrowed, saying
from publisher.items.select import recent, take
from publisher.models import Area, Item, Organisation, Sighting, Source, Topic
from publisher.vocabulary import ItemState
from tests.compose.conftest import picture_of

pytestmark = pytest.mark.database


@pytest.fixture
def items(secretariat: Organisation) -> list[Item]:
    """Three items: a new one, an older one, and back catalogue without a date that came last."""
    now = timezone.now()
    rows = [("Ærø synger", "new", now), ("Åben øvelse", "new", now - timedelta(days=2)), ("Gammelt nyt", "seen", None)]
    return [
        Item.objects.create(
            organisation=secretariat,
            title=title,
            state=state,
            published_at=at,
            lead=f"Om {title}.",
            body_text=f"Kulturaftalen handler om {title}.\n\nOg om's & 'en \\ streg.",
            author="Åse Sørensen",
            tags=["Børnekor", "musik"],
        )
        for title, state, at in rows
    ]


def titles(organisation: Organisation, **wanted: object) -> list[str]:
    return [item.title for item in narrowed(recent(organisation), Wanted(**wanted))]  # type: ignore[arg-type]


def test_the_latest_come_first_with_or_without_a_date(secretariat: Organisation, items: list[Item]) -> None:
    assert titles(secretariat) == ["Gammelt nyt", "Ærø synger", "Åben øvelse"]


@pytest.mark.parametrize("query", ["ærø", "ÆRØ", "Ærø", "synger ærø", "om ærø", "Ærø syng"])
def test_words_are_found_however_they_are_written(secretariat: Organisation, items: list[Item], query: str) -> None:
    assert titles(secretariat, words=query) == ["Ærø synger"]


@pytest.mark.parametrize("query", ["kulturaftalen", "kulturaft", "sørensen", "SØRENSEN", "børnekor", "Børnekor musik"])
def test_text_author_and_tags_are_looked_in(secretariat: Organisation, items: list[Item], query: str) -> None:
    assert len(titles(secretariat, words=query)) == 3


def test_all_words_must_be_there(secretariat: Organisation, items: list[Item]) -> None:
    assert titles(secretariat, words="ærø øvelse") == []
    assert titles(secretariat, words="100%") == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no stems")
@pytest.mark.parametrize("query", ["kulturaftalerne", "kulturaftales", "børnekoret"])
def test_a_words_other_forms_are_found(secretariat: Organisation, items: list[Item], query: str) -> None:
    assert len(titles(secretariat, words=query)) == 3


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no stems")
def test_words_without_a_stem_ask_for_nothing(secretariat: Organisation, items: list[Item]) -> None:
    assert len(titles(secretariat, words="og i det")) == 3
    assert titles(secretariat, words="og ærø") == ["Ærø synger"]


@pytest.mark.parametrize(
    "query", ["'", "\\", "''\\'", "&", "|", "!(", ":*", "<->", "\x00", "a" * 5_000, "% _ %", "🎻", "' OR 1=1 --", "   "]
)
def test_no_query_is_a_fault(secretariat: Organisation, items: list[Item], query: str) -> None:
    assert len(titles(secretariat, words=query)) in {0, 3}


def test_a_very_long_text_can_be_stored_and_found(secretariat: Organisation) -> None:
    words = " ".join(f"ordø{n}ærlig" for n in range(60_000))[:500_000]
    Item.objects.create(organisation=secretariat, title="Meget lang", body_text=words)
    assert titles(secretariat, words="ordø17ærlig") == ["Meget lang"]


def test_the_list_and_its_search_go_by_their_indexes(secretariat: Organisation, items: list[Item]) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # As with many items: of three, reading and sorting them all is quicker.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    assert "item_latest" in recent(secretariat)[:20].explain()
    if connection.vendor == "postgresql":
        found = saying(Item.objects.all(), "ærø")
        assert "item_words" in found.explain()


def test_what_else_narrows(secretariat: Organisation, items: list[Item], source: Source) -> None:
    first, second, third = items
    topic = Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")
    area = Area.objects.create(organisation=secretariat, name="Køge", slug="koege")
    first.topics.add(topic)
    second.areas.add(area)
    for key in ("a", "b"):
        Sighting.objects.create(source=source, item=first, external_key=key)
    Item.objects.filter(pk=second.pk).update(picture=store_picture(secretariat, picture_of()))
    Item.objects.filter(pk=third.pk).update(
        picture=store_picture(secretariat, picture_of(width=900), alt="Himlen"), event_starts_at=timezone.now()
    )
    assert titles(secretariat, topic=topic) == titles(secretariat, source=source) == [first.title]
    assert titles(secretariat, area=area) == titles(secretariat, picture=UNDESCRIBED) == [second.title]
    assert titles(secretariat, by_hand=True) == [third.title, second.title]
    assert titles(secretariat, picture=WITH_PICTURE) == [third.title, second.title]
    assert titles(secretariat, picture=WITHOUT_PICTURE) == [first.title]
    assert titles(secretariat, events=True) == [third.title]
    assert titles(secretariat, days=1) == [third.title, first.title]
    assert titles(secretariat, days=30, words="øvelse", area=area) == [second.title]


def test_back_catalogue_is_taken_into_use(secretariat: Organisation, items: list[Item]) -> None:
    assert take(secretariat, [item.pk for item in items]) == 1
    assert take(secretariat, [item.pk for item in items]) == 0
    assert set(Item.objects.values_list("state", flat=True)) == {ItemState.NEW}


def test_a_stranger_sees_and_takes_nothing(elsewhere: Organisation, items: list[Item]) -> None:
    assert titles(elsewhere) == []
    assert take(elsewhere, [item.pk for item in items]) == 0
