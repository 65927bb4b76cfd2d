"""Dates, times and numbers as people write them in Danish and English: short in tables, long in sentences."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from publisher.compose.dates import written

register = template.Library()

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
GROUPS = {"da": NO_BREAK_SPACE, "en": ","}


def _language() -> str:
    return (get_language() or "da").split("-")[0]


def _localised(value: date, zone: str) -> date:
    """`value` in `zone` (an IANA name), else in the zone of the page; plain dates and times stay as they are."""
    if isinstance(value, datetime) and timezone.is_aware(value):
        return timezone.localtime(value, ZoneInfo(zone) if zone else None)
    return value


def _zone_note(value: date, zone: str) -> str:
    """The zone in brackets where the reader's own clock shows another time."""
    if zone and isinstance(value, datetime) and value.utcoffset() != timezone.localtime(value).utcoffset():
        return f" ({zone})"
    return ""


def write_date(value: date | None, style: str, zone: str = "") -> str:
    """Write a date or time in the reader's language; the year only when it is not this year.

    `style` is a name in compose.dates.FORMATS; `zone` an IANA name, "" for the page's zone. None gives "".
    """
    if value is None:
        return ""
    local = _localised(value, zone)
    return written(local, style, timezone.localdate().year) + _zone_note(local, zone)


@register.filter
def date_short(value: date | None, zone: str = "") -> str:
    """For tables and lists: “tor. 26. nov. 08.00”."""
    return write_date(value, "short", zone)


@register.filter
def date_long(value: date | None, zone: str = "") -> str:
    """For sentences: “torsdag den 26. november kl. 08.00”."""
    return write_date(value, "long", zone)


@register.filter
def day_short(value: date | None, zone: str = "") -> str:
    """A day in a table: “tor. 26. nov.”."""
    return write_date(value, "day_short", zone)


@register.filter
def day_long(value: date | None, zone: str = "") -> str:
    """A day in a sentence or heading: “torsdag den 26. november”."""
    return write_date(value, "day_long", zone)


@register.filter
def clock(value: datetime | None, zone: str = "") -> str:
    """The time of day: “08.00”."""
    return write_date(value, "time", zone)


@register.simple_tag
def when(value: datetime | None, style: str = "short", zone: str = "") -> SafeString | str:
    """A `<time>` element that machines can read too; `style` as in `write_date`."""
    if value is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), write_date(value, style, zone))


@register.filter
def number(value: int | None) -> str:
    """Whole numbers in groups of three: “4 180” in Danish, “4,180” in English. None gives "–"."""
    if value is None:
        return "–"
    return f"{value:,}".replace(",", GROUPS.get(_language(), ","))
