"""Rows that go in by a statement of our own are what Django would have stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.forms.models import model_to_dict

from publisher.models import Item, Organisation
from publisher.models.raw import add_rows

pytestmark = pytest.mark.database
AT = datetime(2026, 11, 26, 15, 16, tzinfo=UTC)


def said(number: int) -> dict[str, Any]:
    """Values that differ from row to row, with NULL before others, or all the same."""
    return {
        "title": f"Nyhed {number} med 100 % 'æøå' og \"\\\"",
        "tags": [f"mærke {number}"] if number else [],
        "held_why": {"msgid": "%s", "params": {}},
        "published_at": AT + timedelta(days=number) if number > 1 else None,
        "event_starts_at": None if number == 1 else AT,
        "picture_by_hand": bool(number % 2),
        "revision": number + 1,
        "link": "https://kultur.example.org/" if number == 2 else "",
    }


@pytest.mark.parametrize("number", [1, 2, 60])
def test_rows_of_all_kinds(db: None, number: int) -> None:
    organisation = Organisation.objects.create(name="Kultur", slug="kultur")
    rows = [Item(organisation=organisation, **said(each)) for each in range(number)]
    add_rows(rows)
    stored = Item.objects.in_bulk([row.pk for row in rows])
    assert [model_to_dict(stored[row.pk]) for row in rows] == [model_to_dict(row) for row in rows]
    assert len(stored) == number


def test_rows_that_are_all_the_same(db: None) -> None:
    organisation = Organisation.objects.create(name="Kultur", slug="kultur")
    rows = [Item(organisation=organisation, title="Kor", first_seen_at=AT, updated_at=AT) for _ in range(3)]
    add_rows(rows)
    assert sorted({row.pk for row in rows}) == [*Item.objects.order_by("pk").values_list("pk", flat=True)]
