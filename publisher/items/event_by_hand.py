"""An event's facts as a colleague puts them right. What its source says again and again does not undo that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.items.content import one_line
from publisher.items.events import PLACE_LENGTH, PRICE_LENGTH, put_facts
from publisher.items.identity import web_address
from publisher.items.recording import content_of, revise
from publisher.models import Item, User
from publisher.sources.event_times import FIRST_YEAR, LAST_YEAR
from publisher.vocabulary import EventStatus


@dataclass(frozen=True)
class Given:
    """What a colleague gives; times are aware, and without `starts_at` it is no event."""

    starts_at: datetime | None
    ends_at: datetime | None = None
    all_day: bool = False
    place: str = ""
    price: str = ""
    booking_url: str = ""
    status: str = EventStatus.SCHEDULED


def correct_event(item: Item, given: Given, by: User, *, revision: int) -> bool:
    """Put an event's facts right; false if they were so already.

    Raises InputError if the item has changed since its `revision` was read, the end is before the beginning, or the
    booking link is no web address.
    """
    _check(given)
    with transaction.atomic():
        stored = Item.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=item.pk)
        if stored.revision != revision:
            raise InputError(
                gettext_noop("The news item was changed meanwhile. Look at what it says now, then save again."),
                reason="changed_meanwhile",
            )
        before = content_of(stored)
        put_facts(
            stored,
            starts_at=given.starts_at,
            ends_at=given.ends_at,
            all_day=given.all_day,
            place=one_line(given.place)[:PLACE_LENGTH],
            price=one_line(given.price)[:PRICE_LENGTH],
            booking_url=web_address(given.booking_url),
            status=given.status,
            zone=stored.organisation.timezone,
        )
        changed = revise(stored, before, by)
        stored.save()
    return changed


def _check(given: Given) -> None:
    times = [at for at in (given.starts_at, given.ends_at) if at]
    if any(not FIRST_YEAR <= at.year <= LAST_YEAR for at in times):
        raise InputError(gettext_noop("That date is too far away."), reason="event_starts_at")
    if given.starts_at and given.ends_at and given.ends_at < given.starts_at:
        raise InputError(gettext_noop("The event cannot end before it begins."), reason="event_ends_at")
    if given.booking_url and not web_address(given.booking_url):
        raise InputError(
            gettext_noop("“%(url)s” is not a web address. It must begin with https:// or http://."),
            reason="event_booking_url",
            url=given.booking_url[:200],
        )
