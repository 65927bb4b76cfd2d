"""Freezing: the audience of a message becomes rows, set-based, and the rows are counted against the rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min
from django.utils.translation import gettext_noop

from publisher.audience import rule
from publisher.errors import TransientError
from publisher.models import Delivery, DeliveryCount, Message, Subscription
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.models.raw import db_values
from publisher.schedule.keeping import keep, overtaken
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus

# SQLite has one writer: a chunk is about a quarter of a second, then others get their turn.
SQLITE_CHUNK = 20_000
# The last transaction cannot renew its lease, so it gets so much more for each subscription: several times its need.
_FOR_EACH = timedelta(microseconds=100)

_INSERT = """
INSERT INTO publisher_delivery
    (message_id, subscriber_id, subscription_id, domain, status, reason, attempts, strikes, due_at, last_error)
SELECT %s, s.subscriber_id, s.id, p.domain,
       CASE WHEN x.reason IS NULL THEN 'pending' ELSE 'suppressed' END, COALESCE(x.reason, ''), 0, 0, %s, '{{}}'
FROM publisher_subscription s
JOIN publisher_subscriber p ON p.id = s.subscriber_id
LEFT JOIN publisher_suppression x ON x.organisation_id = p.organisation_id AND x.address_key = p.address_key
WHERE {condition} AND s.id BETWEEN %s AND %s
ON CONFLICT (message_id, subscriber_id) DO NOTHING
"""


def freeze(message: Message, at: datetime) -> None:
    """Insert a delivery for everyone whom the message is for at `at`, excluded ones as suppressed with the reason.

    Sets `frozen_at` and, counted from the audience rule in the same snapshot, `frozen_count`. May be repeated after
    a crash. Needs the claim on the message, and renews it. Raises TransientError where the two counts disagree (reason
    "counts_disagree"), or if the message moved on meanwhile.
    """
    condition = rule.matched(message, at)
    _begin_anew(message)
    for low, high in _chunks(message):
        _insert_chunk(message, condition, low, high)
    keep(message, longer=_FOR_EACH * Subscription.objects.filter(newsletter=message.newsletter).count())
    with transaction.atomic():
        one_snapshot()
        if connection.vendor == "sqlite":
            _take_out_others(message, condition)
        _insert(message, condition, *_whole(message))
        expected = rule.count(condition)
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


def _insert_chunk(message: Message, condition: rule.Condition, low: int, high: int) -> None:
    """Rows and figures together, and only while the message is ours: who cancels in between finds them in step."""
    with transaction.atomic(), connection.cursor() as cursor:
        keep(message)
        cursor.execute(*_insertion(message, condition, low, high, "RETURNING status"))
        move_counts(message.pk, COMMON_LANE, Counter(status for (status,) in cursor.fetchall()))


def _take_out_others(message: Message, condition: rule.Condition) -> None:
    """Who left, came back or chose otherwise between two chunks is judged again, together with all others."""
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
    _insert(message, joined, *_whole(message))
    _verify(message, message.frozen_count)
    Message.objects.filter(pk=message.pk).update(frozen_count=message.frozen_count)
    _recount(message)


def _insert(message: Message, condition: rule.Condition, low: int, high: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*_insertion(message, condition, low, high))


def _insertion(
    message: Message, condition: rule.Condition, low: int, high: int, ending: str = ""
) -> tuple[str, list[Any]]:
    values = [message.pk, message.scheduled_at, *condition.values, low, high]
    return _INSERT.format(condition=condition.sql) + ending, db_values(values)


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
