"""Freezing: the audience of a message becomes rows, set-based, and the rows are counted against the rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min
from django.utils.translation import gettext_noop

from publisher.audience import rule
from publisher.audience.aims import Aims, aims_of
from publisher.errors import TransientError
from publisher.models import Delivery, DeliveryCount, Message, Subscription
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.models.raw import db_values
from publisher.schedule.keeping import keep, overtaken
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus, Reason

# SQLite has one writer: a chunk is about a quarter of a second, then others get their turn.
SQLITE_CHUNK = 20_000
# The last transaction cannot renew its lease, so it gets so much more for each subscription: several times its need.
_FOR_EACH = timedelta(microseconds=100)

_INSERT = """
INSERT INTO publisher_delivery
    (message_id, subscriber_id, subscription_id, domain, status, reason, attempts, strikes, due_at, last_error, choices)
WITH q AS {materialized} (
    SELECT s.subscriber_id, s.id, p.domain, x.reason AS blocked, {choices} AS choices
    FROM publisher_subscription s
    JOIN publisher_subscriber p ON p.id = s.subscriber_id
    LEFT JOIN publisher_suppression x ON x.organisation_id = p.organisation_id AND x.address_key = p.address_key
    WHERE {condition} AND s.id BETWEEN %s AND %s
)
SELECT %s, q.subscriber_id, q.id, q.domain,
       CASE WHEN q.blocked IS NULL AND {told} THEN 'pending' ELSE 'suppressed' END,
       CASE WHEN q.blocked IS NOT NULL THEN q.blocked WHEN {told} THEN '' ELSE '{untold}' END,
       0, 0, %s, '{{}}', q.choices
FROM q WHERE TRUE
"""
_UNLESS_THERE = "ON CONFLICT (message_id, subscriber_id) DO NOTHING"


@dataclass(frozen=True)
class _Audience:
    """Whom to insert, and what the bits of their choices mean."""

    message: Message
    condition: rule.Condition
    aims: Aims

    def insertion(self, low: int, high: int, ending: str) -> tuple[str, list[Any]]:
        """The statement for subscriptions with these ids (both included), and its values."""
        statement = _INSERT.format(
            condition=self.condition.sql,
            choices=rule.choices(self.aims),
            told=rule.sees_a_story(self.aims, "q.choices"),
            untold=Reason.NOTHING_FOR_THEM.value,
            # Reckoned once a row; where nothing is aimed, there is nothing to reckon.
            materialized="MATERIALIZED" if self.aims.bits else "NOT MATERIALIZED",
        )
        values = [*self.condition.values, low, high, self.message.pk, self.message.scheduled_at]
        return statement + ending, db_values(values)


def freeze(message: Message, at: datetime) -> None:
    """Insert a delivery for everyone whom the message is for at `at`, excluded ones as suppressed with the reason.

    Excluded is a blocked address, and whoever would see no story. Each delivery stores the bits of its subscriber's
    choices, which say what of the mail they see.
    Sets `frozen_at` and, counted from the audience rule in the same snapshot, `frozen_count`. May be repeated after
    a crash. Needs the claim on the message, and renews it. Raises TransientError where the two counts disagree (reason
    "counts_disagree"), or if the message moved on meanwhile.
    """
    audience = _Audience(message, rule.matched(message, at), aims_of(message))
    _begin_anew(message)
    for low, high in _chunks(message):
        _insert_chunk(audience, low, high)
    keep(message, longer=_FOR_EACH * Subscription.objects.filter(newsletter=message.newsletter).count())
    with transaction.atomic():
        one_snapshot()
        if connection.vendor == "sqlite":
            _take_out_others(audience)
            _insert(audience, _UNLESS_THERE)
        else:
            # Nothing is there yet, and to ask at each row costs a quarter of the freeze.
            _insert(audience, "")
        expected = rule.count(audience.condition)
        _verify(message, expected)
        still_ours = Message.objects.filter(
            pk=message.pk, status=MessageStatus.SCHEDULED, claim_id=message.claim_id
        ).update(frozen_at=at, frozen_count=expected)
        if not still_ours:
            raise overtaken()
        _recount(message)
    message.frozen_at, message.frozen_count = at, expected
    _analyse()


def _begin_anew(message: Message) -> None:
    """A freeze that was cut short, or one undone, may have left rows; nothing of them is claimed."""
    with transaction.atomic():
        keep(message)
        with connection.cursor() as cursor:
            # Django's own delete would read every row of a big audience first.
            cursor.execute("DELETE FROM publisher_delivery WHERE message_id = %s", [message.pk])
        DeliveryCount.objects.filter(message=message).delete()


def _insert_chunk(audience: _Audience, low: int, high: int) -> None:
    """Rows and figures together, and only while the message is ours: who cancels in between finds them in step."""
    message = audience.message
    with transaction.atomic(), connection.cursor() as cursor:
        keep(message)
        cursor.execute(*audience.insertion(low, high, f"{_UNLESS_THERE} RETURNING status"))
        move_counts(message.pk, COMMON_LANE, Counter(status for (status,) in cursor.fetchall()))


def _take_out_others(audience: _Audience) -> None:
    """Who left or came back between two chunks is judged again, together with all others.

    Whoever chose otherwise in these seconds gets one of the two editions, and is counted as such.
    """
    message, condition = audience.message, audience.condition
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM publisher_delivery WHERE message_id = %s AND NOT EXISTS "
            f"(SELECT 1 FROM publisher_subscription s WHERE s.id = subscription_id AND {condition.sql})",
            db_values([message.pk, *condition.values]),
        )


def add_difference(message: Message, at: datetime) -> None:
    """At the due instant: add who joined since the freeze.

    Must run inside the transaction that starts the message, opened by `one_snapshot`.

    Raises TransientError where rows and rule disagree.
    """
    assert message.frozen_at is not None and message.frozen_count is not None
    joined = rule.joined_since(message, message.frozen_at, at)
    # Counted before it is inserted: afterwards nobody is without a delivery.
    message.frozen_count += rule.count(joined)
    _insert(_Audience(message, joined, aims_of(message)), _UNLESS_THERE)
    _verify(message, message.frozen_count)
    Message.objects.filter(pk=message.pk).update(frozen_count=message.frozen_count)
    _recount(message)


def _insert(audience: _Audience, ending: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*audience.insertion(*_whole(audience.message), ending))


def _whole(message: Message) -> tuple[int, int]:
    found = Subscription.objects.filter(newsletter=message.newsletter).aggregate(low=Min("id"), high=Max("id"))
    return found["low"] or 0, found["high"] or 0


def _chunks(message: Message) -> Iterator[tuple[int, int]]:
    if connection.vendor != "sqlite":
        return
    low, high = _whole(message)
    for start in range(low, high + 1, SQLITE_CHUNK):
        yield start, min(start + SQLITE_CHUNK - 1, high)


def one_snapshot() -> None:
    """PostgreSQL: every statement of this transaction sees the same rows. SQLite's transactions always do."""
    if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _verify(message: Message, expected: int) -> None:
    found = Delivery.objects.filter(message=message).count()
    if found != expected:
        raise TransientError(
            gettext_noop("The audience was counted as %(expected)s but %(found)s deliveries were made."),
            reason=HoldReason.COUNTS_DISAGREE,
            expected=expected,
            found=found,
        )


def _recount(message: Message) -> None:
    """Nothing of the message is claimed yet: its counters are set to what the rows say."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM publisher_deliverycount WHERE message_id = %s", [message.pk])
        cursor.execute(
            "SELECT status, COUNT(*) FROM publisher_delivery WHERE message_id = %s GROUP BY status", [message.pk]
        )
        move_counts(message.pk, COMMON_LANE, {DeliveryStatus(status): number for status, number in cursor.fetchall()})


def _analyse() -> None:
    # Without fresh statistics the claim's plan was seen to cost several times as much (facts: performance §5).
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA analysis_limit = 1000")
        cursor.execute("ANALYZE publisher_delivery")
