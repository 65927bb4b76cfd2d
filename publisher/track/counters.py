"""The live figures of a message, and the hourly check that they and the rows say the same."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import Q

from publisher.access.notices import notify_approvers
from publisher.models import AuditEntry, DeliveryCount, Message
from publisher.models.agreement import check_counts
from publisher.vocabulary import DeliveryStatus, MessageStatus, NoticeKind

log = logging.getLogger(__name__)

# A message that finished or was cancelled is checked once more within this time.
CHECKED_FOR = timedelta(hours=2)


def figures(message: Message) -> dict[str, int]:
    """Deliveries by status as the counters have them now, every status named; cheap enough for a page that polls."""
    counts = DeliveryCount.objects.filter(message=message).values_list("status", "count")
    totals = dict.fromkeys(DeliveryStatus.values, 0)
    for status, count in counts:
        totals[status] += count
    return totals


def check_recent(now: datetime) -> int:
    """Compare figures and rows of what is being sent or has just ended; tells staff, answers how many disagree."""
    since = now - CHECKED_FOR
    touched = AuditEntry.objects.filter(subject_kind="campaign", at__gt=since).values("subject_id")
    recent = Message.objects.filter(
        Q(status=MessageStatus.SENDING)
        | Q(status=MessageStatus.FINISHED, finished_at__gt=since)
        | Q(status=MessageStatus.CANCELLED, campaign__in=touched)
    )
    wrong = 0
    for message in recent.select_related("campaign__organisation"):
        if disagreements := check_counts(message):
            wrong += 1
            words = disagreements[0].explanation()
            log.error("message %d: the figures and the rows disagree", message.pk)
            notify_approvers(message.campaign.organisation, NoticeKind.ALERT, message.campaign, words)
    return wrong
