"""`opslag workers`: both workers and beat as forks of one process, which looks after them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from publisher.operate import instance, services
from publisher.operate.celery_process import import_everything, run_beat, run_worker
from publisher.operate.output import to_terminal
from publisher.operate.processes import ProcessId, ask_to_stop, is_alive
from publisher.operate.supervisor import Service, Stage, Supervisor

# A lane waits up to 70 s for the answers to the letters that are on their way.
GRACE_S = 80.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How patient, how talkative."""
    parser.add_argument(
        "--grace", type=float, default=GRACE_S, help=_("seconds that a worker is given to stop; the default is 80")
    )
    parser.add_argument("--quiet", action="store_true", help=_("show only warnings and errors"))
    # For `opslag run`, which has one of these for each home.
    parser.add_argument("--note", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Import, fork, look after all until a signal comes. Answers 1 if one of them could not be kept alive."""
    home = Path(settings.OPSLAG_HOME)
    # Where there is no leash, the forks of one that was killed are still at work, and there would be two beats.
    left = ask_to_stop(instance.read_forks(home)) if arguments.note else []
    import_everything()
    supervisor = Supervisor(
        {},
        settings.BASE_DIR,
        home / "log",
        to_terminal,
        show_all=not arguments.quiet,
        on_change=lambda: _note(home, supervisor, left) if arguments.note else None,
    )
    with supervisor.signals():
        try:
            for service in forked_services(arguments.grace):
                supervisor.start(service)
            return supervisor.run()
        finally:
            supervisor.stop()
            if arguments.note:
                _note(home, supervisor, left)


def _note(home: Path, supervisor: Supervisor, left: Sequence[ProcessId]) -> None:
    """Those that another had left behind stay noted until they have ended."""
    instance.note_forks(home, [*filter(is_alive, left), *supervisor.identities().values()])


def forked_services(grace_s: float) -> list[Service]:
    """The workers of services.RUN_WORKERS, and beat."""
    workers = [
        Service(name, partial(run_worker, queues, services.default_concurrency(queues)), Stage.WORKER, grace_s)
        for name, queues in services.RUN_WORKERS.items()
    ]
    return [*workers, Service("beat", run_beat, Stage.BEAT)]
