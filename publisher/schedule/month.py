"""What is planned and what was sent in a stretch of time: the rows behind the calendar."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from publisher.models import Message, Organisation
from publisher.vocabulary import CampaignStatus, MessageStatus


def messages_between(organisation: Organisation, start: datetime, end: datetime) -> QuerySet[Message]:
    """The organisation's messages with an instant `at` in [start, end), in that order; cancelled ones left out.

    `at` is the planned instant: the message's own, else its send-out's (also the suggestion of one not yet approved).
    """
    planned = Message.objects.for_organisation(organisation).annotate(
        at=Coalesce("scheduled_at", "campaign__scheduled_at")
    )
    wanted = planned.filter(at__gte=start, at__lt=end).exclude(status=MessageStatus.CANCELLED)
    alive = wanted.exclude(campaign__status=CampaignStatus.CANCELLED)
    return alive.select_related("campaign", "newsletter", "account").order_by("at", "campaign_id", "pk")
