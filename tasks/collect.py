"""Looking at news sources."""

from celery import shared_task
from django.utils import timezone

from publisher.items.collect import collect_source, due_sources
from publisher.vocabulary import Queue
from tasks.celery import wake


@shared_task
def tick() -> None:
    """Wake a worker for every source that is due."""
    for source_id in due_sources(timezone.now()):
        wake(collect, source_id, queue=Queue.COLLECT)


@shared_task
def collect(source_id: int) -> None:
    """Look at one source."""
    collect_source(source_id)
