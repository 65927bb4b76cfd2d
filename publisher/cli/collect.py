"""`opslag collect`: look at a feed now, and show what came of it."""

from __future__ import annotations

import argparse
import sys
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from publisher.errors import Explanation
from publisher.items.collect import Collected, collect_source
from publisher.items.first_look import add_source, look_around
from publisher.items.sources import checked_address, known_feed, resume
from publisher.models import Item, Organisation, Source
from publisher.operate.people import chosen_organisation
from publisher.vocabulary import SourceStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The feed, and whose it is."""
    parser.add_argument("url", metavar="URL", help=_("the address of the feed"))
    parser.add_argument("--organisation", metavar="SLUG", default="", help=_("short name of the organisation"))
    parser.add_argument(
        "--back-catalogue",
        action="store_true",
        help=_("take what the feed holds at the first look as new, not as back catalogue"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Look at a known source, or look first and keep a new one; 1 if it could not be read.

    Raises InputError for a wrong argument, and what a first look raises; then nothing is kept.
    """
    organisation = chosen_organisation(arguments.organisation)
    console = Console()
    source = _source(organisation, checked_address(arguments.url), console)
    with console.status(_("Reading %(url)s …") % {"url": source.config["url"]}):
        collected = collect_source(source.pk, back_catalogue=arguments.back_catalogue)
    if collected.error is not None:
        print(str(collected.error), file=sys.stderr)
        return 1
    if not collected.claimed:
        print(_("Another worker is reading this feed at the moment. Try again in two minutes."), file=sys.stderr)
        return 1
    _show(console, organisation, source, collected)
    return 0


def _source(organisation: Organisation, address: str, console: Console) -> Source:
    source = known_feed(organisation, address)
    if source is None:
        with console.status(_("Looking at %(url)s …") % {"url": address}):
            look = look_around("feed", {"url": address})
        if look.poll is None:
            assert look.error is not None
            raise look.error
        address = str(look.values["url"])
        name = look.poll.title or urlsplit(address).hostname or address
        source, _made = add_source(organisation, "feed", {"url": address}, name)
    elif source.status != SourceStatus.ACTIVE:
        resume(source)
    return source


def _show(console: Console, organisation: Organisation, source: Source, collected: Collected) -> None:
    source.refresh_from_db()
    if collected.unchanged:
        console.print(_("%(source)s: nothing has changed since the last look.") % {"source": source.name}, markup=False)
        return
    table = Table(title=source.name, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for label, count in (
        (_("New items"), len(collected.new)),
        (_("Back catalogue"), collected.seen),
        (_("Changed items"), collected.changed),
        (_("Without their picture"), len(collected.without_picture)),
    ):
        table.add_row(label, str(count))
    console.print(table)
    for item in Item.objects.for_organisation(organisation).filter(pk__in=collected.without_picture[:20]):
        why = Explanation.from_json(item.picture_error)
        console.print(f"{item.title}: {why}", markup=False, highlight=False)
