"""`opslag worker`: a Celery worker for one or more queues."""

from __future__ import annotations

import argparse

from django.utils.translation import gettext as _

from publisher.operate import services
from publisher.operate.celery_process import import_everything, run_worker
from publisher.vocabulary import Queue


def queue_list(text: str) -> tuple[Queue, ...]:
    """Read “urgent,tick”. Raises argparse's own error for a queue that does not exist."""
    try:
        return tuple(Queue(name.strip()) for name in text.split(","))
    except ValueError as error:
        known = ", ".join(Queue)
        raise argparse.ArgumentTypeError(_("queues are %(known)s, separated by commas") % {"known": known}) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which queues, how many processes."""
    parser.add_argument("--queues", type=queue_list, required=True, help=_("for example: urgent,tick"))
    parser.add_argument("--concurrency", type=int, default=0, help=_("processes; the default suits the queues"))


def run(arguments: argparse.Namespace) -> int:
    """Be the worker."""
    queues: tuple[Queue, ...] = arguments.queues
    import_everything()
    return run_worker(queues, arguments.concurrency or services.default_concurrency(queues))
