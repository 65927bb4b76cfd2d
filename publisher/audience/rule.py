"""The audience rule: whom a message is for at an instant. Freezing, counting and forecasting all read it here.

A subscription is matched at instant T if it was confirmed by T, not yet ended at T, and at least one block of the
message is for it: a block without areas is for every area, a subscriber without choices sees all; topics likewise.
Whoever is matched but suppressed is still part of the audience: the receipt says so, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from publisher.models import Message
from publisher.models.raw import db_values

_AIMED = """(
    NOT EXISTS (SELECT 1 FROM publisher_block_{what}s c WHERE c.block_id = b.id)
    OR NOT EXISTS (SELECT 1 FROM publisher_subscription_{what}s c WHERE c.subscription_id = s.id)
    OR EXISTS (
        SELECT 1 FROM publisher_block_{what}s c
        JOIN publisher_subscription_{what}s w ON w.{what}_id = c.{what}_id
        WHERE c.block_id = b.id AND w.subscription_id = s.id))"""

_SEES_A_BLOCK = (
    "EXISTS (SELECT 1 FROM publisher_block b WHERE b.message_id = %s AND "
    + _AIMED.format(what="area")
    + " AND "
    + _AIMED.format(what="topic")
    + ")"
)
_ACTIVE = "(s.confirmed_at <= %s AND (s.unsubscribed_at IS NULL OR s.unsubscribed_at > %s))"

_HAS_NONE = (
    "NOT EXISTS (SELECT 1 FROM publisher_delivery d WHERE d.message_id = %s AND d.subscriber_id = s.subscriber_id)"
)


@dataclass(frozen=True)
class Condition:
    """A piece of SQL about `publisher_subscription s`, with its values."""

    sql: str
    values: tuple[object, ...]


def matched(message: Message, at: datetime) -> Condition:
    """Whom the message is for at `at`."""
    return Condition(
        f"s.newsletter_id = %s AND {_ACTIVE} AND {_SEES_A_BLOCK}",
        (message.newsletter_id, at, at, message.pk),
    )


def joined_since(message: Message, frozen_at: datetime, at: datetime) -> Condition:
    """Whom the message is for at `at`, was not at `frozen_at`, and who has no delivery yet: the difference to add.

    Who left after the freeze and came back was not there at `frozen_at` as the rows now tell it, yet has a delivery.
    """
    now = matched(message, at)
    return Condition(
        f"{now.sql} AND NOT COALESCE({_ACTIVE}, FALSE) AND {_HAS_NONE}",
        (*now.values, frozen_at, frozen_at, message.pk),
    )


def count(condition: Condition) -> int:
    """How many subscriptions fulfil the condition."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COUNT(*) FROM publisher_subscription s WHERE {condition.sql}",
            db_values(condition.values),
        )
        return int(cursor.fetchone()[0])


@dataclass(frozen=True)
class Forecast:
    """How many people a message is for right now, and how many of them would be skipped as blocked addresses."""

    matched: int
    blocked: int

    @property
    def recipients(self) -> int:
        return self.matched - self.blocked


def forecast(message: Message, at: datetime) -> Forecast:
    """What freezing the message at `at` would give."""
    condition = matched(message, at)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*), COUNT(x.id) FROM publisher_subscription s "
            "JOIN publisher_subscriber p ON p.id = s.subscriber_id "
            "LEFT JOIN publisher_suppression x ON x.organisation_id = p.organisation_id "
            f"AND x.address_key = p.address_key WHERE {condition.sql}",
            db_values(condition.values),
        )
        found, blocked = cursor.fetchone()
    return Forecast(int(found), int(blocked))
