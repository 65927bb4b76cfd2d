"""What a mail or post on its way waits for, and when the last one has a mail, in sentences for its page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.accounts.waiting import Wait
from publisher.models import UNSETTLED, Message
from publisher.schedule.destinations import resting
from publisher.schedule.first_wave import is_in_first_wave
from publisher.schedule.forecast import of_message
from publisher.schedule.warm_up import waits_until
from publisher.templatetags.dates import number, write_date
from publisher.vocabulary import MessageStatus, Outlet


def _minute(at: datetime) -> datetime:
    """A forecast instant, to the full minute."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


def _nearest_minute(at: datetime) -> datetime:
    """A time that a platform named: a second after midnight is midnight."""
    return (at + timedelta(seconds=30)).replace(second=0, microsecond=0)


def _is_today(at: datetime) -> bool:
    return timezone.localtime(at).date() == timezone.localdate()


def _when(at: datetime) -> str:
    """“at 10.40”, with the day if it is not today."""
    minute = _minute(at)
    if _is_today(minute):
        return _("at %(time)s") % {"time": write_date(minute, "time")}
    return write_date(minute, "long")


def last_one_words(at: datetime) -> str:
    """“The last one gets it at about 10.40.”"""
    minute = _minute(at)
    if _is_today(minute):
        return _("The last one gets it at about %(time)s.") % {"time": write_date(minute, "time")}
    return _("The last one gets it about %(when)s.") % {"when": write_date(minute, "long")}


def wait_words(wait: Wait) -> str:
    """“LinkedIn takes nothing more from us today. The post is sent at 01:00.”"""
    words = _("%(why)s The post is sent %(when)s.") if wait.counted else _("%(why)s The post is tried again %(when)s.")
    return words % {"why": wait.why, "when": _when(_nearest_minute(wait.until))}


def until_words(at: datetime) -> str:
    """“Waits until 01:00”, with the day if it is not today."""
    minute = _nearest_minute(at)
    if _is_today(minute):
        return _("Waits until %(time)s") % {"time": write_date(minute, "time")}
    return _("Waits until %(when)s") % {"when": write_date(minute, "short")}


def course_of(message: Message, figures: Mapping[str, int], wait: Wait | None = None) -> list[str]:
    """What the message waits for, and a mail's forecast; nothing unless it is being sent."""
    if wait is not None:
        return [wait_words(wait)]
    if message.outlet != Outlet.EMAIL or message.status != MessageStatus.SENDING:
        return []
    now = timezone.now()
    last = of_message(message, dict(figures), now)
    if last is None:
        return []
    return [*_wave(message, now), *_warm_up(message, now), *_destinations(message, now), last_one_words(last)]


def _wave(message: Message, now: datetime) -> list[str]:
    if not is_in_first_wave(message, now):
        return []
    if message.wave_until is not None:
        return [_("The first group is sent; the rest follow %(when)s.") % {"when": _when(message.wave_until)}]
    words = ngettext(
        "%(first)s person gets it first; the rest follow %(minutes)s minutes later.",
        "%(first)s people get it first; the rest follow %(minutes)s minutes later.",
        message.wave_size or 0,
    )
    return [words % {"first": number(message.wave_size), "minutes": message.wave_minutes}]


def _warm_up(message: Message, now: datetime) -> list[str]:
    until = waits_until(message, now)
    if until is None:
        return []
    words = _("Your sender domain is new, so today's number is used up; the next ones follow %(when)s.")
    return [words % {"when": _when(until)}]


def _destinations(message: Message, now: datetime) -> list[str]:
    """Those that asked us to slow down, while something of this mail waits for its time."""
    slow = resting(now)
    if not slow or not message.deliveries.filter(UNSETTLED, due_at__gt=now).exists():
        return []
    words = _("%(name)s asked us to slow down; mail to it goes on %(when)s, a little at first.")
    return [words % {"name": row.name, "when": _when(row.rest_until)} for row in slow if row.rest_until > now]
