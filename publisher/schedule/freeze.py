"""Freezing: the audience of a message becomes rows, set-based, and the rows are counted against the rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, Min
from django.utils.translation import gettext_noop

from publisher.audience import rule
from publisher.errors import InputError, TransientError
from publisher.models import Delivery, Message, Subscription
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.models.raw import db_values
from publisher.vocabulary import DeliveryStatus, MessageStatus

# SQLite has one writer: a chunk is about a quarter of a second, then others get their turn.
SQLITE_CHUNK = 20_000

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
    a crash. Raises TransientError where the two counts disagree, InputError if the message moved on meanwhile.
    """
    condition = rule.matched(message, at)
    # A freeze that was cut short, or one undone, may have left rows for another instant; nothing of them is claimed.
    with connection.cursor() as cursor:
        # Django's own delete would read every row of a big audience first.
        cursor.execute("DELETE FROM publisher_delivery WHERE message_id = %s", [message.pk])
    for low, high in _chunks(message):
        with transaction.atomic():
            _insert(message, condition, low, high)
    with transaction.atomic():
        one_snapshot()
        _insert(message, condition, *_whole(message))
        expected = rule.count(condition)
        _verify(message, expected)
        still_ours = Message.objects.filter(
            pk=message.pk, status=MessageStatus.SCHEDULED, claim_id=message.claim_id
        ).update(frozen_at=at, frozen_count=expected)
        if not still_ours:
            raise InputError(gettext_noop("The send-out was changed while its audience was being counted."))
        _recount(message)
    message.frozen_at, message.frozen_count = at, expected
    _analyse()


def add_difference(message: Message, at: datetime) -> None:
    """At the due instant: add who joined since the freeze.

    Must run inside the transaction that starts the message, opened by `one_snapshot`.

    Raises TransientError where rows and rule disagree.
    """
    assert message.frozen_at is not None and message.frozen_count is not None
    joined = rule.joined_between(message, message.frozen_at, at)
    _insert(message, joined, *_whole(message))
    message.frozen_count += rule.count(joined)
    _verify(message, message.frozen_count)
    Message.objects.filter(pk=message.pk).update(frozen_count=message.frozen_count)
    _recount(message)


def _insert(message: Message, condition: rule.Condition, low: int, high: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT.format(condition=condition.sql),
            db_values([message.pk, message.scheduled_at, *condition.values, low, high]),
        )
        return int(cursor.rowcount)


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
            reason="counts_disagree",
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
