"""`opslag migrate`: bring the database up to date."""

from __future__ import annotations

import argparse

from django.core.management import call_command
from django.utils.translation import gettext as _


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: the database is the one that the settings name."""


def run(arguments: argparse.Namespace) -> int:
    """Apply what is missing; nothing happens where all is applied."""
    call_command("migrate", interactive=False, verbosity=0)
    print(_("The database is up to date."))
    return 0
