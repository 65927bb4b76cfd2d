"""When each process last did its work: a row per name, which `doctor`, `healthcheck` and the pages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from publisher.models import Heartbeat
from publisher.vocabulary import Queue

# Beat asks every 15 s; an answer may wait behind a lane's slice of bulk mail.
STALE_AFTER = timedelta(seconds=90)
NOTED_EVERY = timedelta(minutes=1)
KEPT_IN_MIND = timedelta(days=7)


def beat(name: str, detail: Mapping[str, Any] | None = None) -> None:
    """Note that `name` works now."""
    values = {"at": timezone.now(), "detail": dict(detail or {})}
    Heartbeat.objects.update_or_create(name=name, defaults=values)


def name_of_webhook(esp: str) -> str:
    """The name under which an e-mail service's webhooks are noted."""
    return f"webhook:{esp}"


def add(name: str, numbers: Mapping[str, int]) -> None:
    """Note that `name` works now, and add to its numbers of the last week. Without any it writes once a minute."""
    now = timezone.now()
    if not numbers and Heartbeat.objects.filter(name=name, at__gt=now - NOTED_EVERY).exists():
        return
    with transaction.atomic():
        Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
        row = Heartbeat.objects.select_for_update().get(name=name)
        row.at, known = now, lately(row, now)
        added = {each: known.get(each, 0) + more for each, more in numbers.items()}
        row.detail = {**row.detail, **added, **{f"{each}_at": now.isoformat() for each in added}}
        row.save()


def lately(row: Heartbeat, now: datetime) -> dict[str, int]:
    """The numbers of `row` to which something was added within the last week."""
    since = (now - KEPT_IN_MIND).isoformat()
    return {
        name: number
        for name, number in row.detail.items()
        if isinstance(number, int) and row.detail.get(f"{name}_at", "") > since
    }


def noted(name: str) -> Heartbeat | None:
    """What was noted of `name`; None if nothing ever was."""
    return Heartbeat.objects.filter(name=name).first()


def name_of(queue: Queue) -> str:
    """The name under which a worker of `queue` notes itself."""
    return f"queue:{queue}"


def ages(queues: Iterable[Queue], now: datetime) -> dict[Queue, timedelta | None]:
    """How long ago each queue was last worked on; None if never."""
    rows = dict(Heartbeat.objects.filter(name__in=[name_of(queue) for queue in queues]).values_list("name", "at"))
    return {queue: now - rows[name_of(queue)] if name_of(queue) in rows else None for queue in queues}


def silent(queues: Iterable[Queue], now: datetime) -> list[Queue]:
    """The queues that nobody has worked on for a minute and a half."""
    return [queue for queue, age in ages(queues, now).items() if age is None or age > STALE_AFTER]
