"""The one way to change the live figures: written in the same transaction as the statuses they count."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import Sum

from publisher.models.ledger import DeliveryCount
from publisher.vocabulary import DeliveryStatus

# The row that people's decisions and the freeze count on; a sending lane counts on the row of its own number, from 1.
COMMON_LANE = 0

# The same as part of one statement (PostgreSQL): `moved` names (status, number); wants message and lane.
COUNT_MOVED = """counted AS (
    INSERT INTO publisher_deliverycount AS c (message_id, status, lane, count)
    SELECT %s, status, %s, number FROM moved WHERE number <> 0 ORDER BY status
    ON CONFLICT (message_id, status, lane) DO UPDATE SET count = c.count + excluded.count
)"""


def move_counts(message_id: int, lane: int, changes: Mapping[str, int]) -> None:
    """Add `changes` (status → difference, which may be negative) to a message's figures on one lane.

    One UPSERT, so that two writers never lose an addition; its rows come in a fixed order, so that two writers that
    meet on one lane wait for each other instead of deadlocking. Call it inside the transaction that moves the
    deliveries. A lane's figure may become negative: only the sum over the lanes is a count.
    """
    moved = sorted((str(status), difference) for status, difference in changes.items() if difference)
    if not moved:
        return
    table = connection.ops.quote_name(DeliveryCount._meta.db_table)
    places = ", ".join(["(%s, %s, %s, %s)"] * len(moved))
    values = [value for status, difference in moved for value in (message_id, status, lane, difference)]
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {table} (message_id, status, lane, "count") VALUES {places} '
            f'ON CONFLICT (message_id, status, lane) DO UPDATE SET "count" = {table}."count" + excluded."count"',
            values,
        )


def handed_over(message_id: int) -> int:
    """How many deliveries of a message a server has been asked to take, as the figures have it now."""
    asked = (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNCERTAIN)
    counted = DeliveryCount.objects.filter(message_id=message_id, status__in=asked).aggregate(total=Sum("count"))
    return int(counted["total"] or 0)
