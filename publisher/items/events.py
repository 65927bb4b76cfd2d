"""Events: what a source said of one becomes columns of its item; when it is over; whether what was told still holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from publisher.items.content import one_line
from publisher.items.headline_status import status_in
from publisher.items.identity import web_address, without_tracking
from publisher.models import Item
from publisher.models.probe import Moment
from publisher.sources.contract import Event
from publisher.vocabulary import EventStatus

Facts = Mapping[str, Any]
PLACE_LENGTH, PRICE_LENGTH = 200, 120
# A change of these is one that people who were told must know of; a price or a link is put right without a word.
_TOLD = ("starts_at", "all_day", "place", "status")


def event_key(event: Event | None) -> str:
    """The hash of what a source says of an event, "" for none."""
    if event is None:
        return ""
    times = [at.astimezone(UTC).isoformat() if at else "" for at in (event.starts_at, event.ends_at)]
    said = [*times, event.all_day, event.floating, event.place, event.price, event.booking_url, event.status]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def put_event(item: Item, event: Event | None, zone: str, *, headline: str = "", earlier: str = "") -> None:
    """Put what a source says of an event on its item, which the caller saves; `zone` is its organisation's.

    What the source said last time already is not put again: staff may have put it right since. A source that says
    nothing of an event takes nothing away. `headline` is the source's now and `earlier` its last one: what it says of
    the event counts, unless the event itself says that it does not take place as announced.
    """
    said = _as_headed(event, headline)
    key = event_key(said)
    if said is None or key == item.event_key:
        if event is None or event.status == EventStatus.SCHEDULED:
            heed_headline(item, headline, earlier)
        return
    put_facts(
        item,
        starts_at=_instant(said.starts_at, said, zone),
        ends_at=_instant(said.ends_at, said, zone) if said.ends_at else None,
        all_day=said.all_day,
        place=one_line(said.place)[:PLACE_LENGTH],
        price=one_line(said.price)[:PRICE_LENGTH],
        booking_url=without_tracking(web_address(said.booking_url)),
        status=said.status if said.status in EventStatus.values else EventStatus.SCHEDULED,
        zone=zone,
    )
    item.event_key = key


def _as_headed(event: Event | None, headline: str) -> Event | None:
    """That it takes place is what programs write by themselves; “AFLYST: …” was written by a person."""
    if event is None or event.status != EventStatus.SCHEDULED:
        return event
    return replace(event, status=status_in(headline) or event.status)


def heed_headline(item: Item, headline: str, earlier: str) -> None:
    """Let an event that its headline now calls off, moves or puts off, and did not `earlier`, be so; or no longer.

    The caller saves the item. What a person said of the event since the headline was written stays.
    """
    now, before = status_in(headline), status_in(earlier)
    if item.event_starts_at is None or now == before or (now is None and item.event_status != before):
        return
    facts = facts_of(item)
    item.event_status = now or EventStatus.SCHEDULED
    _note_change(item, facts)


def put_facts(
    item: Item,
    *,
    starts_at: datetime | None,
    ends_at: datetime | None,
    all_day: bool,
    place: str,
    price: str,
    booking_url: str,
    status: str,
    zone: str,
) -> None:
    """Set an item's event columns; without `starts_at` it is no event. Notes a change that people must be told of."""
    before = facts_of(item)
    item.event_starts_at = starts_at
    item.event_ends_at = ends_at if starts_at and ends_at and ends_at > starts_at else None
    item.event_all_day, item.event_place, item.event_price = all_day, place, price
    item.event_booking_url, item.event_status = booking_url, status if starts_at else ""
    item.event_over_at = over_at(starts_at, item.event_ends_at, all_day=all_day, zone=zone) if starts_at else None
    _note_change(item, before)


def _note_change(item: Item, before: Facts) -> None:
    after = facts_of(item)
    if before and after and differs(before, after):
        item.event_changed_at = timezone.now()


def _instant(at: datetime, event: Event, zone: str) -> datetime:
    """A time as an instant: dates begin at midnight, and floating times are what clocks show, where `zone` is."""
    if event.all_day:
        return datetime.combine(at.date(), time(), ZoneInfo(zone)).astimezone(UTC)
    return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) if event.floating else at.astimezone(UTC)


def over_at(starts_at: datetime, ends_at: datetime | None, *, all_day: bool, zone: str) -> datetime:
    """When it is over: at its end; without one, or if it lasts whole days, when the (last) day ends in `zone`."""
    if ends_at is not None and not all_day:
        return ends_at
    last = (ends_at or starts_at).astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return datetime.combine(last, time(), ZoneInfo(zone)).astimezone(UTC)


def facts_of(item: Item) -> dict[str, Any]:
    """What an item says of its event, as JSON for blocks and revisions; empty if it is no event."""
    if item.event_starts_at is None:
        return {}
    return {
        "starts_at": item.event_starts_at.astimezone(UTC).isoformat(),
        "ends_at": item.event_ends_at.astimezone(UTC).isoformat() if item.event_ends_at else "",
        "over_at": item.event_over_at.astimezone(UTC).isoformat() if item.event_over_at else "",
        "all_day": item.event_all_day,
        "place": item.event_place,
        "price": item.event_price,
        "booking_url": item.event_booking_url,
        "status": item.event_status,
    }


def facts_in(content: Mapping[str, Any], zone: str) -> dict[str, Any]:
    """The same of what an item said once (`ItemRevision.content`), in an organisation whose clocks are `zone`'s."""
    starts_at, ends_at = (moment(content, name) for name in ("event_starts_at", "event_ends_at"))
    if starts_at is None:
        return {}
    all_day = bool(content.get("event_all_day"))
    return {
        "starts_at": starts_at.astimezone(UTC).isoformat(),
        "ends_at": ends_at.astimezone(UTC).isoformat() if ends_at else "",
        "over_at": over_at(starts_at, ends_at, all_day=all_day, zone=zone).isoformat(),
        "all_day": all_day,
        **{name: str(content.get(f"event_{name}") or "") for name in ("place", "price", "booking_url", "status")},
    }


def differs(told: Facts, now: Facts) -> bool:
    """Whether somebody who was told `told` must be told again: another day, time or place, or not at all."""
    return any(told.get(name) != now.get(name) for name in _TOLD)


def moment(facts: Facts, name: str) -> datetime | None:
    """One of the facts' times; None if there is none or nobody can read it."""
    try:
        at = datetime.fromisoformat(str(facts.get(name) or ""))
    except ValueError:
        return None
    return at if at.utcoffset() is not None else None


def ends_between(facts: Facts, after: datetime, until: datetime) -> bool:
    """Whether the event was still ahead at `after` and is over at `until`. One that was over then already is no news
    to whoever chose it: they write of what has been."""
    over = moment(facts, "over_at")
    return over is not None and after < over <= until


def still_ahead(now: Moment) -> Q:
    """For a filter over items: no event, or one that is not over."""
    return Q(event_over_at__isnull=True) | Q(event_over_at__gt=now)


def is_over(item: Item, now: datetime | None = None) -> bool:
    """Whether an item is an event that is over."""
    return item.event_over_at is not None and item.event_over_at <= (now or timezone.now())
