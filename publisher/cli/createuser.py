"""`opslag createuser`: a user who may sign in, with a role in one organisation."""

from __future__ import annotations

import argparse
import getpass
import sys

from django.utils.translation import gettext as _

from publisher.operate import people
from publisher.vocabulary import RoleKind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Who, where, what they may do. The password comes from the terminal or from standard input, never from here."""
    parser.add_argument("email", help=_("the e-mail address to sign in with"))
    parser.add_argument("--name", default="", help=_("the person's name"))
    parser.add_argument("--organisation", default="", help=_("short name of the organisation; made if it is new"))
    parser.add_argument("--role", choices=[str(kind) for kind in RoleKind], default=str(RoleKind.OWNER))


def run(arguments: argparse.Namespace) -> int:
    """Make the user, or change password and role of one who exists."""
    user = people.ensure_user(
        arguments.email,
        _password(),
        name=arguments.name,
        organisation=arguments.organisation,
        role=RoleKind(arguments.role),
    )
    print(_("%(email)s may now sign in.") % {"email": user.email})
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass(_("Password (at least 12 characters): "))
