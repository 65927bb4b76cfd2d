"""Turning this process into a Celery worker, without importing everything a second time."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from celery.app.utils import find_app
from celery.utils.nodenames import default_nodename
from django.conf import settings
from django.utils import translation

from publisher.vocabulary import Queue


def run_worker(queues: Sequence[Queue], processes: int) -> int:
    """Work on these queues until a signal ends it; answers the exit code.

    Without the chatter between workers, which costs Redis traffic and is not needed here.
    """
    # The terminal's language is for what was printed until now.
    translation.deactivate()
    gc.disable()
    worker = find_app("tasks.celery").Worker(
        hostname=default_nodename("-".join(queues)),
        pool_cls="prefork",
        concurrency=processes,
        queues=",".join(queues),
        loglevel=settings.OPSLAG_LOG_LEVEL,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    # All that was imported stays for good: nobody need look for garbage in it, least of all after the fork.
    gc.freeze()
    gc.enable()
    worker.start()
    return int(worker.exitcode or 0)
