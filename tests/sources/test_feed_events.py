"""When and where, as RSS and Atom feeds of culture houses say it, whatever their plug-in calls it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.sources.contract import Event
from publisher.sources.feed_entries import read_feed
from publisher.sources.feed_events import event_in
from publisher.vocabulary import EventStatus

PAGE = "https://kulturhus.example.org/feed"
EVENING = datetime(2026, 12, 5, 18, tzinfo=UTC)


def event_of(inside: str, *, names: str = "") -> Event | None:
    feed = f"""<rss version="2.0" {names}><channel><title>K</title><item><title>Julekoncert</title>
      <link>https://kulturhus.example.org/jul</link><description>Kom.</description>{inside}</item></channel></rss>"""
    (candidate,) = read_feed(feed.encode(), "application/rss+xml", PAGE).candidates
    return candidate.event


def atom_event(inside: str, *, names: str = "") -> Event | None:
    feed = f"""<feed xmlns="http://www.w3.org/2005/Atom" {names}><title>K</title><id>urn:k</id>
      <entry><id>urn:1</id><title>Julekoncert</title><link href="https://kulturhus.example.org/jul"/>{inside}</entry></feed>"""
    (candidate,) = read_feed(feed.encode(), "application/atom+xml", PAGE).candidates
    return candidate.event


EV = 'xmlns:ev="http://purl.org/rss/1.0/modules/event/"'
MEC = 'xmlns:mec="http://webnus.net/rss/mec/"'


def test_the_event_module_of_rss() -> None:
    event = event_of(
        "<ev:startdate>2026-12-05T19:00:00+01:00</ev:startdate><ev:enddate>2026-12-05T21:00:00+01:00</ev:enddate>"
        "<ev:location>Salen &amp; foyeren</ev:location><ev:organizer>K</ev:organizer><ev:type>koncert</ev:type>",
        names=EV,
    )
    assert event == Event(EVENING, EVENING + timedelta(hours=2), place="Salen & foyeren")


def test_under_another_prefix() -> None:
    event = event_of("<e:startdate>2026-12-05</e:startdate>", names=EV.replace("xmlns:ev", "xmlns:e"))
    assert event is not None
    assert event.all_day


def test_xcal() -> None:
    event = event_of(
        "<xcal:dtstart>2026-12-05T19:00:00</xcal:dtstart><xcal:dtend>2026-12-05T21:00:00</xcal:dtend>"
        "<xcal:location>Salen</xcal:location><xcal:status>CANCELLED</xcal:status>",
        names='xmlns:xcal="urn:ietf:params:xml:ns:xcal"',
    )
    assert event is not None
    assert (event.starts_at.hour, event.floating, event.place, event.status) == (
        19,
        True,
        "Salen",
        EventStatus.CANCELLED,
    )


def test_google_data() -> None:
    event = atom_event(
        '<gd:when startTime="2026-12-05T18:00:00Z" endTime="2026-12-05T20:00:00Z"/><gd:where valueString="Salen"/>'
        '<gd:eventStatus value="http://schemas.google.com/g/2005#event.canceled"/>',
        names='xmlns:gd="http://schemas.google.com/g/2005"',
    )
    assert event == Event(EVENING, EVENING + timedelta(hours=2), place="Salen", status=EventStatus.CANCELLED)


@pytest.mark.parametrize(
    ("hour", "clock"), [("7:00 pm", (19, 0)), ("19.30", (19, 30)), ("12:15 am", (0, 15)), ("nat", None)]
)
def test_a_date_with_its_hour_beside_it(hour: str, clock: tuple[int, int] | None) -> None:
    event = event_of(
        f"<mec:startDate>2026-12-05</mec:startDate><mec:startHour>{hour}</mec:startHour>"
        "<mec:endDate>2026-12-05</mec:endDate><mec:location>Salen</mec:location><mec:cost>100 kr.</mec:cost>",
        names=MEC,
    )
    assert event is not None
    assert event.all_day == (clock is None)
    assert clock is None or (event.starts_at.hour, event.starts_at.minute) == clock
    assert (event.place, event.price) == ("Salen", "100 kr.")


def test_an_event_manager() -> None:
    event = event_of(
        "<event_listing:start_date>2026-12-05 19:00:00</event_listing:start_date>"
        "<event_listing:ticket_price>75</event_listing:ticket_price>",
        names='xmlns:event_listing="https://kulturhus.example.org/"',
    )
    assert event is not None
    assert event.price == "75"


@pytest.mark.parametrize("inside", ["", "<ev:startdate>snart</ev:startdate>", "<ev:location>Salen</ev:location>"])
def test_news_without_a_day_is_no_event(inside: str) -> None:
    assert event_of(inside, names=EV) is None


VALUES = (
    st.text(max_size=30)
    | st.none()
    | st.dictionaries(st.sampled_from(["starttime", "value", "valuestring"]), st.text())
)
KEYS = st.sampled_from(
    ["ev_startdate", "gd_when", "mec_starthour", "x_y_z_startdate", "dtstart", "ev_location", "_", ""]
)


@settings(deadline=None)
@given(st.dictionaries(KEYS | st.text(max_size=8), VALUES | st.datetimes().map(datetime.isoformat), max_size=6))
def test_no_entry_makes_it_raise(entry: dict[str, object]) -> None:
    event = event_in(entry)
    assert event is None or event.starts_at.utcoffset() is not None
