"""From schema.org's Event, as websites write it into their pages (JSON-LD), to our Event.

What the words mean: https://schema.org/Event, and https://developers.google.com/search/docs/appearance/structured-data/event
for how they are really used. Nothing here trusts a type: any value may be a text, a list, an object or missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from publisher.sources.contract import Event
from publisher.sources.event_times import FREE, PLACE_CHARACTERS, When, event_from, read_time
from publisher.sources.feed_markup import plain_text, web_address
from publisher.vocabulary import EventStatus

_Thing = Mapping[str, Any]
MAX_THINGS = 2_000
MAX_EVENTS = 200
MOST_EXPENSIVE = 10_000_000
ONLINE = "Online"
_OTHER_TYPES = frozenset({"Festival", "Hackathon", "EventSeries", "CourseInstance"})
_NO_EVENTS = frozenset({"DeliveryEvent", "PublicationEvent", "BroadcastEvent"})
_STATUSES = {
    "EventCancelled": EventStatus.CANCELLED,
    "EventPostponed": EventStatus.POSTPONED,
    "EventRescheduled": EventStatus.MOVED,
    "EventMovedOnline": EventStatus.MOVED,
}
_FREE_WORDS = frozenset({"gratis", "free", "fri entré", "fri entre", "fri adgang", "gratis adgang"})
_SIGNS = {"DKK": "kr.", "KR": "kr.", "EUR": "€", "GBP": "£"}


def event_of_page(document: object, page_url: str) -> Event | None:
    """The event that a page is about, out of its JSON-LD (one document, or a list of all); None if there is none.

    Several of one name are its performances: they give one event, from the first to the last. A page with events of
    several names is a calendar, unless one of them says that this is its page.
    """
    found = [(thing, event) for thing in _events_in(document) if (event := event_of(thing, page_url)) is not None]
    own = [each for each in found if _is_page_of(each[0], page_url)] or found
    if len({_text(thing.get("name")).casefold() for thing, _event in own}) != 1:
        return None
    return _together([event for _thing, event in own])


def event_of(thing: _Thing, base: str = "") -> Event | None:
    """One schema.org Event (a MusicEvent, Festival … too) as ours; relative links start at `base`.

    None if it is something else or says no day on which it begins.
    """
    if not _is_event(thing):
        return None
    return event_from(
        _time(thing.get("startDate")),
        _time(thing.get("endDate")),
        place=_place(thing),
        price=_price(thing),
        booking_url=_booking_url(thing, base),
        base=base,
        status=_status(thing.get("eventStatus")),
    )


def _is_event(thing: _Thing) -> bool:
    types = [_word(one) for one in _listed(thing.get("@type"))]
    return any((name.endswith("Event") and name not in _NO_EVENTS) or name in _OTHER_TYPES for name in types)


def _word(value: object) -> str:
    """The name at the end of “https://schema.org/MusicEvent”, “schema:MusicEvent” or “MusicEvent”."""
    return _text(value).rstrip("/").rpartition("/")[2].rpartition(":")[2].rpartition("#")[2]


def _events_in(document: object) -> Iterator[_Thing]:
    """All events of a document, in reading order; without recursion, and only so many of what it holds."""
    waiting, looked_at, found = [document], 0, 0
    while waiting and looked_at < MAX_THINGS and found < MAX_EVENTS:
        thing = waiting.pop()
        looked_at += 1
        if isinstance(thing, list):
            waiting.extend(reversed(thing))
        elif isinstance(thing, Mapping):
            inner = [
                thing.get(name) for name in ("@graph", "mainEntity", "about", "subEvent", "itemListElement", "item")
            ]
            if _is_event(thing) and thing.get("startDate"):
                found += 1
                yield thing
            else:
                waiting.extend(reversed([each for each in inner if each]))


def _is_page_of(thing: _Thing, page_url: str) -> bool:
    names = [_text(thing.get(name)) for name in ("url", "@id", "mainEntityOfPage")]
    return any(_bare(web_address(name, page_url)) == _bare(page_url) for name in names if name)


def _bare(url: str) -> str:
    return url.partition("#")[0].partition("://")[2].rstrip("/")


def _together(events: list[Event]) -> Event:
    """One event from the first to the last of its performances."""
    on = [event for event in events if event.status != EventStatus.CANCELLED] or events
    alike = [event for event in on if event.floating == on[0].floating and event.all_day == on[0].all_day]
    first = min(alike, key=lambda event: event.starts_at)
    last = max(event.ends_at or event.starts_at for event in alike)
    return replace(first, ends_at=last if last > first.starts_at else None)


def _time(value: object) -> When | None:
    for one in _listed(value):
        when = read_time(_text(one))
        if when is not None:
            return when
    return None


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value[:MAX_EVENTS] if isinstance(value, list) else [value]


def _text(value: object) -> str:
    """A text, a number, or the text of {"@value": …}, {"@id": …} and {"name": …}; the first one of a list."""
    for _depth in range(4):
        if isinstance(value, list):
            value = value[0] if value else ""
        elif isinstance(value, Mapping):
            value = next((value[name] for name in ("@value", "name", "@id", "url") if value.get(name)), "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _place(thing: _Thing) -> str:
    places: dict[str, None] = {}
    for location in _listed(thing.get("location")):
        if words := _place_words(location):
            places[words] = None
    if not places and _word(thing.get("eventAttendanceMode")) == "OnlineEventAttendanceMode":
        return ONLINE
    return "; ".join(places)


def _place_words(location: object) -> str:
    if not isinstance(location, Mapping):
        words = plain_text(_text(location))
        return ONLINE if web_address(words, "") else words
    name = plain_text(_text(location.get("name")))
    if _word(location.get("@type")) == "VirtualLocation":
        return ONLINE if not name or web_address(name, "") else name
    address = _address(location.get("address"))
    if not name or not address:
        return name or address
    return address if name.casefold() in address.casefold() else f"{name}, {address}"


def _address(address: object) -> str:
    """Street and town, as a reader needs them to find the way."""
    address = address[0] if isinstance(address, list) and address else address
    if not isinstance(address, Mapping):
        return plain_text(_text(address))
    parts = {name: plain_text(_text(address.get(name))) for name in ("streetAddress", "postalCode", "addressLocality")}
    town = f"{parts['postalCode']} {parts['addressLocality']}".strip()
    words = [each for each in (parts["streetAddress"], town) if each]
    return ", ".join(words)[:PLACE_CHARACTERS] or plain_text(_text(address.get("name")))


def _offers(thing: _Thing) -> list[_Thing]:
    return [offer for offer in _listed(thing.get("offers")) if isinstance(offer, Mapping)]


def _price(thing: _Thing) -> str:
    """From the lowest to the highest price; FREE where nothing is to be paid; as written where it is no number."""
    prices: list[Decimal] = []
    currency = ""
    for offer in _offers(thing):
        for stated in (offer, *_listed(offer.get("priceSpecification"))):
            if not isinstance(stated, Mapping):
                continue
            currency = currency or _text(stated.get("priceCurrency")).upper()[:3]
            for name in ("price", "lowPrice", "highPrice", "minPrice", "maxPrice"):
                if (written := _text(stated.get(name))) and (amount := _amount(written)) is not None:
                    prices.append(amount)
                elif written:
                    return FREE if written.casefold() in _FREE_WORDS else written
    if not prices:
        return FREE if _is_free(thing) else ""
    return _range(min(prices), max(prices), currency)


def _is_free(thing: _Thing) -> bool:
    value = thing.get("isAccessibleForFree")
    return value is True or _word(value).casefold() in {"true", "yes"}


def _amount(written: str) -> Decimal | None:
    """“150”, “150.00”, “149,50”, “1.250,00” and “1,250.00” as a number; three digits behind a mark are thousands."""
    plain = "".join(written.split())
    whole, mark, behind = plain.rpartition("," if plain.rfind(",") > plain.rfind(".") else ".")
    if mark and len(behind) != 3:
        plain = f"{whole.replace(',', '').replace('.', '')}.{behind}"
    elif mark:
        plain = plain.replace(",", "").replace(".", "")
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < MOST_EXPENSIVE else None


def _range(low: Decimal, high: Decimal, currency: str) -> str:
    if not high:
        return FREE
    sign = _SIGNS.get(currency, currency)
    amounts = _number(low) if low == high else f"{_number(low)}–{_number(high)}"
    return f"{amounts} {sign}".strip()


def _number(amount: Decimal) -> str:
    """Without decimals where there are none. Prices in kroner are most of what we meet, so the comma is theirs."""
    return f"{amount:.0f}" if amount == amount.to_integral_value() else f"{amount:.2f}".replace(".", ",")


def _booking_url(thing: _Thing, base: str) -> str:
    for offer in _offers(thing):
        url = _text(offer.get("url"))
        if url and _bare(web_address(url, base)) != _bare(base):
            return url
    return ""


def _status(value: object) -> str:
    for one in _listed(value):
        if status := _STATUSES.get(_word(one)):
            return status
    return EventStatus.SCHEDULED
