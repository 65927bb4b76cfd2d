"""`opslag status`: what is going on right now."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.cli.progress import outlet_name
from publisher.errors import Explanation
from publisher.models import Destination, Message, Source, StopStamp
from publisher.operate.moments import moment
from publisher.operate.status import Status, read_status
from publisher.schedule.warm_up import WarmUp
from publisher.track.counters import figures
from publisher.vocabulary import FINAL_DELIVERY_STATUSES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: the whole installation."""


def run(arguments: argparse.Namespace) -> int:
    """Print it, most urgent first."""
    for line in lines(read_status()):
        print(line)
    return 0


def lines(status: Status) -> list[str]:
    """The status as lines for a terminal; what does not occur is left out."""
    found = [
        *_section(_("Stopped"), [_stop(stop) for stop in status.stops]),
        *_section(_("Sending"), [_sending(message) for message in status.sending]),
        *_section(_("Held back"), [_held(message) for message in status.held]),
        *_section(_("Paused"), [_named(message) for message in status.paused]),
        *_section(_("Scheduled"), [_scheduled(message) for message in status.scheduled]),
        *_section(_("Unconfirmed"), _uncertain(status.uncertain)),
        *_section(_("Pace"), _pace()),
        *_section(_("Asked us to slow down"), [_slow(row) for row in status.slow]),
        *_section(_("Warm-up"), [_warm_up(each) for each in status.warm_ups]),
        *_section(_("News sources"), [_source(source) for source in status.sources]),
    ]
    return found or [_("Nothing is being sent, nothing is planned, nothing waits for a person.")]


def _section(title: str, entries: Sequence[str]) -> list[str]:
    return [title, *(f"  {entry}" for entry in entries)] if entries else []


def _named(message: Message) -> str:
    return f"{message.campaign_id}  {message.campaign.title} → {outlet_name(message)}"


def _when(at: datetime | None) -> str:
    return moment(at) if at else _("never")


def _sending(message: Message) -> str:
    counted = figures(message)
    done = sum(counted[status] for status in FINAL_DELIVERY_STATUSES)
    return f"{_named(message)}  {done} / {message.frozen_count}"


def _held(message: Message) -> str:
    return f"{_named(message)}  {message.get_hold_reason_display()}"


def _scheduled(message: Message) -> str:
    return f"{_when(message.scheduled_at)}  {_named(message)}"


def _uncertain(number: int) -> list[str]:
    words = ngettext(
        "%(number)d delivery waits for a person to decide", "%(number)d deliveries wait for a person to decide", number
    )
    return [words % {"number": number}] if number else []


def _pace() -> list[str]:
    return [settings.OPSLAG_SMTP_PACE.name] if settings.OPSLAG_SMTP_PACE else []


def _slow(row: Destination) -> str:
    goes_on = _("goes on, a little at first, %(when)s") % {"when": _when(row.rest_until)}
    return f"{row.name}  {goes_on}  {Explanation.from_json(row.last_error)}"


def _warm_up(each: WarmUp) -> str:
    words = _("%(domain)s: day %(day)d, %(left)d of %(most)d left today")
    return words % {"domain": each.domain, "day": each.day, "left": each.left, "most": each.most}


def _stop(stop: StopStamp) -> str:
    whom = stop.organisation.name if stop.organisation else _("the whole installation")
    return f"{whom}  {_when(stop.stopped_at)}  {stop.stopped_by or ''}".rstrip()


def _source(source: Source) -> str:
    problem = Explanation.from_json(source.last_error)
    return f"{source.name}  {source.get_status_display()}  {_when(source.last_polled_at)}  {problem}".rstrip()
