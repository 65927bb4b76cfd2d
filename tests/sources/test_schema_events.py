"""schema.org's Event, as theatres, libraries and ticket shops write it, becomes our Event; no input makes it raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.sources.contract import Event
from publisher.sources.event_times import FREE, PLACE_CHARACTERS, PRICE_CHARACTERS
from publisher.sources.schema_events import event_of, event_of_page
from publisher.vocabulary import EventStatus

PAGE = "https://museum.example.org/det-sker/julekoncert"
OSLO = timezone(timedelta(hours=1))


def concert(**changes: Any) -> dict[str, Any]:
    return {
        "@context": "https://schema.org",
        "@type": "MusicEvent",
        "name": "Julekoncert",
        "startDate": "2026-12-05T19:00:00+01:00",
        **changes,
    }


def read(**changes: Any) -> Event:
    event = event_of(concert(**changes), PAGE)
    assert event is not None
    return event


def test_a_concert_with_everything() -> None:
    event = read(
        endDate="2026-12-05T21:00:00+01:00",
        location={
            "@type": "Place",
            "name": "Sankt Nikolai Kirke",
            "address": {
                "@type": "PostalAddress",
                "streetAddress": "Kirketorvet 1",
                "postalCode": "4180",
                "addressLocality": "Sorø",
            },
        },
        offers={"@type": "Offer", "price": "150.00", "priceCurrency": "DKK", "url": "/billet/7"},
    )
    assert event == Event(
        starts_at=datetime(2026, 12, 5, 19, tzinfo=OSLO),
        ends_at=datetime(2026, 12, 5, 21, tzinfo=OSLO),
        place="Sankt Nikolai Kirke, Kirketorvet 1, 4180 Sorø",
        price="150 kr.",
        booking_url="https://museum.example.org/billet/7",
    )


@pytest.mark.parametrize(
    ("written", "starts_at", "all_day", "floating"),
    [
        ("2026-12-05T18:00:00Z", datetime(2026, 12, 5, 18, tzinfo=UTC), False, False),
        ("2026-12-05T19:00:00+0100", datetime(2026, 12, 5, 18, tzinfo=UTC), False, False),
        ("2026-12-05T19:00", datetime(2026, 12, 5, 19, tzinfo=UTC), False, True),
        ("2026-12-05 19:00:00.000", datetime(2026, 12, 5, 19, tzinfo=UTC), False, True),
        ("20261205T190000Z", datetime(2026, 12, 5, 19, tzinfo=UTC), False, False),
        ("2026-12-05", datetime(2026, 12, 5, tzinfo=UTC), True, True),
        ("Sat, 05 Dec 2026 19:00:00 +0100", datetime(2026, 12, 5, 18, tzinfo=UTC), False, False),
        ({"@type": "DateTime", "@value": "2026-12-05T18:00:00Z"}, datetime(2026, 12, 5, 18, tzinfo=UTC), False, False),
        (["", "2026-12-05"], datetime(2026, 12, 5, tzinfo=UTC), True, True),
    ],
)
def test_start_dates(written: object, starts_at: datetime, all_day: bool, floating: bool) -> None:
    event = read(startDate=written)
    assert (event.starts_at, event.all_day, event.floating) == (starts_at, all_day, floating)


@pytest.mark.parametrize("written", ["", None, "2026-12", "snart", "2026-13-45", "9999-12-31", "0001-01-01", 20261205])
def test_without_a_day_it_is_no_event(written: object) -> None:
    event = event_of(concert(startDate=written), PAGE)
    assert event is None or (written == 20261205 and event.all_day)


@pytest.mark.parametrize(
    ("start", "end", "all_day", "ends_at"),
    [
        ("2026-12-05", "2026-12-06", True, datetime(2026, 12, 6, tzinfo=UTC)),
        ("2026-12-05", "2026-12-05", True, None),
        ("2026-12-05T00:00:00+01:00", "2026-12-05T23:59:59+01:00", True, None),
        ("2026-12-05T00:00:00+01:00", "2026-12-07T00:00:00+01:00", True, datetime(2026, 12, 6, tzinfo=UTC)),
        ("2026-12-05T19:00", "2026-12-05", False, None),
        ("2026-12-05T19:00", "2026-12-07", False, datetime(2026, 12, 7, 23, 59, tzinfo=UTC)),
        ("2026-12-05T19:00", "2026-12-05T18:00", False, None),
        ("2026-12-05T19:00", "2026-12-05T21:00+01:00", False, datetime(2026, 12, 5, 21, tzinfo=UTC)),
        ("2026-12-05T19:00+01:00", "2026-12-05T21:00", False, datetime(2026, 12, 5, 20, tzinfo=UTC)),
    ],
)
def test_ends(start: str, end: str, all_day: bool, ends_at: datetime | None) -> None:
    event = read(startDate=start, endDate=end)
    assert (event.all_day, event.ends_at) == (all_day, ends_at)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("Biblioteket &amp; caféen, Torvet 2", "Biblioteket & caféen, Torvet 2"),
        ({"@type": "Place", "name": "Kulturhuset"}, "Kulturhuset"),
        ({"@type": "Place", "address": "Torvet 2, 4180 Sorø"}, "Torvet 2, 4180 Sorø"),
        ({"@type": "Place", "name": "Torvet 2", "address": "Torvet 2, 4180 Sorø"}, "Torvet 2, 4180 Sorø"),
        ({"@type": "VirtualLocation", "url": "https://stream.example.org/"}, "Online"),
        ([{"@type": "Place", "name": "Salen"}, {"@type": "VirtualLocation"}], "Salen; Online"),
        ([], ""),
        (None, ""),
    ],
)
def test_places(location: object, place: str) -> None:
    assert read(location=location).place == place


def test_online_without_a_place() -> None:
    assert read(eventAttendanceMode="https://schema.org/OnlineEventAttendanceMode").place == "Online"


@pytest.mark.parametrize(
    ("offers", "price"),
    [
        ({"price": 0, "priceCurrency": "DKK"}, FREE),
        ({"price": "0.00"}, FREE),
        ({"price": "Gratis"}, FREE),
        ({"price": "149,50", "priceCurrency": "DKK"}, "149,50 kr."),
        ({"price": "1.250,00", "priceCurrency": "DKK"}, "1250 kr."),
        ({"price": "1,250.00", "priceCurrency": "EUR"}, "1250 €"),
        ({"price": "1.250", "priceCurrency": "DKK"}, "1250 kr."),
        ([{"price": 150, "priceCurrency": "DKK"}, {"price": 100}], "100–150 kr."),
        ({"lowPrice": "0", "highPrice": "80", "priceCurrency": "SEK"}, "0–80 SEK"),
        ({"priceSpecification": {"price": 75, "priceCurrency": "DKK"}}, "75 kr."),
        ({"price": "Fra 90 kr. + gebyr"}, "Fra 90 kr. + gebyr"),
        ({}, ""),
        ("https://billet.example.org/", ""),
        (None, ""),
    ],
)
def test_prices(offers: object, price: str) -> None:
    assert read(offers=offers).price == price


def test_free_without_an_offer() -> None:
    assert read(isAccessibleForFree=True).price == FREE
    assert read(isAccessibleForFree="https://schema.org/True").price == FREE
    assert read(isAccessibleForFree=False).price == ""


@pytest.mark.parametrize("url", [PAGE, f"{PAGE}/", f"{PAGE}#billetter", "javascript:alert(1)", 7])
def test_a_booking_link_that_leads_nowhere_new(url: object) -> None:
    assert read(offers={"url": url}).booking_url == ("https://museum.example.org/det-sker/7" if url == 7 else "")


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("https://schema.org/EventCancelled", EventStatus.CANCELLED),
        ("http://schema.org/EventPostponed", EventStatus.POSTPONED),
        ("EventRescheduled", EventStatus.MOVED),
        (["https://schema.org/EventRescheduled", "https://schema.org/EventMovedOnline"], EventStatus.MOVED),
        ("https://schema.org/EventScheduled", EventStatus.SCHEDULED),
        (None, EventStatus.SCHEDULED),
        ({"@id": "schema:EventCancelled"}, EventStatus.CANCELLED),
    ],
)
def test_statuses(written: object, status: str) -> None:
    assert read(eventStatus=written).status == status


@pytest.mark.parametrize("kind", ["Event", "schema:TheaterEvent", ["Thing", "https://schema.org/Festival"]])
def test_all_kinds_of_events(kind: object) -> None:
    assert event_of(concert(**{"@type": kind}), PAGE)


@pytest.mark.parametrize("kind", ["NewsArticle", "DeliveryEvent", None, "", [], 7])
def test_what_is_no_event(kind: object) -> None:
    assert event_of(concert(**{"@type": kind}), PAGE) is None


def test_in_a_graph_and_under_a_page() -> None:
    page = {"@graph": [{"@type": "WebPage", "mainEntity": concert()}, {"@type": "Organization"}]}
    assert event_of_page(page, PAGE) == read()
    assert event_of_page([[{"@type": "Organization"}], [concert()]], PAGE) == read()


def test_several_performances_are_one_event_from_the_first_to_the_last() -> None:
    shows = [
        concert(startDate="2026-12-06T19:00:00+01:00", endDate="2026-12-06T21:00:00+01:00"),
        concert(),
        concert(startDate="2026-12-01T19:00:00+01:00", eventStatus="EventCancelled"),
    ]
    event = event_of_page(shows, PAGE)
    assert event is not None
    assert event.starts_at == datetime(2026, 12, 5, 19, tzinfo=OSLO)
    assert event.ends_at == datetime(2026, 12, 6, 21, tzinfo=OSLO)


def test_a_page_with_many_events_is_a_calendar_unless_one_is_its_own() -> None:
    other = concert(name="Foredrag", startDate="2026-12-01", url="https://museum.example.org/det-sker/foredrag")
    assert event_of_page([other, concert()], PAGE) is None
    assert event_of_page([other, concert(url=f"{PAGE}/")], PAGE) == read()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = ("startDate", "endDate", "location", "offers", "eventStatus", "isAccessibleForFree", "eventAttendanceMode")
INNER = ("@type", "name", "address", "price", "priceCurrency", "url", "priceSpecification", "@value", "@id")
TIMES = st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat) | st.dates().map(str)
THINGS = st.dictionaries(st.sampled_from(INNER), JSON | TIMES, max_size=5)
EVENTS = st.fixed_dictionaries(
    {"@type": st.just("Event"), "startDate": TIMES | JSON},
    optional={name: JSON | THINGS | st.lists(THINGS, max_size=3) | TIMES for name in NAMES[1:]},
)


@settings(deadline=None)
@given(EVENTS)
def test_whatever_is_written_an_event_fits_an_item(thing: dict[str, Any]) -> None:
    event = event_of(thing, PAGE)
    if event is None:
        return
    assert event.starts_at.utcoffset() is not None
    assert event.ends_at is None or event.ends_at > event.starts_at
    assert len(event.place) <= PLACE_CHARACTERS and len(event.price) <= PRICE_CHARACTERS
    assert not event.booking_url or event.booking_url.startswith(("http://", "https://"))
    assert event.status in EventStatus.values
    assert not event.all_day or (event.floating and event.starts_at.time().isoformat() == "00:00:00")


@settings(deadline=None)
@given(JSON)
def test_no_document_makes_it_raise(document: object) -> None:
    event_of_page(document, PAGE)
