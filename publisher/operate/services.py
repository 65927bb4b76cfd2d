"""How each service is started: one definition for `opslag run`, the containers and a person at a terminal."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command

from publisher import __version__
from publisher.vocabulary import Queue

# `opslag workers`, and so `opslag run`, has two workers, so that nothing ever waits behind a lane of bulk mail.
RUN_WORKERS: dict[str, tuple[Queue, ...]] = {
    "bulk": (Queue.BULK,),
    "rest": tuple(queue for queue in Queue if queue is not Queue.BULK),
}
REST_PROCESSES = 2
# Posts wait for their platforms most of the time.
SOCIAL_PROCESSES = 4
# Where notices share a worker, one process more: two long jobs must not keep them.
SHARED_PROCESSES = 3
# More threads than this for few cores, and granian warns.
WEB_THREADS = min(8, 2 * (os.cpu_count() or 1) + 1)


def opslag(*arguments: str) -> tuple[str, ...]:
    """A command of ours."""
    return (sys.executable, "-m", "publisher", *arguments)


def default_concurrency(queues: Sequence[Queue]) -> int:
    """As many processes as lanes may run (OPSLAG_BULK_LANES) for bulk mail; four for posts alone; else two, three if
    they share notices."""
    if list(queues) == [Queue.BULK]:
        return int(settings.OPSLAG_BULK_LANES)
    if list(queues) == [Queue.SOCIAL]:
        return SOCIAL_PROCESSES
    return SHARED_PROCESSES if Queue.URGENT in queues and len(queues) > 1 else REST_PROCESSES


def workers_command(*, grace_s: float, verbose: bool) -> tuple[str, ...]:
    """Both workers of RUN_WORKERS and beat, as forks of one process, which are noted for the next `opslag run`."""
    return opslag("workers", "--note", "--grace", f"{grace_s:g}", *(() if verbose else ("--quiet",)))


def beat_command() -> tuple[str, ...]:
    """Celery's clock."""
    return (sys.executable, "-m", "tasks.beat")


def web_command(host: str, port: int, *, workers: int = 1) -> tuple[str, ...]:
    """The web server; `ensure_static` must have run."""
    return (
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", str(WEB_THREADS), "--respawn-failed-workers"),
        # Told to stop while it starts, granian would wait for ever.
        *("--workers-kill-timeout", "5"),
        # An access log would join people's computers to the codes and tokens of their links.
        "--no-access-log",
        *("--log-level", settings.OPSLAG_LOG_LEVEL.lower(), "--no-ws", "publisher.wsgi:application"),
    )


def ensure_static() -> bool:
    """Collect style sheets and scripts under their fingerprinted names, unless that was done for these very files."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    key = _static_key()
    if stamp.exists() and stamp.read_text() == key:
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(key)
    return True


def _static_key() -> str:
    known = hashlib.sha256(__version__.encode())
    for finder in finders.get_finders():
        for path, storage in finder.list(None):
            known.update(f"{path} {storage.size(path)} {storage.get_modified_time(path).timestamp()}\n".encode())
    return known.hexdigest()


def become(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Turn this process into `command`: signals and the exit code are then its own. Does not return.

    Without `environment` it keeps the one that it has.
    """
    sys.stdout.flush()
    given = os.environ if environment is None else environment
    os.execve(command[0], list(command), dict(given))  # noqa: S606 -- no shell wanted
