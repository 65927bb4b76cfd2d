"""An event in words, in mails and posts: when and where, what it costs, the ways to a ticket and into a calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import icalendar
import pytest
import time_machine
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.compose.drafts import create_campaign
from publisher.compose.event_file import calendar_file
from publisher.compose.event_words import event_words, when_words
from publisher.compose.links import event_token, event_url, item_of_token
from publisher.compose.newsletter import render_html, render_text
from publisher.compose.post_text import News, made_of
from publisher.models import Account, Item, Message, Newsletter, Organisation
from publisher.sources.contract import Event
from publisher.vocabulary import EventStatus
from tests.compose.made_posts import text_of
from tests.events import concert

ZONE = "Europe/Copenhagen"
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
SIX, EIGHT, NEXT = (datetime(2026, 12, day, hour, tzinfo=UTC) for day, hour in ((5, 18), (5, 20), (6, 15)))


@pytest.mark.parametrize(
    ("start", "end", "all_day", "danish", "english"),
    [
        (SIX, None, False, "lørdag den 5. december kl. 19.00", "Saturday 5 December at 19:00"),
        (SIX, EIGHT, False, "lørdag den 5. december kl. 19.00–21.00", "Saturday 5 December at 19:00–21:00"),
        (
            SIX,
            NEXT,
            False,
            "lørdag den 5. december kl. 19.00 til søndag den 6. december kl. 16.00",
            "Saturday 5 December at 19:00 to Sunday 6 December at 16:00",
        ),
        (datetime(2026, 12, 4, 23, tzinfo=UTC), None, True, "lørdag den 5. december", "Saturday 5 December"),
        (
            datetime(2026, 12, 4, 23, tzinfo=UTC),
            datetime(2026, 12, 6, 23, tzinfo=UTC),
            True,
            "lørdag den 5. december til mandag den 7. december",
            "Saturday 5 December to Monday 7 December",
        ),
        (datetime(2027, 1, 2, 18, tzinfo=UTC), None, False, "lørdag den 2. januar 2027 kl. 19.00", ""),
    ],
)
def test_when(start: datetime, end: datetime | None, all_day: bool, danish: str, english: str) -> None:
    for language, words in (("da", danish), ("en", english)):
        with translation.override(language):
            found = when_words(start, end, all_day=all_day, zone=ZONE, year=2026)
            assert not words or found.replace(" to ", " til ") == words.replace(" to ", " til ")


def test_no_event_has_no_words() -> None:
    assert event_words({}, ZONE, 2026) is None
    assert event_words({"starts_at": "snart"}, ZONE, 2026) is None


@pytest.fixture
def julekoncert(secretariat: Organisation) -> Item:
    """A concert with everything."""
    event = Event(SIX, EIGHT, place="Kulturhuset", price="0", booking_url="https://billet.example.org/7?a=1&b=2")
    return concert(secretariat, event)


@pytest.mark.database
@pytest.mark.parametrize("leads", [True, False])
def test_in_a_mail(newsletter: Newsletter, julekoncert: Item, item: Item, leads: bool) -> None:
    items = [julekoncert, item] if leads else [item, julekoncert]
    with time_machine.travel(NOW):
        campaign = create_campaign(julekoncert.organisation, items, newsletter=newsletter)
        message = Message.objects.select_related("newsletter__organisation", "campaign").get(campaign=campaign)
        message.language = "en"
        html, text = render_html(message, places={}), render_text(message, places={})
    for words in (html, text):
        assert "Saturday 5 December at 19:00–21:00" in words
        assert "Kulturhuset" in words and "Price: Free" in words
        assert event_url(julekoncert.pk) in words
        assert words.count("to your calendar") == 1, "only the story of an event has one"
    assert "https://billet.example.org/7?a=1&amp;b=2" in html.replace("&#38;", "&amp;")
    assert "https://billet.example.org/7?a=1&b=2" in text


@pytest.mark.database
def test_in_a_post_where_there_is_room(practice_account: Account, julekoncert: Item) -> None:
    practice_account.language = "en"
    with time_machine.travel(NOW):
        text = text_of(julekoncert, practice_account)
    assert text.startswith("Julekoncert\n\nSaturday 5 December at 19:00–21:00, Kulturhuset\n\nKoret synger")
    julekoncert.event_status = EventStatus.CANCELLED
    with time_machine.travel(NOW):
        assert "\n\nCalled off: Saturday 5 December" in text_of(julekoncert, practice_account)
    julekoncert.title = "Jul " * 120
    assert "December" not in text_of(julekoncert, practice_account)


@pytest.mark.database
def test_a_correction_fits(practice_account: Account) -> None:
    links = ["https://kultur.example.org/jul"]
    long = News("Aflyst: " + "Jul " * 200, "Den er aflyst. " * 200, links, cuts_lead=True)
    text = made_of(long, practice_account, "Jul").text
    assert text.startswith("Aflyst: Jul") and len(text) <= 500
    short = News("Aflyst: Jul", "Den er aflyst.", links, cuts_lead=True)
    assert made_of(short, practice_account, "Jul").text == "Aflyst: Jul\n\nDen er aflyst."


def test_tokens() -> None:
    assert item_of_token(event_token(255)) == 255
    assert item_of_token(event_token(255).replace("ff-", "fe-")) is None
    for token in ("", "ff", "ff-", f"ff-{'0' * 20}", "0-x", f"{'f' * 40}-{'0' * 20}", "ff-æ"):
        assert item_of_token(token) is None


@given(st.text(max_size=40))
def test_no_token_makes_it_raise(token: str) -> None:
    assert item_of_token(token) is None


def read(content: bytes) -> icalendar.Event:
    (event,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert isinstance(event, icalendar.Event)
    return event


@pytest.mark.database
def test_the_file(julekoncert: Item) -> None:
    content = calendar_file(julekoncert)
    event = read(content)
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (f"event-{julekoncert.pk}@opslag.test", 0, "CONFIRMED")
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (SIX, EIGHT)
    assert b"DTSTART:20261205T180000Z\r\n" in content, "in UTC, so it needs no VTIMEZONE"
    assert str(event["LOCATION"]) == "Kulturhuset" and str(event["URL"]) == julekoncert.link
    assert "https://billet.example.org/7?a=1&b=2" in str(event["DESCRIPTION"])
    assert content.startswith(b"BEGIN:VCALENDAR\r\n") and b"PRODID:-//Opslag//" in content
    assert max(len(line) for line in content.split(b"\r\n")) <= 75


@pytest.mark.database
def test_the_file_of_what_changed(julekoncert: Item) -> None:
    julekoncert.revision, julekoncert.event_status = 4, EventStatus.CANCELLED
    event = read(calendar_file(julekoncert))
    assert (event["SEQUENCE"], event["STATUS"]) == (3, "CANCELLED")


@pytest.mark.database
def test_whole_days_end_the_day_after(secretariat: Organisation) -> None:
    days = (datetime(2026, 12, 5, tzinfo=UTC), datetime(2026, 12, 7, tzinfo=UTC))
    content = calendar_file(concert(secretariat, Event(*days, all_day=True)))
    assert b"DTSTART;VALUE=DATE:20261205\r\n" in content and b"DTEND;VALUE=DATE:20261208\r\n" in content


@pytest.mark.database
@settings(deadline=None, max_examples=40)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_words_survive_the_file(title: str, lead: str) -> None:
    organisation = Organisation(name="K", slug="k")
    item = Item(pk=1, organisation=organisation, title=f"Jul {title}", lead=lead, event_starts_at=SIX, updated_at=NOW)
    content = calendar_file(item)
    event = read(content)
    assert str(event["SUMMARY"]).startswith("Jul")
    assert content.count(b"BEGIN:") == 2
