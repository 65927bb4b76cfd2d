"""When the last recipient will have a mail: from pace, first wave, warm-up, and how fast earlier mails left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from django.conf import settings
from django.db.models import F, Sum
from django.utils import timezone

from publisher.models import DeliveryCount, Message
from publisher.schedule.first_wave import USED, first_wave_of, is_in_first_wave
from publisher.schedule.warm_up import day_of, left_today, midnight, most_on, sender_domain
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet

# What a small mail server takes; used until this installation has sent something itself.
FIRST_PER_S = 20.0
# Smaller mails say little about how fast a large one leaves.
TELLING = 100
_LOOKED_AT, _SHORTEST_S = 5, 1.0
# Who sends in this moment is still in the way of a mail that starts so soon.
_SOON = timedelta(minutes=5)
# More days than any warm-up takes.
_DAYS = 400


@dataclass(frozen=True)
class Plan:
    """What is ahead of one mail. `wave`: so many first, or 0, and then a pause."""

    number: int
    start: datetime
    per_s: float
    wave: int = 0
    pause: timedelta = timedelta(0)


def last_one_at(plan: Plan, most_on_day: Callable[[date], int | None]) -> datetime:
    """When the last one leaves, if on each day no more than `most_on_day` may (None: as many as one likes)."""
    at, left, wave = plan.start, plan.number, plan.wave if plan.wave < plan.number else 0
    used: Counter[date] = Counter()
    for _ in range(_DAYS):
        day = day_of(at)
        most = most_on_day(day)
        room = left if most is None else max(most - used[day], 0)
        step = min(left, room, wave or left)
        used[day] += step
        left -= step
        at += timedelta(seconds=step / plan.per_s)
        if not left:
            break
        if wave:
            wave -= step
            at += plan.pause if not wave else timedelta(0)
        if step == room:
            at = max(at, midnight(day + timedelta(days=1)))
    return at


def of_draft(message: Message, recipients: int, start: datetime) -> datetime:
    """For a mail that would begin at `start` to so many."""
    wave = first_wave_of(message)
    plan = Plan(
        number=recipients + _in_the_way(message, recipients, start),
        start=start,
        per_s=per_s(),
        wave=int(str(wave["wave_size"] or 0)),
        pause=timedelta(minutes=int(str(wave["wave_minutes"]))),
    )
    return last_one_at(plan, _most_for(message, timezone.now()))


def of_message(message: Message, figures: dict[str, int], now: datetime) -> datetime | None:
    """For a mail that is being sent, by its live figures; None if nothing of it waits."""
    waiting = figures.get(DeliveryStatus.PENDING, 0) + figures.get(DeliveryStatus.SENDING, 0)
    if not waiting:
        return None
    start, wave = now, 0
    if is_in_first_wave(message, now):
        if message.wave_until is not None:
            start = message.wave_until
        else:
            wave = max((message.wave_size or 0) - sum(figures.get(status, 0) for status in USED), 1)
    plan = Plan(
        number=waiting + _in_the_way(message, waiting, start),
        start=start,
        per_s=_own_per_s(message, figures, now) or per_s(),
        wave=wave,
        pause=timedelta(minutes=message.wave_minutes),
    )
    return last_one_at(plan, _most_for(message, now))


def per_s() -> float:
    """Messages a second: as the latest large mails left, but never more than the pace."""
    finished = Message.objects.filter(
        status=MessageStatus.FINISHED,
        outlet=Outlet.EMAIL,
        frozen_count__gte=TELLING,
        started_at__isnull=False,
        wave_size=None,
    ).order_by(F("finished_at").desc(nulls_last=True))
    found = finished.values_list("frozen_count", "started_at", "finished_at")[:_LOOKED_AT]
    rates = [
        count / max((end - begin).total_seconds(), _SHORTEST_S)
        for count, begin, end in found
        if count and begin and end
    ]
    return _paced(median(rates) if rates else FIRST_PER_S)


def _own_per_s(message: Message, figures: dict[str, int], now: datetime) -> float | None:
    """How fast this one leaves, if it has run for long enough to tell."""
    sent = figures.get(DeliveryStatus.SENT, 0)
    if message.started_at is None or message.wave_size is not None or sent < TELLING:
        return None
    return _paced(sent / max((now - message.started_at).total_seconds(), _SHORTEST_S))


def _paced(rate: float) -> float:
    return min(rate, settings.OPSLAG_SMTP_PACE.per_s) if settings.OPSLAG_SMTP_PACE else rate


def _in_the_way(message: Message, number: int, start: datetime) -> int:
    """What leaves between: turns go round, so no other mail gets more of them than this one needs itself."""
    if start > timezone.now() + _SOON:
        return 0
    others = DeliveryCount.objects.filter(
        message__status=MessageStatus.SENDING, message__outlet=Outlet.EMAIL, status=DeliveryStatus.PENDING
    ).exclude(message=message.pk)
    waiting = others.values_list("message").annotate(number=Sum("count"))
    return sum(min(max(int(count), 0), number) for _, count in waiting)


def _most_for(message: Message, now: datetime) -> Callable[[date], int | None]:
    domain = sender_domain(message.newsletter) if message.newsletter is not None else ""
    today = day_of(now)
    return lambda day: left_today(domain, now) if day == today else most_on(domain, day)
