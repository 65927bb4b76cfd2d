"""`opslag doctor`: is everything that sending needs in order? And does mail arrive as it left?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from rich.console import Console
from rich.text import Text

from publisher.errors import InputError
from publisher.operate.doctor import examine
from publisher.operate.findings import Finding, Level
from publisher.operate.received import examine_received, remember
from publisher.operate.trial_mail import own_mailbox, send_test_mail, wait_for

_LOOKS = {Level.OK: ("✓", "green"), Level.WARN: ("!", "yellow"), Level.FAIL: ("✗", "red")}
OWN_MAILBOX = "\0"
WAIT_S = 60.0
LARGEST_MAIL = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Without any it looks at everything on this side."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--send-test",
        metavar="ADDRESS",
        nargs="?",
        const=OWN_MAILBOX,
        help=_(
            "send a mail like a newsletter to this address, and nothing else; without an address to the mailbox of "
            "OPSLAG_INBOUND_IMAP_URL, and look at it there"
        ),
    )
    either.add_argument(
        "--received",
        metavar="FILE",
        help=_(
            "look at a mail as it arrived (“show original”, saved as .eml; - reads it from the terminal): "
            "is it signed with its unsubscribe headers, and was anything put into it?"
        ),
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each finding; answers 1 if something fails."""
    if arguments.send_test == OWN_MAILBOX:
        return _to_own_mailbox()
    if arguments.send_test:
        trial = send_test_mail(arguments.send_test)
        words = _(
            "A test mail from %(sender)s is on its way. Save it as it arrives (in Gmail: ⋮, “Show original”, "
            "“Download original”), then run: opslag doctor --received FILE"
        )
        print(words % {"sender": trial.sender})
        return 0
    return _of_received(_read(arguments.received)) if arguments.received else _print(examine())


def _to_own_mailbox() -> int:
    trial = send_test_mail(own_mailbox())
    print(_("A test mail is on its way to %(address)s …") % {"address": trial.recipient})
    raw = wait_for(trial, WAIT_S)
    if raw is None:
        print(_("It has not come into the mailbox within a minute."), file=sys.stderr)
        return 1
    print(_("It came. Mail that never leaves your own servers may stay unsigned: one at another provider says more."))
    return _of_received(raw)


def _of_received(raw: bytes) -> int:
    code = _print(examine_received(raw))
    remember(raw, Level.FAIL if code else Level.OK)
    return code


def _print(findings: Iterable[Finding]) -> int:
    console = Console(highlight=False)
    worst = Level.OK
    for finding in findings:
        sign, colour = _LOOKS[finding.level]
        line = Text.assemble((f"{sign} {finding.level:<4} ", colour), f"{_(finding.about)}: {finding.explanation}")
        console.print(line, soft_wrap=True)
        if finding.level is Level.FAIL:
            worst = Level.FAIL
    return 1 if worst is Level.FAIL else 0


def _read(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.read(LARGEST_MAIL)
        with Path(name).open("rb") as file:
            return file.read(LARGEST_MAIL)
    except OSError as error:
        raise InputError(
            gettext_noop("“%(name)s” cannot be read (%(detail)s)."), name=name, detail=error.strerror or error
        ) from error
