"""The first wave: so many people get a newsletter first, and the rest once it has shown that it comes through."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Sum

from publisher.models import DeliveryCount, Message
from publisher.vocabulary import DeliveryStatus

# Handed over, or about to be: what a claim that was handed back takes out again.
USED = (DeliveryStatus.SENDING, DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNCERTAIN)


def first_wave_of(message: Message) -> dict[str, object]:
    """What a message that begins takes over from its newsletter's settings."""
    newsletter = message.newsletter
    if newsletter is None or not newsletter.first_wave:
        return {"wave_size": None, "wave_minutes": 0, "wave_until": None}
    return {
        "wave_size": newsletter.first_wave,
        "wave_minutes": newsletter.first_wave_minutes,
        "wave_until": None,
    }


def is_in_first_wave(message: Message, now: datetime) -> bool:
    """Whether the rest of the message still waits."""
    return message.wave_size is not None and (message.wave_until is None or message.wave_until > now)


def room_in_wave(message: Message, now: datetime) -> int | None:
    """How many of the message may be claimed now; None: as many as one likes. Call it in the claim's transaction.

    The claim has locked the message, so several lanes together never claim more than the wave. The wait begins when
    each of the wave has its outcome, so what a lane that died had claimed is not waited for in vain.
    """
    if message.wave_size is None or not is_in_first_wave(message, now):
        return None
    stored = Message.objects.only("wave_until").get(pk=message.pk)
    if stored.wave_until is not None:
        return 0 if stored.wave_until > now else None
    figures = _figures(message)
    used = sum(figures.get(status, 0) for status in USED)
    if used < message.wave_size:
        return message.wave_size - used
    if not figures.get(DeliveryStatus.SENDING, 0):
        Message.objects.filter(pk=message.pk).update(wave_until=now + timedelta(minutes=message.wave_minutes))
    return 0


def _figures(message: Message) -> dict[str, int]:
    counted = DeliveryCount.objects.filter(message=message).values_list("status").annotate(number=Sum("count"))
    return {status: int(number) for status, number in counted}
