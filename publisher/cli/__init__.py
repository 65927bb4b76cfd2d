"""The commands of `opslag`. To add one, write its module and one line in COMMANDS.

A command's module has `add_arguments(parser)` and `run(arguments) -> int` (the exit code: 0 when all went well).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.errors import OpslagError
from publisher.operate import instance, services

# Name, and what it does. The module is publisher.cli.<name with underscores>, imported when it is called for.
COMMANDS: dict[str, str] = {
    "run": gettext_noop("Run everything on this machine, with sample data; nothing leaves it"),
    "doctor": gettext_noop("Check that everything that sending needs is in order"),
    "status": gettext_noop("Show what is sending, due, held back and unconfirmed"),
    "receipt": gettext_noop("Show the receipt of the latest send-out, or of the one with this number"),
    "stop": gettext_noop("Stop everything at once, or let it go on again"),
    "migrate": gettext_noop("Bring the database up to date"),
    "createuser": gettext_noop("Make a user who may sign in"),
    "samples": gettext_noop("Fill an empty installation with sample data"),
    "sample-feed": gettext_noop("Serve the sample news feed on this machine"),
    "sample-send": gettext_noop("Take the sample news from the feed to mails and a post, and show the receipt"),
    "collect": gettext_noop("Look at a news feed now, and show what came of it"),
    "catcher": gettext_noop("Take all mail and keep it as files instead of sending it"),
    "web": gettext_noop("Serve the web pages"),
    "worker": gettext_noop("Work on one or more queues"),
    "workers": gettext_noop("Work on all queues and wake the workers, in processes that share what they can"),
    "beat": gettext_noop("Wake the workers once a second; run exactly one"),
    "healthcheck": gettext_noop("Answer 0 if a service is well (for containers)"),
}

# Those that reach out need the addresses that a running `opslag run` opened; the others only read the database.
REACHING_OUT = frozenset({"doctor", "collect"})


class Command(Protocol):
    """What a command's module holds."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; answers the exit code."""


def command(name: str) -> Command:
    """The module of a command in COMMANDS."""
    return cast("Command", importlib.import_module(f"publisher.cli.{name.replace('-', '_')}"))


def console_language() -> str:
    """The language of the terminal, as its locale names it: Danish, or English for all others."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "da" if locale.startswith("da") else "en"


def _overview() -> argparse.ArgumentParser:
    lines = [f"  {name:<14} {_(summary)}" for name, summary in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="opslag",
        description=_("One news item in; a newsletter, social posts and a receipt for every delivery out."),
        epilog="\n".join([_("Commands:"), *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the command that `argv` names; errors for people become one sentence and exit code 1."""
    translation.activate(console_language())
    name = _overview().parse_args(argv[:1]).command
    parser = argparse.ArgumentParser(prog=f"opslag {name}", description=_(COMMANDS[name]))
    try:
        module = command(name)
        module.add_arguments(parser)
        arguments = parser.parse_args(argv[1:])
        if name in REACHING_OUT:
            as_the_running_instance(argv)
        return module.run(arguments)
    except (OpslagError, ImproperlyConfigured) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def as_the_running_instance(argv: Sequence[str]) -> None:
    """Where `opslag run` runs from this folder, start the command `argv` again with the addresses that it opened."""
    note = instance.running(Path(settings.OPSLAG_HOME))
    if note is None:
        return
    theirs = instance.beside(note, os.environ)
    if theirs != dict(os.environ):
        services.become(services.opslag(*argv), theirs)
