"""Warm-up: a sender domain that nobody knows yet sends little at first, and more each day (settings: OPSLAG_WARMUP_*).

What a day has used is counted from the live figures of the domain's messages, against what they said when the day
began (a row): it holds over restarts, and what was handed back counts no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Sum

from publisher.models import DeliveryCount, Message, Newsletter, WarmupDay
from publisher.schedule.first_wave import USED


def sender_domain(newsletter: Newsletter) -> str:
    """The domain of the sender's address, lower-case and in punycode; as it stands if it is none."""
    domain = newsletter.sender_email.rpartition("@")[2].lower()
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def day_of(now: datetime) -> date:
    """The calendar day that an instant belongs to."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def midnight(day: date) -> datetime:
    """The instant at which a day begins."""
    return datetime.combine(day, time(), ZoneInfo(settings.TIME_ZONE))


def most_on(domain: str, day: date) -> int | None:
    """The most that the domain may send on a day; None: no limit. Before its first day the first day's figure holds."""
    start = settings.OPSLAG_WARMUP_DOMAINS.get(domain)
    if start is None:
        return None
    number = max((day - start).days, 0)
    plan: tuple[int, ...] = settings.OPSLAG_WARMUP_PLAN
    return plan[number] if number < len(plan) else None


def left_today(domain: str, now: datetime) -> int | None:
    """How many the domain may still send today; None: as many as one likes."""
    day = day_of(now)
    most = most_on(domain, day)
    if most is None:
        return None
    known = WarmupDay.objects.filter(domain=domain, day=day).values_list("before", flat=True).first()
    used = 0 if known is None else _sent(domain) - known
    return max(most - max(used, 0), 0)


def room_in_warm_up(message: Message, now: datetime) -> int | None:
    """`left_today` for the message's sender, with the day's row locked: call it in the claim's transaction."""
    if not settings.OPSLAG_WARMUP_DOMAINS or message.newsletter is None:
        return None
    domain, day = sender_domain(message.newsletter), day_of(now)
    if most_on(domain, day) is None:
        return None
    row = WarmupDay.objects.filter(domain=domain, day=day).first()
    if row is None:
        row, _ = WarmupDay.objects.get_or_create(domain=domain, day=day, defaults={"before": _sent(domain)})
    WarmupDay.objects.select_for_update().get(pk=row.pk)
    return left_today(domain, now)


def waits_until(message: Message, now: datetime) -> datetime | None:
    """When the message goes on, if the day's figure is used up."""
    if not settings.OPSLAG_WARMUP_DOMAINS or message.newsletter is None:
        return None
    if left_today(sender_domain(message.newsletter), now) != 0:
        return None
    return midnight(day_of(now) + timedelta(days=1))


def used_up(now: datetime) -> set[str]:
    """Sender domains that may send nothing more today."""
    return {domain for domain in settings.OPSLAG_WARMUP_DOMAINS if left_today(domain, now) == 0}


@dataclass(frozen=True)
class WarmUp:
    """A sender domain on one day of its warm-up, from 1: the most of that day, and what is left of it."""

    domain: str
    day: int
    most: int
    left: int


def warm_ups(now: datetime) -> list[WarmUp]:
    """The domains whose warm-up goes on, for people."""
    found, today = [], day_of(now)
    for domain, start in settings.OPSLAG_WARMUP_DOMAINS.items():
        most, left = most_on(domain, today), left_today(domain, now)
        if most is not None and left is not None:
            found.append(WarmUp(domain, max((today - start).days, 0) + 1, most, left))
    return found


def _sent(domain: str) -> int:
    """What the domain's messages have ever sent, or are sending now; a day's row says what it was that morning."""
    theirs = [newsletter.pk for newsletter in Newsletter.objects.all() if sender_domain(newsletter) == domain]
    counted = DeliveryCount.objects.filter(message__newsletter__in=theirs, status__in=USED)
    return int(counted.aggregate(number=Sum("count"))["number"] or 0)
