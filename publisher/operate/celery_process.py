"""Turning this process into a Celery worker or beat, without importing everything a second time."""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Sequence

from celery import Celery
from celery.app.utils import find_app
from celery.utils.nodenames import default_nodename
from django.conf import settings
from django.utils import translation

from publisher.deliver import server_room
from publisher.vocabulary import Queue

# What Celery imports only when a worker or beat begins its work.
_LATE = (
    *(
        "celery.apps.worker",
        "celery.apps.beat",
        "celery.worker.consumer",
        "celery.events.receiver",
        "celery.app.routes",
    ),
    *("celery.concurrency.prefork", "billiard.popen_fork", "billiard.sharedctypes", "billiard.synchronize"),
    *("kombu.transport.redis", "kombu.matcher"),
)

# So many new objects before garbage is looked for. Reference counts free nearly all of a batch of mails; to look for
# the rest twice a batch took a lane a twentieth of its time.
_WORTH_LOOKING = 20_000


def import_everything() -> None:
    """Import what workers and beat need, so that they can be forked; nobody need look for garbage in it."""
    gc.disable()
    app = _app()
    app.loader.import_default_modules()
    app.finalize()
    for name in _LATE:
        importlib.import_module(name)
    _read_declarations()
    gc.freeze()
    gc.enable()


def _read_declarations() -> None:
    """Have cffi, if it is there, ready before a worker forks.

    In each child billiard declares prctl(2) by it, and reading the first declaration takes 50 ms of processor time.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("cffi").FFI().cdef("int prctl(int option, ...);")


def _app() -> Celery:
    return find_app("tasks.celery")


def run_worker(queues: Sequence[Queue], processes: int) -> int:
    """Work on these queues until a signal ends it; answers the exit code. `import_everything` comes before.

    Without the chatter between workers, which costs Redis traffic and is not needed here.
    """
    # The terminal's language is for what was printed until now.
    translation.deactivate()
    if Queue.SOCIAL in queues:
        server_room.share(processes)
    worker = _app().Worker(
        hostname=default_nodename("-".join(queues)),
        pool_cls="prefork",
        concurrency=processes,
        queues=",".join(queues),
        loglevel=settings.OPSLAG_LOG_LEVEL,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    # It stays for good, as all that was imported: its children need not look for garbage there.
    gc.freeze()
    gc.set_threshold(_WORTH_LOOKING, *gc.get_threshold()[1:])
    worker.start()
    return int(worker.exitcode or 0)


def run_beat() -> int:
    """Send what is due until a signal ends it, as `python -m tasks.beat` does where nothing is imported yet."""
    translation.deactivate()
    # What is due stands in the database: beat remembers nothing, so it needs no file.
    _app().Beat(scheduler_cls="celery.beat:Scheduler", loglevel=settings.OPSLAG_LOG_LEVEL).run()
    return 0
