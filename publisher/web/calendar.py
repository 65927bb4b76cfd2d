"""The calendar: a month of what is planned and what was sent, weeks from Monday."""

from __future__ import annotations

import calendar as weeks_of
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from publisher.accounts.waiting import waits_of
from publisher.models import Account, Message, Newsletter
from publisher.platforms import PLATFORMS
from publisher.rules.waiting import Turn, turns_between
from publisher.schedule.month import messages_between
from publisher.schedule.times import recurring
from publisher.vocabulary import MessageStatus
from publisher.web.course import until_words
from publisher.web.staff import OwnRequest, staff

FIRST_YEAR, LAST_YEAR = 2000, 2100


@dataclass(frozen=True)
class Entry:
    """What goes out at one instant of one send-out: its messages that stand alike, with their outlets in words.

    `turn`: it is no send-out yet, but news that waits for a rule's turn. `waits`: until when its platform makes it
    wait, in words.
    """

    at: datetime
    title: str
    url: str
    outlets: str
    cycle: str = ""
    status: str = ""
    turn: Turn | None = None
    waits: str = ""


@dataclass(frozen=True)
class Day:
    """One day of the grid, which also shows the ends of the neighbouring months."""

    date: date
    inside: bool
    today: bool
    entries: list[Entry]


@dataclass(frozen=True)
class Week:
    """One row of the grid; `number` as ISO 8601 counts weeks."""

    number: int
    days: list[Day]


@staff()
@require_safe
def calendar(request: OwnRequest, year: int | None = None, month: int | None = None) -> HttpResponse:
    """One month; without one named, this one."""
    today = timezone.localdate()
    first = _first(today.year if year is None else year, today.month if month is None else month)
    rows = weeks_of.Calendar().monthdatescalendar(first.year, first.month)
    zone = request.organisation.timezone
    start, end = (recurring(datetime.combine(day, datetime.min.time()), zone) for day in
                  (rows[0][0], rows[-1][-1] + timedelta(days=1)))  # fmt: skip
    by_day = _by_day(list(messages_between(request.organisation, start, end)), zone)
    _add_turns(by_day, turns_between(request.organisation, start, end), zone)
    weeks = [_week(row, first, today, by_day) for row in rows]
    number = len({entry.url for week in weeks for day in week.days if day.inside for entry in day.entries})
    context = {
        "title": format_date(first, "F Y").capitalize(),
        "state": _state(number),
        "weeks": weeks,
        "weekdays": [str(name) for name in WEEKDAYS.values()],
        "before": _address(first - timedelta(days=1)),
        "after": _address(first + timedelta(days=31)),
        "is_now": (first.year, first.month) == (today.year, today.month),
    }
    return render(request, "web/calendar.html", context)


def _first(year: int, month: int) -> date:
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12):
        raise Http404
    return date(year, month, 1)


def _address(day: date) -> str:
    return reverse("calendar-month", args=[day.year, day.month])


def _week(row: list[date], first: date, today: date, by_day: dict[date, list[Entry]]) -> Week:
    days = [Day(day, day.month == first.month, day == today, by_day.get(day, [])) for day in row]
    return Week(row[0].isocalendar().week, days)


def _by_day(messages: Sequence[Any], zone: str) -> dict[date, list[Entry]]:
    """Messages of one send-out that go out together and stand alike are one entry."""
    found: dict[date, list[Entry]] = {}
    waits = {pk: until_words(wait.until) for pk, wait in waits_of(messages).items()}

    def alike(message: Any) -> tuple[datetime, int, str, str]:
        return message.at, message.campaign_id, message.status, waits.get(message.pk, "")

    for (at, _campaign, status, words), group in groupby(
        sorted(messages, key=lambda message: (*alike(message), message.pk)), key=alike
    ):
        entry = replace(_entry(at, status, list(group)), waits=words)
        found.setdefault(at.astimezone(ZoneInfo(zone)).date(), []).append(entry)
    return found


def _add_turns(by_day: dict[date, list[Entry]], turns: Iterable[Turn], zone: str) -> None:
    """What rules are going to send by themselves, among the rest of its day."""
    for turn in turns:
        names = ", ".join(dict.fromkeys(_outlet_name(outlet) for outlet in turn.outlets))
        entry = Entry(turn.at, turn.item.title, reverse("item", args=[turn.item.pk]), names, turn=turn)
        day = by_day.setdefault(turn.at.astimezone(ZoneInfo(zone)).date(), [])
        insort(day, entry, key=lambda each: each.at)


def _entry(at: datetime, status: str, messages: list[Message]) -> Entry:
    campaign = messages[0].campaign
    draft = status == MessageStatus.DRAFT
    return Entry(
        at=at,
        title=campaign.title,
        url=reverse("sendout", args=[campaign.pk]),
        outlets=", ".join(dict.fromkeys(_outlet(message) for message in messages)),
        cycle="campaign" if draft else "message",
        status=campaign.status if draft else status,
    )


def _outlet(message: Message) -> str:
    outlet = message.account or message.newsletter
    assert outlet is not None, "a message is for one outlet"
    return _outlet_name(outlet)


def _outlet_name(outlet: Newsletter | Account) -> str:
    """The newsletter's name, or the platform's: an account's own name is long and often the organisation's."""
    if isinstance(outlet, Newsletter):
        return str(outlet)
    platform = PLATFORMS.get(outlet.kind)
    return str(platform.label) if platform else outlet.kind


def _state(number: int) -> str:
    if not number:
        return _("Nothing is planned or sent in this month.")
    return ngettext("%(number)s send-out.", "%(number)s send-outs.", number) % {"number": number}
