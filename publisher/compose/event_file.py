"""An event as a file for a calendar (iCalendar, RFC 5545): the same for everyone, with what we know of it now.

Times are in UTC, which every calendar shows on its own clock; whole days are dates. The same event keeps its UID, and a
higher SEQUENCE tells a calendar that has it already to put it right.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from publisher import __version__
from publisher.compose.event_words import EventWords, event_words
from publisher.compose.links import item_of_token
from publisher.compose.values import many_lines, one_line
from publisher.items.content import excerpt
from publisher.items.events import facts_of
from publisher.models import Item
from publisher.vocabulary import EventStatus

MEDIA_TYPE = "text/calendar; charset=utf-8"
LONGEST_LEAD = 600
# RFC 5545 §3.8.1.11 knows no word for what was put off without a new day.
_STATUSES = {EventStatus.CANCELLED: "CANCELLED", EventStatus.POSTPONED: "TENTATIVE"}


def public_event(token: str) -> Item | None:
    """The event that a public address names; None if there is none (any more)."""
    item_id = item_of_token(token)
    if item_id is None:
        return None
    found = Item.objects.filter(pk=item_id, event_starts_at__isnull=False, withdrawn_at=None)
    return found.select_related("organisation").first()


def calendar_file(item: Item) -> bytes:
    """The file, folded and escaped as RFC 5545 wants it."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", f"-//Opslag//Opslag {__version__}//{item.organisation.language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(_event(item))
    return bytes(calendar.to_ical())


def _event(item: Item) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"event-{item.pk}@{settings.OPSLAG_MAIL_DOMAIN}")
    event.add("sequence", item.revision - 1)
    # With METHOD, DTSTAMP is when this very state of it was written (RFC 5545 §3.8.7.2).
    event.add("dtstamp", item.updated_at.astimezone(UTC))
    event.add("last-modified", item.updated_at.astimezone(UTC))
    _add_times(event, item)
    language = item.language or item.organisation.language
    event.add("summary", one_line(item.title), parameters={"LANGUAGE": language})
    if item.event_place:
        event.add("location", one_line(item.event_place))
    event.add("description", _description(item))
    if item.link:
        event.add("url", item.link)
    event.add("status", _STATUSES.get(EventStatus(item.event_status or EventStatus.SCHEDULED), "CONFIRMED"))
    return event


def _add_times(event: icalendar.Event, item: Item) -> None:
    starts_at, ends_at = item.event_starts_at, item.event_ends_at
    assert starts_at is not None, "only an event has a file"
    if not item.event_all_day:
        event.add("dtstart", starts_at.astimezone(UTC))
        if ends_at:
            event.add("dtend", ends_at.astimezone(UTC))
        return
    zone = item.organisation.timezone
    event.add("dtstart", _day(starts_at, zone))
    # The day after the last one (RFC 5545 §3.6.1).
    event.add("dtend", _day(ends_at or starts_at, zone) + timedelta(days=1))


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _description(item: Item) -> str:
    """What it is, what it costs, where to book and to read more: not all calendars show an event's own link."""
    organisation = item.organisation
    with translation.override(organisation.language):
        words = event_words(facts_of(item), organisation.timezone, timezone.now().year)
        lines = [excerpt(one_line(item.lead), LONGEST_LEAD), *(_practical(words) if words else ()), item.link]
    return many_lines("\n\n".join(line for line in lines if line))


def _practical(words: EventWords) -> list[str]:
    price = _("Price: %(price)s") % {"price": words.price} if words.price else ""
    booking = _("Tickets: %(url)s") % {"url": words.booking_url} if words.booking_url else ""
    return [words.status, price, booking]
