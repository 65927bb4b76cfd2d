"""A channel works again: what was held because it did not goes on by itself, where it is not too late for that."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.life_cycles import check_transition
from publisher.models import Delivery, Message
from publisher.models.probe import Moment
from publisher.vocabulary import AccountStatus, DeliveryStatus, HoldReason, MessageStatus


def held_for_account(now: Moment) -> QuerySet[Message]:
    """Posts held for a channel that is connected now, no later than is allowed; others wait for a person."""
    since = now - timedelta(minutes=settings.OPSLAG_ALLOWED_LATENESS_MINUTES)
    return Message.objects.filter(
        status=MessageStatus.HELD,
        hold_reason=HoldReason.ACCOUNT_BROKEN,
        account__status=AccountStatus.CONNECTED,
        scheduled_at__gt=since,
    )


def release_held(now: datetime) -> int:
    """Let the `held_for_account` go on from where they were held; gives how many."""
    found = held_for_account(now).select_related("campaign__organisation", "account")
    return sum(_release(message, now) for message in found.order_by("scheduled_at", "pk"))


def _release(message: Message, now: datetime) -> bool:
    status = MessageStatus.SENDING if message.started_at else MessageStatus.SCHEDULED
    check_transition(MessageStatus, message.status, status)
    as_read = held_for_account(now).filter(pk=message.pk, started_at=message.started_at)
    with transaction.atomic():
        fields = {"hold_reason": "", "last_error": {}, "strikes": 0, "claim_id": None, "lease_until": None}
        if not Message.objects.filter(pk__in=as_read.values("pk")).update(status=status, **fields):
            return False
        # It was put off when the channel refused it.
        Delivery.objects.filter(message=message, status=DeliveryStatus.PENDING, due_at__gt=now).update(
            due_at=max(now, message.scheduled_at or now)
        )
        words = gettext_noop("%(outlet)s: goes on, because the channel is connected again")
        record(message.campaign.organisation, None, "goes_on", message.campaign, words, outlet=str(message.account))
    return True
