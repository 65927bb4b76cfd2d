"""`opslag healthcheck`: the answer that containers ask for."""

from __future__ import annotations

import argparse
import sys

from django.utils import timezone
from django.utils.translation import gettext as _

from publisher.operate.health import web_answers
from publisher.operate.heartbeat import silent
from publisher.vocabulary import Queue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which service: the web server of this machine, beat, or a queue that somebody must be working on."""
    parser.add_argument("name", nargs="+", choices=["web", "beat", *Queue], help=_("web, beat, or queues"))
    parser.add_argument("--port", type=int, default=8000, help=_("the web server's port"))


def run(arguments: argparse.Namespace) -> int:
    """0 if all that is named is well, else 1 and the reason."""
    unwell = [name for name in arguments.name if not _is_well(name, arguments.port)]
    if unwell:
        print(_("Not well: %(names)s.") % {"names": ", ".join(unwell)}, file=sys.stderr)
    return 1 if unwell else 0


def _is_well(name: str, port: int) -> bool:
    if name == "web":
        return web_answers("127.0.0.1", port)
    # Whatever queue was worked on last shows that beat still asks.
    queues = list(Queue) if name == "beat" else [Queue(name)]
    return len(silent(queues, timezone.now())) < len(queues)
