"""Looking at news sources."""

from __future__ import annotations

from datetime import datetime

from celery import shared_task

from publisher.items import polling
from publisher.items.collect import collect_source
from publisher.vocabulary import Queue
from tasks.celery import wake
from tasks.steps import Step


def _collect(now: datetime) -> None:
    for source_id in polling.due_sources(now):
        wake(collect, source_id, queue=Queue.COLLECT)


STEPS = (Step("collect", polling.due, _collect),)


@shared_task
def collect(source_id: int) -> None:
    """Look at one source, if it is still its time."""
    collect_source(source_id, due_only=True)
