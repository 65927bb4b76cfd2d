"""`opslag workers`: both workers and beat as forks of one process, which looks after them."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from publisher.operate import services
from publisher.operate.celery_process import import_everything, run_beat, run_worker
from publisher.operate.output import to_terminal
from publisher.operate.supervisor import Service, Stage, Supervisor

# A lane waits up to 70 s for the answers to the letters that are on their way.
GRACE_S = 80.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How patient, how talkative."""
    parser.add_argument(
        "--grace", type=float, default=GRACE_S, help=_("seconds that a worker is given to stop; the default is 80")
    )
    parser.add_argument("--quiet", action="store_true", help=_("show only warnings and errors"))


def run(arguments: argparse.Namespace) -> int:
    """Import, fork, look after all until a signal comes. Answers 1 if one of them could not be kept alive."""
    import_everything()
    log = Path(settings.OPSLAG_HOME) / "log"
    supervisor = Supervisor({}, settings.BASE_DIR, log, to_terminal, show_all=not arguments.quiet)
    with supervisor.signals():
        try:
            for service in forked_services(arguments.grace):
                supervisor.start(service)
            return supervisor.run()
        finally:
            supervisor.stop()


def forked_services(grace_s: float) -> list[Service]:
    """The workers of services.RUN_WORKERS, and beat."""
    workers = [
        Service(name, partial(run_worker, queues, services.default_concurrency(queues)), Stage.WORKER, grace_s)
        for name, queues in services.RUN_WORKERS.items()
    ]
    return [*workers, Service("beat", run_beat, Stage.BEAT)]
