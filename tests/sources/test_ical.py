"""A calendar as a source: what is ahead, one item for a series, what was called off or taken away, and no bomb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher import http
from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.sources import SOURCES
from publisher.sources.contract import Candidate, Event, Poll
from publisher.sources.ical import CalendarConfig, CalendarSource
from publisher.sources.ical_events import upcoming
from publisher.sources.ical_text import MAX_AHEAD, read_text
from publisher.vocabulary import EventStatus

URL = "https://kirken.example.org/kalender.ics"
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
CONCERT = """UID:jul@kirken
SUMMARY:Julekoncert\\, gratis
DTSTART;TZID=Europe/Copenhagen:20261205T190000
DTEND;TZID=Europe/Copenhagen:20261205T210000
LOCATION:Sankt Nikolai Kirke
DESCRIPTION:Koret synger.\\n\\nKom & syng.
URL:https://kirken.example.org/jul
CATEGORIES:Kirke,Musik
CREATED:20261101T120000Z"""
WEEKLY = """UID:baby@kirken
SUMMARY:Babysalmesang
DTSTART;TZID=Europe/Copenhagen:20260903T100000
DTEND;TZID=Europe/Copenhagen:20260903T104500
RRULE:FREQ=WEEKLY;BYDAY=TH"""


def calendar(*events: str, lines: str = "") -> bytes:
    inside = "\n".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//DA\nX-WR-CALNAME:Kirken\n{lines}\n{inside}\nEND:VCALENDAR\n"
    return text.replace("\n\n", "\n").replace("\n", "\r\n").encode()


def read(*events: str, now: datetime = NOW, lines: str = "", cancels: bool = False) -> list[Candidate]:
    text = read_text(calendar(*events, lines=lines), "text/calendar", now.date())
    return [dated.candidate for dated in upcoming(text.events, now, cancels=cancels, base=URL)]


def one(*events: str, now: datetime = NOW, cancels: bool = False) -> tuple[Candidate, Event]:
    (candidate,) = read(*events, now=now, cancels=cancels)
    assert candidate.event is not None
    return candidate, candidate.event


def test_an_event_with_everything() -> None:
    candidate, event = one(CONCERT)
    assert candidate.external_key == "jul@kirken"
    assert candidate.title == "Julekoncert, gratis"
    assert candidate.body_html == "<p>Koret synger.</p><p>Kom &amp; syng.</p>"
    assert (candidate.link, candidate.tags) == ("https://kirken.example.org/jul", ("Kirke", "Musik"))
    assert candidate.published_at == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert event.starts_at == datetime(2026, 12, 5, 18, tzinfo=UTC)
    assert event.ends_at == datetime(2026, 12, 5, 20, tzinfo=UTC)
    assert (event.place, event.status, event.floating) == ("Sankt Nikolai Kirke", EventStatus.SCHEDULED, False)


@pytest.mark.parametrize(
    ("start", "starts_at", "floating", "all_day"),
    [
        ("DTSTART:20261205T180000Z", datetime(2026, 12, 5, 18, tzinfo=UTC), False, False),
        ("DTSTART:20261205T190000", datetime(2026, 12, 5, 19, tzinfo=UTC), True, False),
        ("DTSTART;TZID=Romance Standard Time:20261205T190000", datetime(2026, 12, 5, 18, tzinfo=UTC), False, False),
        ("DTSTART;TZID=/x.org/Europe/Copenhagen:20261205T190000", datetime(2026, 12, 5, 18, tzinfo=UTC), False, False),
        ("DTSTART;TZID=Our Own:20261205T190000", datetime(2026, 12, 5, 19, tzinfo=UTC), True, False),
        ("DTSTART;VALUE=DATE:20261205", datetime(2026, 12, 5, tzinfo=UTC), True, True),
    ],
)
def test_zones(start: str, starts_at: datetime, floating: bool, all_day: bool) -> None:
    _candidate, event = one(f"UID:a\nSUMMARY:x\n{start}")
    assert (event.starts_at, event.floating, event.all_day) == (starts_at, floating, all_day)


def test_whole_days_end_on_their_last_day() -> None:
    _candidate, event = one("UID:a\nSUMMARY:x\nDTSTART;VALUE=DATE:20261205\nDTEND;VALUE=DATE:20261208")
    assert event.ends_at == datetime(2026, 12, 7, tzinfo=UTC)
    _candidate, event = one("UID:a\nSUMMARY:x\nDTSTART;VALUE=DATE:20261205\nDTEND;VALUE=DATE:20261206")
    assert event.ends_at is None


def test_a_duration_is_an_end() -> None:
    _candidate, event = one("UID:a\nSUMMARY:x\nDTSTART:20261205T180000Z\nDURATION:PT90M")
    assert event.ends_at == datetime(2026, 12, 5, 19, 30, tzinfo=UTC)


def test_what_is_over_is_left_out() -> None:
    assert read(CONCERT, now=datetime(2026, 12, 5, 20, 1, tzinfo=UTC)) == []
    assert read(CONCERT, now=datetime(2026, 12, 5, 19, 59, tzinfo=UTC)) != []


def test_a_series_is_one_item_that_goes_on() -> None:
    candidate, event = one(WEEKLY)
    assert (candidate.external_key, event.starts_at) == ("baby@kirken", datetime(2026, 11, 26, 9, tzinfo=UTC))
    _candidate, event = one(WEEKLY, now=NOW + timedelta(hours=2))
    assert event.starts_at == datetime(2026, 12, 3, 9, tzinfo=UTC)


def test_a_series_keeps_its_hour_when_clocks_change() -> None:
    _candidate, event = one(WEEKLY, now=datetime(2026, 10, 20, tzinfo=UTC))
    assert event.starts_at == datetime(2026, 10, 22, 8, tzinfo=UTC)
    _candidate, event = one(WEEKLY, now=datetime(2026, 10, 28, tzinfo=UTC))
    assert event.starts_at == datetime(2026, 10, 29, 9, tzinfo=UTC)


def test_dates_taken_out_moved_and_called_off() -> None:
    _candidate, event = one(f"{WEEKLY}\nEXDATE;TZID=Europe/Copenhagen:20261126T100000,20261203T100000")
    assert event.starts_at.date() == date(2026, 12, 10)
    moved = (
        "UID:baby@kirken\nSUMMARY:Babysalmesang i sognehuset\nRECURRENCE-ID;TZID=Europe/Copenhagen:20261126T100000\n"
        "DTSTART;TZID=Europe/Copenhagen:20261127T113000"
    )
    candidate, event = one(WEEKLY, moved)
    assert (candidate.title, event.starts_at) == (
        "Babysalmesang i sognehuset",
        datetime(2026, 11, 27, 10, 30, tzinfo=UTC),
    )
    off = "UID:baby@kirken\nSUMMARY:x\nSTATUS:CANCELLED\nRECURRENCE-ID:20261126T090000Z\nDTSTART:20261126T090000Z"
    _candidate, event = one(WEEKLY, off)
    assert (event.status, event.starts_at) == (EventStatus.CANCELLED, datetime(2026, 11, 26, 9, tzinfo=UTC))


def test_a_date_of_a_series_that_is_not_there() -> None:
    candidate, _event = one(f"{CONCERT}\nRECURRENCE-ID;VALUE=DATE:20261204")
    assert candidate.external_key == "jul@kirken 2026-12-04"


def test_the_later_version_counts() -> None:
    later = CONCERT.replace("Nikolai", "Laurentii") + "\nSEQUENCE:2"
    for rows in ((CONCERT, later), (later, CONCERT)):
        _candidate, event = one(*rows)
        assert event.place == "Sankt Laurentii Kirke"


def test_only_a_line_end_ends_a_line() -> None:
    candidate, _event = one(CONCERT.replace("Koret synger", "Koret\u2028og orglet"))
    assert "og orglet" in candidate.body_html and "Kom &amp; syng" in candidate.body_html


def test_called_off() -> None:
    assert one(f"{CONCERT}\nSTATUS:CANCELLED")[1].status == EventStatus.CANCELLED
    assert one(CONCERT, cancels=True)[1].status == EventStatus.CANCELLED


def test_rich_text_pictures_price() -> None:
    candidate, event = one(
        f"{CONCERT}\nX-ALT-DESC;FMTTYPE=text/html:<p>Kor\\, orgel</p>\nX-COST:100\\, kr.\nX-TICKETS-URL:https://b.example.org/"
        "\nATTACH;FMTTYPE=image/jpeg:https://kirken.example.org/a.jpg\nATTACH:https://kirken.example.org/a.pdf"
    )
    assert candidate.body_html == "<p>Kor, orgel</p>"
    assert [picture.url for picture in candidate.pictures] == ["https://kirken.example.org/a.jpg"]
    assert (event.price, event.booking_url) == ("100, kr.", "https://b.example.org/")


def test_alarms_and_own_zones_are_passed_over() -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Our Own\nBEGIN:STANDARD\nDTSTART:19700101T000000\nRRULE:FREQ=SECONDLY\nEND:STANDARD\n"
        "END:VTIMEZONE"
    )
    candidate, _event = one(f"{CONCERT}\nBEGIN:VALARM\nTRIGGER:-PT15M\nDESCRIPTION:Husk\nEND:VALARM")
    assert "Husk" not in candidate.body_html
    assert len(read(CONCERT, lines=zone)) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (calendar(f"{WEEKLY.replace('WEEKLY;BYDAY=TH', 'SECONDLY')}"), "repeats more often than daily"),
        (calendar(f"{WEEKLY};BYHOUR=1,2,3"), "repeats more often than daily"),
        (calendar(lines="BEGIN:VTODO\n" * 500), "parts within parts"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 21_000, "too many events"),
        (calendar(*[f"UID:{n}\nSUMMARY:x\nDTSTART:20270101T000000Z" for n in range(MAX_AHEAD + 1)]), "too many events"),
        (calendar("SUMMARY:x", "DTSTART:aldrig"), ""),
        (calendar("SUMMARY:x\nDTSTART:aldrig\nRRULE:FREQ=DAILY"), "No event of the calendar could be read"),
        (b"", "is empty"),
        (b"<!doctype html><html><body>Kalender</body></html>", "is a web page"),
        (b"{}", "is no calendar"),
    ],
)
def test_what_is_refused_and_why(body: bytes, words: str) -> None:
    if not words:
        assert read_text(body, "", NOW.date()).events == []
        return
    with pytest.raises(PermanentError, match=words):
        upcoming(read_text(body, "", NOW.date()).events, NOW, cancels=False, base=URL)


def test_a_rule_that_never_comes_true_costs_nothing() -> None:
    never = WEEKLY.replace("FREQ=WEEKLY;BYDAY=TH", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30").replace("202609", "197009")
    assert read(*[never.replace("baby", f"baby{n}") for n in range(20)]) == []
    with pytest.raises(PermanentError, match="too many events that repeat"):
        read(*[f"{never.replace('baby', f'baby{n}')};COUNT=9" for n in range(1000)])


class Kirken:
    """The calendar's web server."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.headers.get("if-none-match") == '"1"':
            return httpx.Response(304)
        return httpx.Response(200, content=self.body, headers={"Content-Type": "text/calendar", "ETag": '"1"'})


@pytest.fixture
def kirken() -> Iterator[Kirken]:
    here = Kirken(calendar(CONCERT, WEEKLY))
    with http.use_transport(httpx.MockTransport(here)):
        yield here


def poll(state: Any = None, url: str = URL, now: datetime = NOW) -> Poll:
    with time_machine.travel(now, tick=False):
        result = CalendarSource().poll(CalendarConfig(url), state or {})
    return replace(result, state=json.loads(json.dumps(dict(result.state))))


def test_the_registry_offers_it() -> None:
    assert isinstance(SOURCES["ical"], CalendarSource)
    assert SOURCES["ical"].host(CalendarConfig("webcal://kirken.example.org/k.ics")) == "kirken.example.org"


def test_what_is_no_address_has_no_host() -> None:
    assert CalendarSource().host(CalendarConfig("webcal://[x")) == ""
    assert CalendarSource().host(CalendarConfig("webcal://Kirken.example.org/k.ics")) == "kirken.example.org"


def test_where_it_has_moved_to_by_itself_is_told() -> None:
    elsewhere = "https://ny.example.org/k.ics"
    assert CalendarSource().moved({"configured": URL, "url": elsewhere, "ahead": {}}) == (URL, elsewhere)
    assert CalendarSource().moved({"configured": URL, "url": URL}) is None
    assert CalendarSource().moved({}) is None


def test_a_poll_and_one_where_nothing_is_new(kirken: Kirken) -> None:
    first = poll(url="webcal://kirken.example.org/kalender.ics")
    assert (first.title, len(first.candidates)) == ("Kirken", 2)
    assert str(kirken.asked[0].url) == URL
    assert poll(first.state).unchanged


def test_a_series_goes_on_although_the_calendar_is_the_same(kirken: Kirken) -> None:
    first = poll()
    later = poll(first.state, now=NOW + timedelta(hours=3))
    assert not later.unchanged
    dates = [candidate.event.starts_at.date() for candidate in later.candidates if candidate.event]
    assert dates == [date(2026, 12, 3), date(2026, 12, 5)]
    assert later.withdrawn == ()


def test_what_is_taken_off_the_calendar_is_withdrawn(kirken: Kirken) -> None:
    first = poll()
    kirken.body = calendar(WEEKLY)
    state = {**first.state, "etag": ""}
    assert poll(state).withdrawn == ("jul@kirken",)
    assert poll(state, now=datetime(2026, 12, 6, tzinfo=UTC)).withdrawn == ()


def test_a_calendar_that_is_suddenly_empty_takes_nothing_back(kirken: Kirken) -> None:
    first = poll()
    kirken.body = calendar()
    with pytest.raises(TransientError, match="suddenly empty"):
        poll({**first.state, "etag": ""})


def test_the_pause_that_the_calendar_asks_for(kirken: Kirken) -> None:
    kirken.body = calendar(CONCERT, lines="REFRESH-INTERVAL;VALUE=DURATION:PT4H")
    assert poll().min_interval_s == 4 * 3600


def test_a_status_in_words() -> None:
    with (
        http.use_transport(httpx.MockTransport(lambda _: httpx.Response(403))),
        pytest.raises(OpslagError, match="calendar"),
    ):
        poll()


NAMES = st.sampled_from(
    ["DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "UID", "STATUS", "SEQUENCE", "RECURRENCE-ID",
     "CATEGORIES", "DTSTART;VALUE=DATE", "DTSTART;TZID=Europe/Copenhagen", "X-ALT-DESC", "ATTACH;FMTTYPE=image/png",
     "URL", "BEGIN", "END"]
)  # fmt: skip
VALUES = st.sampled_from(
    ["20261205T190000", "20261205", "20261205T190000Z", "PT1H", "-P1D", "FREQ=DAILY;COUNT=9", "FREQ=YEARLY;BYDAY=5MO",
     "FREQ=MONTHLY;BYMONTHDAY=-31;BYSETPOS=9", "VEVENT", "VALARM", "CANCELLED", "9999999999", "99991231T235959Z"]
) | st.text(max_size=20)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=8), max_size=3))
def test_no_calendar_makes_it_raise_anything_else(events: list[list[tuple[str, str]]]) -> None:
    rows = ["\n".join(f"{name}:{value}" for name, value in event) for event in events]
    try:
        candidates = read(*rows)
    except PermanentError:
        return
    for candidate in candidates:
        assert candidate.event is not None
        assert candidate.event.ends_at is None or candidate.event.ends_at > candidate.event.starts_at
