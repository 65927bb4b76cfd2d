"""What a stop stops: the question that every claim asks."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Exists, QuerySet

from publisher.models import Account, Message, StopStamp

# That no stop concerns a campaign `c`, for statements written by hand; whoever uses it asks for OPSLAG_NEVER_SEND, too.
NOT_STOPPED = """NOT EXISTS (SELECT 1 FROM publisher_stopstamp t
                WHERE t.organisation_id IS NULL OR t.organisation_id = c.organisation_id)"""


def not_stopped(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Only messages that no stop concerns: neither the installation's nor their organisation's."""
    if settings.OPSLAG_NEVER_SEND:
        return messages.none()
    everywhere = StopStamp.objects.filter(organisation=None)
    return messages.filter(~Exists(everywhere), campaign__organisation__stop_stamp=None)


def not_stopped_channels(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Only channels of which the same can be said."""
    if settings.OPSLAG_NEVER_SEND:
        return accounts.none()
    everywhere = StopStamp.objects.filter(organisation=None)
    return accounts.filter(~Exists(everywhere), organisation__stop_stamp=None)
