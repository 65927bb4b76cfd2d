"""When an address is blocked: counted from what came back, never from what was our own or the content's fault.

Sources: RFC 3463 and practice (see docs/sending.md). What staff opened again starts from nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from publisher.audience.leave import suppress_key
from publisher.errors import Explanation
from publisher.models import Delivery, Event, Subscriber, deliveries_to
from publisher.vocabulary import BounceClass, DeliveryStatus, EventKind, SuppressionReason

# Domains vanish from the DNS for an hour and come back.
NO_ROUTE_TIMES, NO_ROUTE_APART = 2, timedelta(hours=24)
DISABLED_SENDS = 2
# Full mailboxes are emptied after holidays: so many different mails over so long a time, without one that got through.
SOFT_SENDS, SOFT_OVER = 4, timedelta(days=14)
# A mail that has not come back for so long has arrived (servers try for five days).
ARRIVED_AFTER = timedelta(days=6)
# An unsigned report could have been written by anybody: one alone proves nothing.
UNSIGNED_TIMES, UNSIGNED_APART = 2, timedelta(hours=24)

_FULL = gettext_noop("For over two weeks no mail could be put into the mailbox; it is probably full.")
# Where a server gives no reason, it gets the benefit of the doubt.
_SOFT = (BounceClass.SOFT, BounceClass.UNKNOWN)
_WORDS = {
    BounceClass.HARD: gettext_noop("The receiving server says that the address does not exist."),
    BounceClass.NO_ROUTE: gettext_noop("No server takes mail for the address's domain, tried on two days."),
    BounceClass.DISABLED: gettext_noop("The receiving server has said twice that the mailbox is closed."),
    BounceClass.SOFT: _FULL,
    BounceClass.UNKNOWN: gettext_noop("For over two weeks every mail to this address came back."),
}


def judge(event: Event) -> bool:
    """Block the recipient's address if this fact, with those before it, says so; true if it is blocked now."""
    if event.bounce not in _WORDS or event.delivery is None:
        return False
    person = event.delivery.subscriber
    if person is None or not _is_enough(BounceClass(event.bounce), person):
        return False
    words = Explanation(_WORDS[BounceClass(event.bounce)])
    suppress_key(person.organisation_id, person.address_key, SuppressionReason.BOUNCED, words)
    return True


def _is_enough(bounce: BounceClass, person: Subscriber) -> bool:
    came_back = _came_back(person)
    if bounce in _SOFT:
        return _is_soft_for_long(person, came_back)
    same = came_back.filter(bounce=bounce)
    if bounce == BounceClass.HARD and same.filter(is_certain=True).exists():
        return True
    times = list(same.values_list("at", flat=True))
    if bounce == BounceClass.DISABLED:
        sends = same.filter(is_certain=True).values("delivery_id").distinct().count()
        return sends >= DISABLED_SENDS
    if bounce == BounceClass.NO_ROUTE:
        return _apart(times, NO_ROUTE_TIMES, NO_ROUTE_APART)
    return _apart(times, UNSIGNED_TIMES, UNSIGNED_APART)


def _came_back(person: Subscriber) -> QuerySet[Event]:
    returns = (EventKind.BOUNCED, EventKind.REJECTED, EventKind.FAILED)
    events = Event.objects.filter(delivery__in=deliveries_to(person), kind__in=returns)
    return events.filter(delivery__first_started_at__gt=person.reopened_at) if person.reopened_at else events


def _apart(times: Iterable[datetime], number: int, apart: timedelta) -> bool:
    known = sorted(times)
    return len(known) >= number and known[-1] - known[0] >= apart


def _is_soft_for_long(person: Subscriber, came_back: QuerySet[Event]) -> bool:
    """Enough different mails, over long enough, and since the first of them none got through."""
    failures = dict[int, datetime]()
    for delivery_id, at in came_back.filter(bounce__in=_SOFT).order_by("-at").values_list("delivery_id", "at"):
        failures[delivery_id] = at
    arrived = _last_arrived(person, max(failures.values(), default=None))
    times = [at for at in failures.values() if arrived is None or at > arrived]
    return _apart(times, SOFT_SENDS, SOFT_OVER)


def _last_arrived(person: Subscriber, newest: datetime | None) -> datetime | None:
    if newest is None:
        return None
    clean = Delivery.objects.filter(
        subscriber=person, status=DeliveryStatus.SENT, bounced_at=None, sent_at__lt=newest - ARRIVED_AFTER
    )
    return clean.order_by("-sent_at").values_list("sent_at", flat=True).first()
