"""Facts that come back from outside: stored at once, applied to the ledger a moment later.

`keep` is what a webhook or the mailbox calls before it answers. The tick has a worker call `apply_waiting`.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.audience.addresses import address_key
from publisher.errors import Explanation, InputError
from publisher.models import Delivery, Event, being_sent
from publisher.models.ledger import TRIES_TOLD
from publisher.models.probe import Moment
from publisher.track import breaker
from publisher.track.applying import apply
from publisher.vocabulary import BounceClass, EventKind, NoticeKind

log = logging.getLogger(__name__)

# In one transaction: a soft bounce takes some 14 ms on PostgreSQL, and a batch should end in about a second.
BATCH = 100
# No batch is begun after so long, so that other work of the worker gets its turn.
LONGEST_S = 1.0
# Minutes until the next try of what cannot be applied; after the last of them once a day: a complaint must not be lost,
# and a later version may understand it.
BACK_OFF_MINUTES = (1, 5, 15, 60, 240, 1440)
_DETAIL_LENGTH = 200
_OUR_MESSAGE_ID = re.compile(r"<?d(\d{1,18})\.([0-9a-f]{32})@", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")


@dataclass(frozen=True)
class Fact:
    """What somebody outside says became of a mail. It is found by the first of the three that is given and known:
    `delivery_id`; `message_id`, the Message-ID header we gave it; `recipient`, the address, of which only the keyed
    hash is stored (it stands for the last mail to that address).

    `source` and `event_id` together name the fact, so that it counts once however often it is reported; `at` is aware.
    `bounce` says for rejected, failed and bounced whose move it is (None: not known). `detail` holds short texts for
    staff, e.g. code, status, text; addresses in them are blotted out. `is_certain`: it is signed, or holds what only
    our mail could tell.
    """

    source: str
    event_id: str
    kind: EventKind
    at: datetime
    delivery_id: int | None = None
    message_id: str = ""
    recipient: str = ""
    bounce: BounceClass | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    is_certain: bool = True


def keep(facts: Iterable[Fact]) -> int:
    """Store facts in one transaction, each once; answers how many are new. Applies nothing, so it is quick."""
    given = {(fact.source, fact.event_id): fact for fact in facts}
    with transaction.atomic():
        # Both columns, in the order of the index: the table holds every report of many months.
        sources, event_ids = {source for source, _id in given}, [event_id for _source, event_id in given]
        stored = Event.objects.filter(source__in=sources, event_id__in=event_ids)
        for key in stored.values_list("source", "event_id"):
            given.pop(key, None)
        deliveries = _deliveries_of(given.values())
        rows = [_row(fact, deliveries.get(key)) for key, fact in given.items()]
        # Who stores the same at the same moment has stored it.
        Event.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def delivery_of_message_id(message_id: str) -> tuple[int, uuid.UUID] | None:
    """The delivery and the message's public id that a Message-ID of ours names (see compose.compiled); None if not."""
    found = _OUR_MESSAGE_ID.search(message_id)
    return (int(found[1]), uuid.UUID(found[2])) if found else None


def without_addresses(text: str) -> str:
    """A server's words as one short line in which every mail address is blotted out."""
    shown = "".join(character if character.isprintable() else " " for character in text[:2000])
    return _ADDRESS.sub("…", " ".join(shown.split()))[:_DETAIL_LENGTH]


def _deliveries_of(facts: Iterable[Fact]) -> dict[tuple[str, str], int]:
    """The deliveries that exist, by the facts' source and event id."""
    named: dict[tuple[str, str], tuple[int, uuid.UUID | None]] = {}
    for fact in facts:
        if fact.delivery_id is not None:
            named[fact.source, fact.event_id] = fact.delivery_id, None
        elif parsed := delivery_of_message_id(fact.message_id):
            named[fact.source, fact.event_id] = parsed
    known = dict(
        Delivery.objects.filter(pk__in={pk for pk, _ in named.values()}).values_list("pk", "message__public_id")
    )
    return {key: pk for key, (pk, public) in named.items() if pk in known and public in (None, known[pk])}


def _row(fact: Fact, delivery_id: int | None) -> Event:
    return Event(
        source=fact.source,
        event_id=fact.event_id,
        kind=fact.kind,
        bounce=fact.bounce or "",
        at=fact.at,
        delivery_id=delivery_id,
        address_key=_key_of(fact.recipient),
        is_certain=fact.is_certain,
        detail={str(name): without_addresses(str(value)) for name, value in fact.detail.items()},
    )


def _key_of(recipient: str) -> str:
    if not recipient:
        return ""
    try:
        return address_key(recipient)
    except InputError:
        return ""


def not_applied(now: Moment) -> QuerySet[Event]:
    """Stored facts that should be applied now, also those that wait for a delivery's outcome."""
    return Event.objects.filter(Q(due_at=None) | Q(due_at__lte=now), applied_at=None)


def anything_waits(now: datetime) -> bool:
    """Whether any fact is `not_applied`."""
    return not_applied(now).exists()


def apply_waiting(now: datetime) -> int:
    """Apply stored facts to deliveries, figures, suppressions and subscriptions; answers how many it looked at.

    For about two seconds, in batches that are stored one by one. In any order, twice, late or by two at once, the rows
    come out the same. Facts about a delivery that is being handed over at this moment wait for its outcome.
    """
    ends_s = time.monotonic() + LONGEST_S
    applied = 0
    while True:
        number, messages = _apply_batch(now)
        applied += number
        # Not while we hold deliveries: people's decisions lock the message first, and its deliveries then.
        breaker.look_at(messages, now)
        if number < BATCH or time.monotonic() > ends_s:
            return applied


def _apply_batch(now: datetime) -> tuple[int, set[int]]:
    """How many facts were looked at, and the messages of which the circuit breaker should know."""
    try:
        with transaction.atomic():
            events = _waiting(now)
            messages = apply(events)
            _done(events, now)
            return len(events), messages
    except OperationalError:
        raise
    except Exception:
        log.exception("facts that came back cannot be applied together; each is tried alone")
    return _apply_one_by_one(now)


def _apply_one_by_one(now: datetime) -> tuple[int, set[int]]:
    """One fact that cannot be applied must not keep all others waiting; it is tried again later."""
    messages: set[int] = set()
    applied = []
    with transaction.atomic():
        events = _waiting(now)
        for event in events:
            try:
                with transaction.atomic():
                    messages |= apply([event])
            except OperationalError:
                raise
            except Exception:
                log.exception("event %d cannot be applied and is tried again", event.pk)
                _later(event, now)
            else:
                applied.append(event)
        _done(applied, now)
    return len(events), messages


def _later(event: Event, now: datetime) -> None:
    pause = timedelta(minutes=BACK_OFF_MINUTES[min(event.attempts, len(BACK_OFF_MINUTES) - 1)])
    attempts = min(event.attempts + 1, 30_000)
    Event.objects.filter(pk=event.pk).update(attempts=attempts, due_at=now + pause)
    if attempts == TRIES_TOLD:
        _tell(event)


def _tell(event: Event) -> None:
    # As it is stored: what was set on the object before the error is not.
    delivery = Delivery.objects.filter(events=event.pk).select_related("message__campaign__organisation").first()
    if delivery is None:
        return
    campaign = delivery.message.campaign
    words = gettext_noop(
        "A report on this mail (%(kind)s) cannot be applied. It is kept and tried again each day; have those who "
        "run Opslag look at the log of its workers. If it is a complaint, the person still gets the newsletter."
    )
    told = Explanation(words, {"kind": str(event.kind)})
    notify_approvers(campaign.organisation, NoticeKind.ALERT, campaign, told)


def _waiting(now: datetime) -> list[Event]:
    people = ("delivery__subscriber", "delivery__subscription")
    waiting = not_applied(now).exclude(being_sent(path="delivery__"))
    waiting = waiting.select_related(*people).order_by("id")
    locked = waiting.select_for_update(skip_locked=True, of=("self",)) if connection.vendor == "postgresql" else waiting
    return list(locked[:BATCH])


def _done(events: list[Event], now: datetime) -> None:
    Event.objects.filter(pk__in=[event.pk for event in events]).update(applied_at=now)
