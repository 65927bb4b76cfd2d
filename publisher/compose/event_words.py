"""An event in words for readers: when, where, what it costs, whether it takes place; in the language that is active."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from publisher.compose.dates import written
from publisher.compose.values import is_web_address, one_line
from publisher.items.events import Facts, moment
from publisher.sources.event_times import FREE
from publisher.vocabulary import EventStatus

# It does not take place when it was to.
NOT_ON = (EventStatus.CANCELLED, EventStatus.POSTPONED)
_SAID = (*NOT_ON, EventStatus.MOVED)


@dataclass(frozen=True)
class EventWords:
    """What a reader is told. `status` is "" where it takes place as it says here; links are "" where there is none."""

    when: str
    place: str
    price: str
    status: str
    booking_url: str = ""
    calendar_url: str = ""

    @property
    def line(self) -> str:
        """In one line: “torsdag den 26. november kl. 19.00, Kulturhuset”."""
        return ", ".join(part for part in (self.when, self.place) if part)


def event_words(facts: Facts, zone: str, year: int) -> EventWords | None:
    """The words for `facts` (`items.events.facts_of`), in the clocks of `zone`; None if they are of no event.

    `year` is the one that readers take for granted, so that it is not said.
    """
    starts_at = moment(facts, "starts_at")
    if starts_at is None:
        return None
    status = str(facts.get("status") or "")
    booking = one_line(str(facts.get("booking_url") or ""))
    return EventWords(
        when=when_words(starts_at, moment(facts, "ends_at"), all_day=bool(facts.get("all_day")), zone=zone, year=year),
        place=one_line(str(facts.get("place") or "")),
        price=price_words(one_line(str(facts.get("price") or ""))),
        status=str(EventStatus(status).label) if status in _SAID else "",
        booking_url=booking if is_web_address(booking) else "",
    )


def price_words(price: str) -> str:
    """The price as it is said: “Gratis” where it is nothing."""
    return pgettext("price", "Free") if price == FREE else price


def when_words(starts_at: datetime, ends_at: datetime | None, *, all_day: bool, zone: str, year: int) -> str:
    """“torsdag den 26. november kl. 19.00–21.00”; over several days from the first to the last."""
    begins = starts_at.astimezone(ZoneInfo(zone))
    ends = ends_at.astimezone(ZoneInfo(zone)) if ends_at else None
    style = "day_long" if all_day else "long"
    first = written(begins, style, year)
    if ends is None or ends <= begins:
        return first
    if ends.date() != begins.date():
        return _("%(first)s to %(last)s") % {"first": first, "last": written(ends, style, year)}
    return first if all_day else f"{first}–{written(ends, 'time', year)}"
