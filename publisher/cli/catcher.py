"""`opslag catcher`: take all mail and keep it as files."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.operate.catcher import catch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, where to keep what comes."""
    parser.add_argument("--host", default="127.0.0.1", help=_("address to listen on"))
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--dir", type=Path, help=_("folder for the messages; the default is OPSLAG_CATCHER_DIR"))


def run(arguments: argparse.Namespace) -> int:
    """Catch until told to stop."""
    folder = arguments.dir or (Path(settings.OPSLAG_CATCHER_DIR) if settings.OPSLAG_CATCHER_DIR else None)
    if folder is None:
        raise InputError(gettext_noop("Say where to keep the mail: --dir FOLDER, or set OPSLAG_CATCHER_DIR."))
    print(_("Catching mail on %(host)s:%(port)s; it is kept in %(folder)s.")
          % {"host": arguments.host, "port": arguments.port, "folder": folder}, flush=True)  # fmt: skip
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(catch(folder, arguments.host, arguments.port))
    except OSError as error:
        raise InputError(
            gettext_noop("Cannot listen on %(host)s:%(port)s: %(detail)s. Choose another port with --port."),
            host=arguments.host,
            port=arguments.port,
            detail=error.strerror,
        ) from error
    return 0
