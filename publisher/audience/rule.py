"""The audience rule: whom a message is for at an instant. Freezing, counting and forecasting all read it here.

A subscription is matched at instant T if it was confirmed by T and not yet ended at T; for a correction, if it also got
the earlier mail, or may have. Whoever is matched but is
suppressed or would see no story (`audience.aims`) is still part of the audience: the receipt says so, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from publisher.audience.aims import MOST_BITS, Aims, current_aims, needs_of, shown
from publisher.models import Message
from publisher.models.raw import db_values
from publisher.vocabulary import Outlet

_ACTIVE = "(s.confirmed_at <= %s AND (s.unsubscribed_at IS NULL OR s.unsubscribed_at > %s))"

_HAS_NONE = (
    "NOT EXISTS (SELECT 1 FROM publisher_delivery d WHERE d.message_id = %s AND d.subscriber_id = s.subscriber_id)"
)

_GOT = (
    "EXISTS (SELECT 1 FROM publisher_delivery e WHERE e.message_id = %s AND e.subscriber_id = s.subscriber_id "
    "AND e.status IN ('sent', 'uncertain') AND (e.choices & %s) = %s)"
)

# No row, so NULL, for somebody who chose nothing of the kind: all bits.
_BITS = (
    "COALESCE((SELECT {bits} FROM publisher_subscription_{kind}s w WHERE w.subscription_id = s.id "
    "GROUP BY w.subscription_id), {all_bits})"
)
_BIT = "MAX(CASE WHEN w.{kind}_id IN ({ids}) THEN {bit} ELSE 0 END)"


@dataclass(frozen=True)
class Condition:
    """A piece of SQL about `publisher_subscription s`, with its values."""

    sql: str
    values: tuple[object, ...]


def matched(message: Message, at: datetime) -> Condition:
    """Whom the message is for at `at`; a correction is for those alone who got what it corrects."""
    told = _told(message)
    return Condition(f"s.newsletter_id = %s AND {_ACTIVE}{told.sql}", (message.newsletter_id, at, at, *told.values))


def _told(message: Message) -> Condition:
    """Who got one of the mails that `message` corrects, and saw in it a story of the news that it is about."""
    corrected = list(message.corrects.filter(outlet=Outlet.EMAIL).order_by("pk"))
    if not corrected:
        return Condition("", ())
    items = message.campaign.chosen.values("item")
    seen = [(earlier.pk, needs) for earlier in corrected for needs in needs_of(earlier, items)]
    if not seen:
        return Condition(" AND FALSE", ())
    values = [value for pk, needs in seen for value in (pk, needs, needs)]
    return Condition(f" AND ({' OR '.join([_GOT] * len(seen))})", tuple(values))


def joined_since(message: Message, frozen_at: datetime, at: datetime) -> Condition:
    """Whom the message is for at `at`, was not at `frozen_at`, and who has no delivery yet: the difference to add.

    Who left after the freeze and came back was not there at `frozen_at` as the rows now tell it, yet has a delivery.
    """
    now = matched(message, at)
    return Condition(
        f"{now.sql} AND NOT COALESCE({_ACTIVE}, FALSE) AND {_HAS_NONE}",
        (*now.values, frozen_at, frozen_at, message.pk),
    )


def choices(aims: Aims) -> str:
    """SQL for the bits (see `audience.aims`) of a `publisher_subscription s`; 0 where nothing is aimed."""
    return f"{_choices('area', aims.areas, 0)} + {_choices('topic', aims.topics, len(aims.areas))}"


def _choices(kind: str, sets: Sequence[frozenset[int]], first: int) -> str:
    """The bits of one kind. Only numbers of ours are written into it."""
    if not sets:
        return "0"
    bits = {1 << (first + at): ", ".join(map(str, sorted(ids))) for at, ids in enumerate(sets)}
    each = " + ".join(_BIT.format(kind=kind, ids=ids, bit=bit) for bit, ids in bits.items())
    return _BITS.format(kind=kind, bits=each, all_bits=sum(bits))


def sees_a_story(aims: Aims, column: str) -> str:
    """SQL: whether the bits in `column` show any story."""
    if 0 in aims.stories:
        return "TRUE"
    each = [f"({column} & {needs}) = {needs}" for needs in sorted(aims.stories)]
    return f"({' OR '.join(each)})" if each else "FALSE"


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
    """How many people a message is for right now, and how many of them would be skipped.

    `blocked`: for their address; `untold`: no story concerns their choices. `reachable`: by their bits, all others and
    the untold.
    """

    matched: int
    blocked: int
    untold: int
    reachable: Mapping[int, int]

    @property
    def recipients(self) -> int:
        return self.matched - self.blocked - self.untold

    def seeing(self, needs: int) -> int:
        """How many would see a part that needs these bits."""
        return sum(number for bits, number in self.reachable.items() if shown(needs, bits))


def forecast(message: Message, at: datetime) -> Forecast:
    """What freezing the message at `at` would give; as if nothing were aimed where the aims are too many to be sent."""
    condition, aims = matched(message, at), current_aims(message)
    if aims.bits > MOST_BITS:
        aims = Aims()
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH q AS MATERIALIZED (SELECT x.reason AS blocked, {choices(aims)} AS choices "
            "FROM publisher_subscription s JOIN publisher_subscriber p ON p.id = s.subscriber_id "
            "LEFT JOIN publisher_suppression x ON x.organisation_id = p.organisation_id "
            f"AND x.address_key = p.address_key WHERE {condition.sql}) "
            "SELECT choices, COUNT(*), COUNT(blocked) FROM q GROUP BY choices",
            db_values(condition.values),
        )
        rows = [(int(bits), int(found), int(blocked)) for bits, found, blocked in cursor.fetchall()]
    reachable = {bits: found - blocked for bits, found, blocked in rows}
    return Forecast(
        matched=sum(found for _bits, found, _blocked in rows),
        blocked=sum(blocked for _bits, _found, blocked in rows),
        untold=sum(number for bits, number in reachable.items() if not aims.tells(bits)),
        reachable=reachable,
    )
