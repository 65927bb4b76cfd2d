"""When each process last did its work: a row per name, which `doctor`, `healthcheck` and the pages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from publisher.models import Heartbeat
from publisher.vocabulary import Queue

# Beat asks every 15 s; an answer may wait behind a lane's slice of bulk mail.
STALE_AFTER = timedelta(seconds=90)


def beat(name: str, detail: Mapping[str, Any] | None = None) -> None:
    """Note that `name` works now."""
    values = {"at": timezone.now(), "detail": dict(detail or {})}
    Heartbeat.objects.update_or_create(name=name, defaults=values)


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
