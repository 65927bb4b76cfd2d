"""What a stop stops: the question that every claim asks."""

from __future__ import annotations

from django.conf import settings
from django.db.models import QuerySet

from publisher.models import Message, StopStamp


def not_stopped(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Only messages that no stop concerns: neither the installation's nor their organisation's."""
    if settings.OPSLAG_NEVER_SEND or StopStamp.objects.filter(organisation=None).exists():
        return messages.none()
    return messages.filter(campaign__organisation__stop_stamp=None)
