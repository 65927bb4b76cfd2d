"""Finishing: a message is done when nothing of it waits or is being sent, and rows, counters and frozen count agree."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef

from publisher.models import Delivery, Message
from publisher.models.agreement import check_counts
from publisher.schedule.dispatch import hold
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus


def to_finish() -> list[int]:
    """Messages in `sending` with nothing left to do."""
    open_rows = Delivery.objects.filter(
        message=OuterRef("pk"), status__in=(DeliveryStatus.PENDING, DeliveryStatus.SENDING)
    )
    return list(Message.objects.filter(~Exists(open_rows), status=MessageStatus.SENDING).values_list("pk", flat=True))


def finish(message_id: int, now: datetime) -> bool:
    """`sending → finished` if all counts agree; otherwise the message is held, and says why."""
    message = Message.objects.get(pk=message_id)
    disagreements = check_counts(message)
    if disagreements:
        hold(message, HoldReason.COUNTS_DISAGREE, disagreements[0].explanation(), frm=MessageStatus.SENDING)
        return False
    return bool(
        Message.objects.filter(pk=message_id, status=MessageStatus.SENDING).update(
            status=MessageStatus.FINISHED, finished_at=now
        )
    )
