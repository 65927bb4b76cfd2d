"""Refusals in mid-conversation are facts about addresses, as bounces are: stored with the outcome, applied later."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from publisher.models import Delivery, Event
from publisher.transports.bounce_table import classify, status_in
from publisher.vocabulary import DeliveryStatus, EventKind, EventSource


class Refused(Protocol):
    """What of an outcome is needed here: whose, when, and the server's answer."""

    @property
    def delivery_id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def error(self) -> dict[str, Any]: ...


def note_refusals(claim_id: uuid.UUID, failed: Iterable[Refused]) -> None:
    """Store an event for each delivery that a server's answer ended and that took this outcome.

    In the outcome's transaction; told again by a journal, it stays one event.
    """
    events = {each.delivery_id: event for each in failed if (event := _event(each)) is not None}
    if not events:
        return
    took_it = Delivery.objects.filter(pk__in=events, claim_id=claim_id, status=DeliveryStatus.FAILED)
    Event.objects.bulk_create([events[pk] for pk in took_it.values_list("pk", flat=True)], ignore_conflicts=True)


def _event(failed: Refused) -> Event | None:
    said = failed.error.get("params", {})
    code, text = said.get("code", ""), said.get("detail", "")
    if not code:
        return None
    return Event(
        delivery_id=failed.delivery_id,
        source=EventSource.SMTP,
        event_id=f"{failed.delivery_id}@{failed.at.isoformat()}",
        kind=EventKind.REJECTED,
        bounce=classify(status_in(text), f"{code} {text}"),
        at=failed.at,
        # The words may quote the address; they stand on the delivery, where erasing a person finds them.
        detail={"code": code, "status": status_in(text)},
    )
