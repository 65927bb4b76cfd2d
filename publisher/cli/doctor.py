"""`opslag doctor`: is everything that sending needs in order?"""

from __future__ import annotations

import argparse

from django.utils.translation import gettext as _
from rich.console import Console
from rich.text import Text

from publisher.operate.doctor import examine
from publisher.operate.findings import Level

_LOOKS = {Level.OK: ("✓", "green"), Level.WARN: ("!", "yellow"), Level.FAIL: ("✗", "red")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: it looks at everything."""


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each finding; answers 1 if something fails."""
    console = Console(highlight=False)
    worst = Level.OK
    for finding in examine():
        sign, colour = _LOOKS[finding.level]
        line = Text.assemble((f"{sign} {finding.level:<4} ", colour), f"{_(finding.about)}: {finding.explanation}")
        console.print(line, soft_wrap=True)
        if finding.level is Level.FAIL:
            worst = Level.FAIL
    return 1 if worst is Level.FAIL else 0
