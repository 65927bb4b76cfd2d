"""Whether the way out answers: after a refusal nobody knocks again until a pause is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from publisher.errors import OpslagError
from publisher.models import TransportHealth

LONGEST_PAUSE_S = 60


def paused(kind: str, now: datetime) -> bool:
    """Whether the transport is in its pause."""
    return TransportHealth.objects.filter(kind=kind, paused_until__gt=now).exists()


def failed(kind: str, error: OpslagError, now: datetime) -> int:
    """Note a failed connection: 2, 4, 8 … 60 seconds until the next try. Answers how many there were in a row.

    `updated_at` stays at the first of a row.
    """
    health, _ = TransportHealth.objects.get_or_create(kind=kind)
    failures = health.failures + 1
    pause_s = min(2 ** min(failures, 10), LONGEST_PAUSE_S)
    since: dict[str, object] = {} if health.failures else {"updated_at": now}
    TransportHealth.objects.filter(kind=kind).update(
        **since,
        failures=failures,
        paused_until=now + timedelta(seconds=pause_s),
        last_error=error.explanation.as_json(),
    )
    return failures


def answered(kind: str) -> None:
    """Note that it works again; writes only if there was trouble."""
    TransportHealth.objects.filter(kind=kind, failures__gt=0).update(failures=0, paused_until=None, last_error={})


def trouble(kind: str) -> TransportHealth | None:
    """What is wrong with the transport, since `updated_at`; None while it answers."""
    return TransportHealth.objects.filter(kind=kind, failures__gt=0).exclude(last_error={}).first()
