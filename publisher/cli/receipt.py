"""`opslag receipt`: what became of a send-out, in numbers that add up."""

from __future__ import annotations

import argparse

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from rich.console import Console
from rich.table import Table

from publisher.cli.progress import outlet_name
from publisher.errors import InputError
from publisher.models import Campaign
from publisher.operate.moments import moment
from publisher.operate.status import find_campaign
from publisher.track.looks import looks_at
from publisher.track.receipts import Receipt, as_text_table, campaign_receipt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which send-out."""
    parser.add_argument("number", type=int, nargs="?", help=_("number of the send-out; the default is the latest"))


def run(arguments: argparse.Namespace) -> int:
    """Print it; answers 1 if a receipt does not add up."""
    campaign = find_campaign(arguments.number)
    if campaign is None:
        raise InputError(gettext_noop("There is no such send-out. `opslag status` lists those that are going on."))
    print_receipt(campaign, Console(highlight=False))
    return 0 if campaign_receipt(campaign).adds_up else 1


def print_receipt(campaign: Campaign, console: Console) -> None:
    """A table per message, whether it adds up, and what was asked about a post that was unconfirmed."""
    console.print(_("Receipt of “%(title)s”") % {"title": campaign.title}, style="bold", markup=False, soft_wrap=True)
    receipts = campaign_receipt(campaign).messages
    looks = looks_at(receipt.message for receipt in receipts if receipt.message)
    for receipt in receipts:
        console.print(_table(receipt))
        for look in looks.get(receipt.message.pk, []) if receipt.message else []:
            console.print(f"  {moment(look.at)}  {look.words}", markup=False, soft_wrap=True)


def _table(receipt: Receipt) -> Table:
    name = outlet_name(receipt.message) if receipt.message else ""
    adds_up = _("adds up") if receipt.adds_up else _("does not add up")
    table = Table(title=f"{name}: {adds_up}", title_justify="left", title_style="", min_width=44, show_header=False)
    table.add_column(_("Status"))
    table.add_column(_("Why"))
    table.add_column(_("Number"), justify="right")
    lines = as_text_table(receipt)
    for count, line in enumerate(lines):
        table.add_row(*line, end_section=count == len(lines) - 3)
    return table
