"""The Celery app. The database is the queue; all this only wakes workers."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task

from publisher.vocabulary import Queue
from tasks.schedule import BROKER, CONFIGURATION

# Work whose row is offered again by every tick: what no worker took by then only stands in the way.
WORK_EXPIRES_S = 30.0

# Django's checks load every page of the web app; `opslag doctor` and `opslag migrate` run them, workers need none.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("opslag", broker=BROKER, include=[f"tasks.{name}" for name in
             ("collect", "prepare", "deliver", "track", "tick")])  # fmt: skip
app.conf.update(CONFIGURATION)


def wake(task: Task[Any, Any], *ids: int, queue: Queue, expires_s: float = WORK_EXPIRES_S) -> None:
    """Have a worker of `queue` do `task`: the one way to ask for it, so that nothing piles up while no worker runs."""
    task.apply_async(ids, queue=str(queue), expires=expires_s)
