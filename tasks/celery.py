"""The Celery app. The database is the queue; all this only wakes workers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from celery import Celery, Task
from django.db import close_old_connections

from publisher.vocabulary import Queue
from tasks.schedule import BROKER, CONFIGURATION

# Work whose row is offered again by every tick: what no worker took by then only stands in the way.
WORK_EXPIRES_S = 30.0

# Django's checks load every page of the web app; `opslag doctor` and `opslag migrate` run them, workers need none.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

if TYPE_CHECKING:
    _Task = Task[Any, Any]
else:
    _Task = Task


class ConnectedTask(_Task):
    """A task that keeps the database connection of the one before it, as a web request does: for CONN_MAX_AGE, and if
    it still answers. A connection of its own cost each of them more than most of them do."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it: in a worker, or at once where somebody simply calls it."""
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        close_old_connections()
        return self.run(*args, **kwargs)


app = Celery("opslag", broker=BROKER, task_cls=ConnectedTask, include=[f"tasks.{name}" for name in
             ("collect", "prepare", "deliver", "track", "tick")])  # fmt: skip
app.conf.update(CONFIGURATION)


def wake(task: Task[Any, Any], *ids: int, queue: Queue, expires_s: float = WORK_EXPIRES_S) -> None:
    """Have a worker of `queue` do `task`: the one way to ask for it, so that nothing piles up while no worker runs."""
    task.apply_async(ids, queue=str(queue), expires=expires_s)
