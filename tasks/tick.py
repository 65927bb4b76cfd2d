"""The ticks: what beat sends. Each looks for due work of several stages, so that an idle system costs little."""

from __future__ import annotations

from celery import shared_task

from tasks import collect, deliver, prepare, track
from tasks.isolation import do_all


@shared_task
def every_second() -> None:
    """What was promised to the second: mails and posts."""
    do_all((prepare.tick, deliver.tick))


@shared_task
def every_two_seconds() -> None:
    """What may wait a little: sources, recovery, finishing."""
    do_all((collect.tick, track.tick))
