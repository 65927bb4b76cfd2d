"""“AFLYST: Julekoncert”: what a headline says of its event, and what becomes of the event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from publisher.items.event_by_hand import Given, correct_event
from publisher.items.headline_status import status_in
from publisher.items.writing import Words, correct
from publisher.models import Item, User
from publisher.sources.contract import Candidate, Event
from publisher.vocabulary import EventStatus
from tests.items.by_hand import Hand, story

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("english")]

CONCERT = Event(datetime(2099, 12, 5, 18, tzinfo=UTC), place="Kulturhuset")


@pytest.mark.parametrize(
    ("headline", "status"),
    [
        ("AFLYST: Julekoncert", "cancelled"),
        ("Aflyst – Julekoncert", "cancelled"),
        ("Aflyst - Jule-koncert", "cancelled"),
        ("[Aflyst] Julekoncert", "cancelled"),
        ("*** AFLYST *** Julekoncert", "cancelled"),
        ("AFLYST! Julekoncert", "cancelled"),
        ("Julekoncert (aflyst)", "cancelled"),
        ("Julekoncert – AFLYST", "cancelled"),
        ("UDSAT: Julekoncert", "postponed"),
        ("Flyttet: Julekoncert", "moved"),
        ("Ny dato: Julekoncert", "moved"),
        ("CANCELLED: Christmas concert", "cancelled"),
        ("Christmas concert [canceled]", "cancelled"),
        ("POSTPONED: Christmas concert", "postponed"),
        ("Rescheduled – Christmas concert", "moved"),
        ("Julekoncert", None),
        ("Aflyst", None),
        ("Aflyst kultur: en debat", None),
        ("Udsatte børn: en debat", None),
        ("Aflyst-festival for alle", None),
        ("Debat om aflyste koncerter", None),
        ("Jul: aflyst eller ej – en debat", None),
        ("", None),
    ],
)
def test_what_a_headline_says(headline: str, status: str | None) -> None:
    assert status_in(headline) == status


def concert(title: str = "Julekoncert", event: Event | None = CONCERT) -> Candidate:
    return story(1, title=title, event=event)


def the_item() -> Item:
    return Item.objects.get()


def test_a_headline_calls_an_event_off_and_on_again(hand: Hand) -> None:
    hand.gives(concert())
    assert (the_item().event_status, the_item().event_changed_at) == (EventStatus.SCHEDULED, None)
    assert hand.gives(concert("AFLYST: Julekoncert")).changed == 1
    item = the_item()
    assert (item.title, item.event_status, item.event_place) == ("AFLYST: Julekoncert", "cancelled", "Kulturhuset")
    assert item.event_changed_at is not None, "those who were told are to be told"
    assert item.revisions.get(number=2).content["event_status"] == EventStatus.CANCELLED
    hand.gives(concert())
    assert the_item().event_status == EventStatus.SCHEDULED


def test_what_is_called_off_when_it_comes_was_never_on(hand: Hand) -> None:
    hand.gives(concert("Julekoncert (udsat)"))
    assert (the_item().event_status, the_item().event_changed_at) == (EventStatus.POSTPONED, None)


@pytest.mark.parametrize("said", [EventStatus.MOVED, EventStatus.POSTPONED])
def test_what_the_event_says_itself_goes_before(hand: Hand, said: EventStatus) -> None:
    hand.gives(concert())
    hand.gives(concert("AFLYST: Julekoncert", replace(CONCERT, status=said)))
    assert the_item().event_status == said
    hand.gives(concert("Julekoncert", replace(CONCERT, status=said)))
    assert the_item().event_status == said


def test_a_feed_that_says_nothing_of_the_event_may_call_it_off_all_the_same(hand: Hand, anna: User) -> None:
    hand.gives(concert(event=None))
    correct_event(the_item(), Given(CONCERT.starts_at, place="Biblioteket"), anna, revision=1)
    hand.gives(concert("Flyttet: Julekoncert", None))
    assert (the_item().event_status, the_item().event_place) == (EventStatus.MOVED, "Biblioteket")
    # The same words again do not undo what a colleague has said since.
    correct_event(the_item(), Given(CONCERT.starts_at, place="Torvet"), anna, revision=the_item().revision)
    hand.gives(story(1, title="Flyttet: Julekoncert", lead="Se det nye sted."))
    assert (the_item().event_status, the_item().event_place) == (EventStatus.SCHEDULED, "Torvet")
    hand.gives(story(1, title="Aflyst: Julekoncert", lead="Se det nye sted."))
    hand.gives(story(1, title="Julekoncert", lead="Se det nye sted."))
    assert the_item().event_status == EventStatus.SCHEDULED


def test_without_an_event_it_is_only_a_headline(hand: Hand) -> None:
    hand.gives(concert(event=None))
    assert hand.gives(concert("AFLYST: Julekoncert", None)).changed == 1
    assert (the_item().event_status, the_item().event_changed_at, the_item().revision) == ("", None, 2)


def test_a_colleagues_headline_does_not_hide_that_it_is_off(hand: Hand, anna: User) -> None:
    hand.gives(concert())
    correct(the_item(), Words("Syng julen ind", body="Kom."), anna, revision=1)
    hand.gives(concert("AFLYST: Julekoncert", None))
    assert (the_item().title, the_item().event_status) == ("Syng julen ind", EventStatus.CANCELLED)


def test_a_colleague_may_call_it_off_in_the_headline(hand: Hand, anna: User) -> None:
    hand.gives(concert())
    correct(the_item(), Words("AFLYST: Julekoncert", body="Kom."), anna, revision=1)
    assert the_item().event_status == EventStatus.CANCELLED
    assert the_item().event_changed_at is not None
