"""Held news on the pages: the strip, the list, both buttons, one item with what changed."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from publisher.access.audit import timeline
from publisher.models import Item, Organisation, Sighting, Source, User
from publisher.vocabulary import ItemState
from tests.items.by_hand import edit
from tests.web.desk import more_items, questions
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

WHY = {
    "msgid": "%(number)s came within a day, far more than usual, as when a website is moved.",
    "params": {"number": "7"},
}


@pytest.fixture
def held(secretariat: Organisation, source: Source) -> list[Item]:
    """Seven items of one source that are held."""
    items = more_items(secretariat, 7)
    Item.objects.update(state=ItemState.HELD, held_why=WHY)
    for item in items:
        Sighting.objects.create(source=source, item=item, external_key=str(item.pk))
    return items


def states() -> list[str]:
    return sorted(Item.objects.values_list("state", flat=True))


@pytest.mark.parametrize("path", ["/news", "/settings/sources/{}"])
def test_the_pages_say_what_is_held_and_ask(held: list[Item], source: Source, annas: Client, path: str) -> None:
    page = words(annas.get(path.format(source.pk)))
    assert "7 news items are held back: 7 came within a day" in page
    assert "All 7 are old: lay them aside" in page
    assert "Held back" not in words(annas.get("/news?show=all")).split("items are held back")[0][:50]


def test_nothing_is_said_where_nothing_is_held(
    item: Item, source: Source, annas: Client, sven: User, held: object
) -> None:
    assert "held back" not in words(signed_in(sven).get("/news"))
    Item.objects.update(state=ItemState.NEW)
    assert "held back" not in words(annas.get("/news"))
    assert "Nothing is held back" in words(annas.get("/news/held"))


@pytest.mark.parametrize(
    ("do", "state", "says"),
    [("release", "new", "2 are among the new ones now."), ("dismiss", "seen", "2 are laid aside.")],
)
def test_those_that_are_ticked_are_settled(held: list[Item], annas: Client, do: str, state: str, says: str) -> None:
    ticked = {"do": do, "item": [held[1].pk, held[3].pk], "next": "/news/held"}
    assert says in words(annas.post("/news/held/settle", ticked, follow=True))
    assert states() == sorted(["held"] * 5 + [state] * 2)
    assert {held[1].pk, held[3].pk} == set(Item.objects.filter(state=state).values_list("pk", flat=True))


def test_one_alone_is_laid_aside_whatever_else_is_ticked(held: list[Item], annas: Client) -> None:
    annas.post("/news/held/settle", {"dismiss": held[2].pk, "item": [held[1].pk], "next": "/news/held"})
    assert Item.objects.get(state=ItemState.SEEN) == held[2] and states() == ["held"] * 6 + ["seen"]


def test_they_are_looked_at_and_taken_one_by_one(held: list[Item], annas: Client) -> None:
    page = annas.get("/news/held")
    assert "7 news items wait for a word." in words(page)
    assert held[0].title in words(page)
    response = annas.post("/news/held/settle", {"do": "release", "item": held[0].pk, "next": "/news/held"}, follow=True)
    assert "1 is among the new ones now." in words(response)
    assert states() == ["held"] * 6 + ["new"]


@pytest.mark.parametrize(("do", "state"), [("release", "new"), ("dismiss", "seen")])
def test_all_that_the_page_knew_is_settled(
    held: list[Item], source: Source, annas: Client, anna: User, do: str, state: str
) -> None:
    until = max(item.pk for item in held[:5])
    annas.post("/news/held/settle", {"do": do, "until": until, "source": source.pk})
    assert states() == sorted([state] * 5 + ["held"] * 2)
    (entry,) = timeline(source)
    assert (entry.user, entry.action, entry.explanation["params"]) == (
        anna, {"release": "held_released", "dismiss": "held_dismissed"}[do], {"number": "5"},
    )  # fmt: skip


def test_the_page_of_one_asks_too(held: list[Item], annas: Client) -> None:
    at = f"/news/{held[0].pk}"
    page = words(annas.get(at))
    assert "It is held back: 7 came within a day" in page and "Plan a send-out" not in page
    page = words(annas.post("/news/held/settle", {"do": "release", "item": held[0].pk, "next": at}, follow=True))
    assert "It is held back" not in page and "Plan a send-out" in page


def test_nobody_settles_what_is_not_theirs(
    held: list[Item], source: Source, secretariat: Organisation, sven: User
) -> None:
    strangers, readers = signed_in(sven), signed_in(reader_in(secretariat))
    assert (
        strangers.post("/news/held/settle", {"do": "release", "until": 10**9, "source": source.pk}).status_code == 404
    )
    strangers.post("/news/held/settle", {"do": "release", "until": 10**9})
    assert readers.post("/news/held/settle", {"do": "release", "until": 10**9}).status_code == 403
    assert "lay them aside" not in words(readers.get("/news"))
    assert signed_in(sven).get(f"/news/held?source={source.pk}").status_code == 404
    assert states() == ["held"] * 7


@pytest.mark.parametrize("data", [{}, {"do": "x", "until": "9"}, {"do": "release", "until": "²"}, {"do": "release"}])
def test_nonsense_settles_nothing(held: list[Item], annas: Client, data: dict[str, str]) -> None:
    assert annas.post("/news/held/settle", data | {"next": "https://evil.example.org"})["Location"] == "/news"
    assert annas.get("/news/held/settle").status_code == 405
    assert states() == ["held"] * 7


def test_the_list_asks_the_database_as_often_for_many(
    held: list[Item], annas: Client, secretariat: Organisation
) -> None:
    few = questions(annas, "/news/held")
    more_items_held = [
        Item(organisation=secretariat, title=f"x{n}", state=ItemState.HELD, held_why=WHY) for n in range(25)
    ]
    Item.objects.bulk_create(more_items_held)
    assert questions(annas, "/news/held") == few


def test_an_items_page_shows_what_changed_safely(item: Item, annas: Client, anna: User) -> None:
    edit(item, title="Åben øvelse på <b>Ærø</b>: kom & hør", event_starts_at=timezone.now())
    page = annas.get(f"/news/{item.pk}")
    assert '<ins class="tone-good"><span class="aside"> added: </span>&lt;b&gt;Ærø&lt;/b&gt;:' in source_of(page)
    assert "<b>Ærø</b>" not in source_of(page)
    assert "Opslag found it changed at its source" in words(page)
    assert "removed:" in words(page)
