"""Finding and choosing items."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.items.select import recent, take
from publisher.models import Item, Organisation
from publisher.vocabulary import ItemState

pytestmark = pytest.mark.database


@pytest.fixture
def items(secretariat: Organisation) -> list[Item]:
    """Three items: a new one, an older one, and back catalogue without a date that came last."""
    now = timezone.now()
    rows = [("Ærø synger", "new", now), ("Åben øvelse", "new", now - timedelta(days=2)), ("Gammelt nyt", "seen", None)]
    return [
        Item.objects.create(organisation=secretariat, title=title, state=state, published_at=at, lead=f"Om {title}.")
        for title, state, at in rows
    ]


def titles(organisation: Organisation, **chosen: str) -> list[str]:
    return [item.title for item in recent(organisation, **chosen)]  # type: ignore[arg-type]


def test_the_latest_come_first_with_or_without_a_date(secretariat: Organisation, items: list[Item]) -> None:
    assert titles(secretariat) == ["Gammelt nyt", "Ærø synger", "Åben øvelse"]
    assert titles(secretariat, state="new") == ["Ærø synger", "Åben øvelse"]


@pytest.mark.parametrize("query", ["ærø", "ÆRØ", "Ærø", "synger ærø", "om ærø"])
def test_words_are_found_however_they_are_written(secretariat: Organisation, items: list[Item], query: str) -> None:
    assert titles(secretariat, query=query) == ["Ærø synger"]


def test_all_words_must_be_there(secretariat: Organisation, items: list[Item]) -> None:
    assert titles(secretariat, query="ærø øvelse") == []
    assert titles(secretariat, query="100%") == []


def test_back_catalogue_is_taken_into_use(secretariat: Organisation, items: list[Item]) -> None:
    assert take(secretariat, [item.pk for item in items]) == 1
    assert take(secretariat, [item.pk for item in items]) == 0
    assert set(Item.objects.values_list("state", flat=True)) == {ItemState.NEW}


def test_a_stranger_sees_and_takes_nothing(elsewhere: Organisation, items: list[Item]) -> None:
    assert titles(elsewhere) == []
    assert take(elsewhere, [item.pk for item in items]) == 0
