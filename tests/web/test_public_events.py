"""“Add to your calendar”: a public file without any token of a person, cacheable, gone when the news is."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from publisher.compose.links import event_token
from publisher.models import Item, Organisation
from publisher.sources.contract import Event
from tests.events import concert, evening

pytestmark = pytest.mark.database


@pytest.fixture
def julekoncert(secretariat: Organisation) -> Item:
    """A concert in five days."""
    return concert(secretariat, Event(evening(5), place="Kulturhuset"), title="Jul på Ærø")


def path(item: Item) -> str:
    return f"/events/{event_token(item.pk)}.ics"


def test_the_file_for_everybody(client: Client, julekoncert: Item) -> None:
    response = client.get(path(julekoncert))
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Content-Disposition"] == 'inline; filename="jul-pa-r.ics"'
    assert "public" in response["Cache-Control"] and "max-age=300" in response["Cache-Control"]
    assert not response.cookies
    assert b"SUMMARY" in response.content
    again = client.get(path(julekoncert), headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Item.objects.filter(pk=julekoncert.pk).update(revision=2)
    assert client.get(path(julekoncert), headers={"If-None-Match": response["ETag"]}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_changes_nothing(client: Client, julekoncert: Item, method: str) -> None:
    assert getattr(client, method)(path(julekoncert)).status_code == 405


def test_what_is_not_there(client: Client, julekoncert: Item, item: Item) -> None:
    Item.objects.filter(pk=julekoncert.pk).update(withdrawn_at=timezone.now())
    for address in (path(julekoncert), path(item), f"/events/{julekoncert.pk:x}-{'0' * 20}.ics", "/events/x.ics"):
        response = client.get(address)
        assert response.status_code == 404
        assert "public" not in response.get("Cache-Control", "")
