"""Finishing: a message is done when nothing of it waits or is being sent, and the rows agree with the frozen count."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils.translation import gettext_noop

from publisher.errors import Explanation
from publisher.models import Delivery, DeliveryCount, Message
from publisher.schedule.dispatch import hold
from publisher.schedule.freeze import one_snapshot
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus


def to_finish() -> list[int]:
    """Messages in `sending` with nothing left to do."""
    open_rows = Delivery.objects.filter(
        message=OuterRef("pk"), status__in=(DeliveryStatus.PENDING, DeliveryStatus.SENDING)
    )
    return list(Message.objects.filter(~Exists(open_rows), status=MessageStatus.SENDING).values_list("pk", flat=True))


def finish(message_id: int, now: datetime) -> bool:
    """`sending → finished` if rows, counters and frozen count agree; otherwise the message is held, and says why."""
    message = Message.objects.get(pk=message_id)
    with transaction.atomic():
        one_snapshot()
        rows, counted = _rows(message), _counters(message)
    if sum(rows.values()) != message.frozen_count or rows != counted:
        disagree = Explanation(
            gettext_noop("%(frozen)s recipients were frozen, the rows say %(rows)s and the counters %(counters)s."),
            {"frozen": str(message.frozen_count), "rows": str(rows), "counters": str(counted)},
        )
        hold(message, HoldReason.COUNTS_DISAGREE, disagree, frm=MessageStatus.SENDING)
        return False
    return bool(
        Message.objects.filter(pk=message_id, status=MessageStatus.SENDING).update(
            status=MessageStatus.FINISHED, finished_at=now
        )
    )


def _rows(message: Message) -> dict[str, int]:
    found = Delivery.objects.filter(message=message).order_by().values("status").annotate(number=Count("pk"))
    return {row["status"]: row["number"] for row in found}


def _counters(message: Message) -> dict[str, int]:
    totals: dict[str, int] = {}
    for status, count in DeliveryCount.objects.filter(message=message).values_list("status", "count"):
        totals[status] = totals.get(status, 0) + count
    return {status: count for status, count in totals.items() if count}
