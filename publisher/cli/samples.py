"""`opslag samples`: fill an empty installation with sample data."""

from __future__ import annotations

import argparse

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.operate import samples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: it is the same sample data everywhere."""


def run(arguments: argparse.Namespace) -> int:
    """Load it once; again, it changes nothing."""
    if samples.load() is None:
        raise InputError(
            gettext_noop("This installation has organisations of its own; sample data would only disturb.")
        )
    person = samples.administrator()
    print(_("The sample data is there. Sign in as %(email)s with the password %(password)s.")
          % {"email": person.email if person else "", "password": samples.sample_password()})  # fmt: skip
    return 0
