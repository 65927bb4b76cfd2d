"""Events on items: what a source says becomes columns and revisions; when it is over; what people must be told of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from publisher.errors import InputError
from publisher.items.collect import collect_source
from publisher.items.event_by_hand import Given, correct_event
from publisher.items.events import facts_in, facts_of, is_over, still_ahead
from publisher.items.select import recent
from publisher.models import Item, ItemRevision, Organisation, Source, User
from publisher.review.standing import NEW, viewed
from publisher.sources.contract import Event
from publisher.vocabulary import EventStatus
from tests.events import concert, evening, say
from tests.items.website import FEED, HOST, website

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Sentences are compared in English."""
    with translation.override("en"):
        yield


NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
EV = 'xmlns:ev="http://purl.org/rss/1.0/modules/event/"'


def feed(start: str, place: str = "Kulturhuset", end: str = "") -> bytes:
    ends = f"<ev:enddate>{end}</ev:enddate>" if end else ""
    return (
        f'<rss version="2.0" {EV}><channel><title>N</title><item><title>Julekoncert</title><guid>jul</guid>'
        f"<link>{HOST}/jul</link><description>Kom.</description><ev:startdate>{start}</ev:startdate>{ends}"
        f"<ev:location>{place}</ev:location></item></channel></rss>"
    ).encode()


def test_a_feed_s_event_and_its_move_are_revisions(source: Source) -> None:
    with website() as site, time_machine.travel(NOW):
        site.put(FEED, feed("2026-12-05T19:00:00"), "application/rss+xml")
        collect_source(source.pk)
        item = Item.objects.get()
        assert item.event_starts_at == datetime(2026, 12, 5, 18, tzinfo=UTC), "the organisation's clocks"
        assert (item.event_place, item.event_status, item.event_changed_at) == ("Kulturhuset", "scheduled", None)
        site.put(FEED, feed("2026-12-06T19:00:00", "Biblioteket"), "application/rss+xml")
        assert collect_source(source.pk).changed == 1
    item.refresh_from_db()
    assert (item.event_place, item.event_starts_at) == ("Biblioteket", datetime(2026, 12, 6, 18, tzinfo=UTC))
    assert item.event_changed_at is not None
    before, after = ItemRevision.objects.order_by("number")
    assert (before.content["event_place"], after.content["event_place"]) == ("Kulturhuset", "Biblioteket")
    assert facts_in(after.content, "Europe/Copenhagen") == facts_of(item)


@pytest.mark.parametrize(
    ("event", "over"),
    [
        (Event(datetime(2026, 12, 5, 19, tzinfo=UTC), floating=True), datetime(2026, 12, 5, 23, tzinfo=UTC)),
        (Event(datetime(2026, 12, 5, 18, tzinfo=UTC)), datetime(2026, 12, 5, 23, tzinfo=UTC)),
        (
            Event(datetime(2026, 12, 5, 18, tzinfo=UTC), datetime(2026, 12, 5, 20, tzinfo=UTC)),
            datetime(2026, 12, 5, 20, tzinfo=UTC),
        ),
        (Event(datetime(2026, 12, 5, tzinfo=UTC), all_day=True), datetime(2026, 12, 5, 23, tzinfo=UTC)),
        (
            Event(datetime(2026, 12, 5, tzinfo=UTC), datetime(2026, 12, 7, tzinfo=UTC), all_day=True),
            datetime(2026, 12, 7, 23, tzinfo=UTC),
        ),
        # The night in which clocks change has 25 hours.
        (Event(datetime(2026, 10, 25, tzinfo=UTC), all_day=True), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_when_it_is_over(secretariat: Organisation, event: Event, over: datetime) -> None:
    item = concert(secretariat, event)
    assert item.event_over_at == over
    assert is_over(item, over) and not is_over(item, over - timedelta(seconds=1))


def test_what_is_over_is_not_among_the_new(secretariat: Organisation) -> None:
    concert(secretariat, Event(evening(-2)), title="Forbi")
    concert(secretariat, Event(evening(2)), title="Kommer")
    Item.objects.create(organisation=secretariat, title="Nyhed")
    assert {item.title for item in viewed(recent(secretariat), secretariat, NEW)} == {"Kommer", "Nyhed"}
    assert recent(secretariat).count() == 3
    assert Item.objects.filter(still_ahead(timezone.now())).count() == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": EventStatus.CANCELLED}, True),
        ({"status": EventStatus.POSTPONED}, True),
        ({"place": "Biblioteket"}, True),
        ({"starts_at": evening(6)}, True),
        ({"price": "100 kr."}, False),
        ({"booking_url": "https://billet.example.org/"}, False),
        ({"ends_at": evening(5, 22)}, False),
        ({}, False),
    ],
)
def test_which_changes_people_must_be_told_of(
    secretariat: Organisation, changes: dict[str, object], told: bool
) -> None:
    event = Event(evening(5), place="Kulturhuset")
    item = say(concert(secretariat, event), replace(event, **changes))  # type: ignore[arg-type]
    assert (item.event_changed_at is not None) == told


def test_a_source_that_says_nothing_of_it_any_more_takes_nothing_away(source: Source) -> None:
    with website() as site, time_machine.travel(NOW):
        site.put(FEED, feed("2026-12-05T19:00:00"), "application/rss+xml")
        collect_source(source.pk)
        without = feed("2026-12-05T19:00:00").replace(b"ev:startdate", b"ev:x").replace(b"Kom.", b"Kom nu.")
        site.put(FEED, without, "application/rss+xml")
        collect_source(source.pk)
    item = Item.objects.get()
    assert (item.lead, item.event_place) == ("Kom nu.", "Kulturhuset")


def test_what_a_colleague_put_right_stays_until_the_source_says_something_new(
    secretariat: Organisation, anna: User
) -> None:
    event = Event(evening(5), place="Kulturhuset")
    item = concert(secretariat, event)
    given = Given(starts_at=event.starts_at, place="Salen i Kulturhuset", price="Gratis")
    assert correct_event(item, given, anna, revision=item.revision)
    item = say(item, event)
    assert item.event_place == "Salen i Kulturhuset"
    assert ItemRevision.objects.get(item=item, number=2).by == anna
    assert say(item, replace(event, place="Biblioteket")).event_place == "Biblioteket"


def test_a_correction_by_hand_that_is_refused(secretariat: Organisation, anna: User) -> None:
    item = concert(secretariat, Event(evening(5)))
    with pytest.raises(InputError, match="changed meanwhile"):
        correct_event(item, Given(starts_at=evening(6)), anna, revision=7)
    with pytest.raises(InputError, match="cannot end before"):
        correct_event(item, Given(starts_at=evening(6), ends_at=evening(5)), anna, revision=1)
    with pytest.raises(InputError, match="not a web address"):
        correct_event(item, Given(starts_at=evening(6), booking_url="billet"), anna, revision=1)
    assert not correct_event(item, Given(starts_at=evening(5)), anna, revision=1)
    assert correct_event(item, Given(starts_at=None), anna, revision=1)
    item.refresh_from_db()
    assert facts_of(item) == {} and item.event_over_at is None
