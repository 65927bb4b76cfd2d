"""What is going on: what is sending, due, held back, unconfirmed; when sources were looked at; what is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from publisher.models import Campaign, Delivery, Destination, Message, Source, StopStamp
from publisher.schedule.destinations import resting
from publisher.schedule.warm_up import WarmUp, warm_ups
from publisher.vocabulary import DeliveryStatus, MessageStatus, SourceStatus


@dataclass(frozen=True)
class Status:
    """The whole installation at one moment. `uncertain` counts deliveries that a person should decide on."""

    stops: Sequence[StopStamp]
    sending: Sequence[Message]
    scheduled: Sequence[Message]
    held: Sequence[Message]
    paused: Sequence[Message]
    uncertain: int
    sources: Sequence[Source]
    broken_sources: int
    slow: Sequence[Destination] = ()
    warm_ups: Sequence[WarmUp] = ()


def read_status(*, limit: int = 20) -> Status:
    """At most `limit` rows of each kind, the most urgent first."""
    now = timezone.now()
    return Status(
        stops=list(StopStamp.objects.select_related("organisation", "stopped_by")),
        sending=list(_messages(MessageStatus.SENDING).order_by("served_at", "pk")[:limit]),
        scheduled=list(_messages(MessageStatus.SCHEDULED).order_by("scheduled_at", "pk")[:limit]),
        held=list(_messages(MessageStatus.HELD).order_by("pk")[:limit]),
        paused=list(_messages(MessageStatus.PAUSED).order_by("pk")[:limit]),
        uncertain=Delivery.objects.filter(status=DeliveryStatus.UNCERTAIN).count(),
        sources=list(Source.objects.order_by("-last_polled_at")[:limit]),
        broken_sources=Source.objects.filter(status=SourceStatus.BROKEN).count(),
        slow=resting(now)[:limit],
        warm_ups=warm_ups(now),
    )


def _messages(status: MessageStatus) -> QuerySet[Message]:
    return Message.objects.filter(status=status).select_related("campaign", "newsletter", "account")


def find_campaign(number: int | None) -> Campaign | None:
    """The campaign of that number, or the latest one that was approved."""
    if number is not None:
        return Campaign.objects.filter(pk=number).first()
    return Campaign.objects.filter(approved_at__isnull=False).order_by("-approved_at").first()
