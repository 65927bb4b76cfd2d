"""`opslag stop`: nothing more leaves, within two seconds; `opslag stop --lift` lets things go on."""

from __future__ import annotations

import argparse

from django.utils.translation import gettext as _

from publisher.operate.people import find_organisation
from publisher.review.control import lift_stop, stop_everything


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whom it is for, and which way."""
    parser.add_argument("--organisation", help=_("short name of one organisation; without it, all of them"))
    parser.add_argument("--lift", action="store_true", help=_("let things go on"))


def run(arguments: argparse.Namespace) -> int:
    """Set or lift the stop; doing it again changes nothing."""
    organisation = find_organisation(arguments.organisation) if arguments.organisation else None
    whom = organisation.name if organisation else _("the whole installation")
    if arguments.lift:
        changed = lift_stop(organisation, None)
        words = _("The stop is lifted for %(whom)s.") if changed else _("Nothing was stopped for %(whom)s.")
    else:
        changed = stop_everything(organisation, None)
        words = _("Stopped: %(whom)s.") if changed else _("It was stopped already: %(whom)s.")
    print(words % {"whom": whom})
    return 0
