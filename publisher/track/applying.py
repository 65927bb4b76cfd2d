"""From facts to rows: timestamps, what was unclear, suppressions, unsubscribing; all in the caller's transaction.

What a set of facts makes of a delivery does not depend on their order: each timestamp is the earliest report, a proof
that it was handed over outweighs a return, and the figures move with the status.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from publisher.audience.leave import suppress_key, unsubscribe
from publisher.models import Delivery, Event, Subscriber, deliveries_to
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.track import addresses
from publisher.vocabulary import DeliveryStatus, EventKind, EventSource, Reason, SuppressionReason

# How long after a mail something may come back about it that names nothing but the address.
REMEMBERED = timedelta(days=30)

_RETURNS = frozenset({EventKind.BOUNCED, EventKind.REJECTED, EventKind.FAILED})
_PROOFS = frozenset({EventKind.SENT, EventKind.DELIVERED, EventKind.COMPLAINED})
_TIMES = {
    EventKind.DELIVERED: "delivered_at",
    EventKind.BOUNCED: "bounced_at",
    EventKind.REJECTED: "bounced_at",
    EventKind.FAILED: "bounced_at",
    EventKind.COMPLAINED: "complained_at",
    EventKind.UNSUBSCRIBED: "unsubscribed_at",
}


def apply(events: Sequence[Event]) -> set[int]:
    """Apply facts; those that name no delivery are first looked up by address, and may find none.

    Answers the messages about which something came back that the circuit breaker should know, once this is stored.
    """
    for event in events:
        if event.delivery_id is None and event.address_key:
            _find(event)
    # In the deliveries' order, so that two who do this at once wait for each other instead of deadlocking.
    found = sorted((event for event in events if event.delivery_id is not None), key=lambda e: (e.delivery_id, e.pk))
    # What a mail server said while we spoke to it is the delivery's own status already (see deliver.refusals).
    outside = [event for event in found if event.source != EventSource.SMTP]
    _stamp(event for event in outside if event.is_certain or event.kind in _RETURNS)
    _settle(event for event in outside if event.is_certain)
    _heed(found)
    returned = [event.delivery_id for event in found if event.delivery_id is not None and event.bounce]
    return set(Delivery.objects.filter(pk__in=returned).values_list("message_id", flat=True))


def _find(event: Event) -> None:
    """The last mail to that address before the fact."""
    since = event.at - REMEMBERED
    last = [
        found
        for person in Subscriber.objects.filter(address_key=event.address_key)
        for found in deliveries_to(person)
        .filter(first_started_at__lte=event.at, first_started_at__gt=since)
        .order_by("-first_started_at")
        .values_list("first_started_at", "pk")[:1]
    ]
    if last:
        event.delivery_id = max(last)[1]
        event.save(update_fields=["delivery_id"])


def _stamp(events: Iterable[Event]) -> None:
    earliest: dict[tuple[int, str], datetime] = {}
    for event in events:
        column = _TIMES.get(EventKind(event.kind))
        if column is not None and event.delivery_id is not None:
            key = event.delivery_id, column
            earliest[key] = min(event.at, earliest.get(key, event.at))
    for (pk, column), at in earliest.items():
        later = Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__gt": at})
        Delivery.objects.filter(later, pk=pk).update(**{column: at})


def _settle(events: Iterable[Event]) -> None:
    """Deliveries that were unclear: handed over if anything proves it, else failed if it came back."""
    kinds: dict[int, set[EventKind]] = defaultdict(set)
    for event in events:
        if event.delivery_id is not None:
            kinds[event.delivery_id].add(EventKind(event.kind))
    proved = {pk for pk, reported in kinds.items() if reported & _PROOFS}
    returned = {pk for pk, reported in kinds.items() if reported & _RETURNS}
    given_up = Q(status=DeliveryStatus.FAILED, reason=Reason.RETURNED)
    unclear = Q(status=DeliveryStatus.UNCERTAIN)
    _move(proved, unclear | given_up, DeliveryStatus.SENT)
    _move(returned - proved, unclear, DeliveryStatus.FAILED)


def _move(numbers: Iterable[int], only: Q, new: DeliveryStatus) -> None:
    rows = Delivery.objects.filter(only, pk__in=list(numbers)).order_by("pk").select_for_update(no_key=True)
    moved: dict[int, Counter[str]] = defaultdict(Counter)
    found = list(rows.values_list("pk", "message_id", "status"))
    for _pk, message_id, old in found:
        moved[message_id].update({new.value: 1})
        moved[message_id].subtract({old: 1})
    stored = Delivery.objects.filter(pk__in=[pk for pk, _message, _old in found])
    if new == DeliveryStatus.SENT:
        at = Coalesce(F("sent_at"), F("first_started_at"), F("delivered_at"), F("complained_at"))
        stored.update(status=new, reason="", last_error={}, sent_at=at)
    else:
        stored.update(status=new, reason=Reason.RETURNED)
    for message_id in sorted(moved):
        move_counts(message_id, COMMON_LANE, dict(moved[message_id]))


def _heed(events: Iterable[Event]) -> None:
    """What follows for people and addresses. Nobody is unsubscribed by what a stranger may have written."""
    for event in events:
        kind = EventKind(event.kind)
        if kind in (EventKind.COMPLAINED, EventKind.UNSUBSCRIBED) and event.is_certain:
            _let_go(event, kind)
        elif kind in _RETURNS:
            addresses.judge(event)


def _let_go(event: Event, kind: EventKind) -> None:
    delivery = event.delivery
    assert delivery is not None
    if delivery.subscription is not None:
        unsubscribe(delivery.subscription.token, source=str(kind))
    if kind == EventKind.COMPLAINED and delivery.subscriber is not None:
        person = delivery.subscriber
        suppress_key(person.organisation_id, person.address_key, SuppressionReason.COMPLAINED)
