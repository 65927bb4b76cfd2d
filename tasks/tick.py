"""The ticks: what beat sends. Each looks for due work of several stages, so that an idle system costs little."""

from __future__ import annotations

from collections.abc import Callable

from celery import shared_task

from tasks import collect, deliver, prepare, track


@shared_task
def every_second() -> None:
    """What was promised to the second: mails and posts."""
    _each(prepare.tick, deliver.tick)


@shared_task
def every_two_seconds() -> None:
    """What may wait a little: sources, recovery, finishing."""
    _each(collect.tick, track.tick)


def _each(*looks: Callable[[], None]) -> None:
    """Do all, also when one of them fails; raises what went wrong at the end."""
    errors: list[Exception] = []
    for look in looks:
        try:
            look()
        except Exception as error:  # noqa: BLE001 -- raised again below, with the others
            errors.append(error)
    if errors:
        raise ExceptionGroup("ticks", errors)
