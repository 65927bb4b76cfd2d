"""`opslag web`: the web server."""

from __future__ import annotations

import argparse

from django.utils.translation import gettext as _

from publisher.operate import services


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen."""
    parser.add_argument("--host", default="127.0.0.1", help=_("address to listen on"))
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help=_("processes"))


def run(arguments: argparse.Namespace) -> int:
    """Make the static files ready, then become the server."""
    services.ensure_static()
    services.become(services.web_command(arguments.host, arguments.port, workers=arguments.workers))
    return 0
