"""Dates of news as websites write them: with their zone, without one, in Danish."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime
from typing import Any

from django.utils.timezone import get_default_timezone

# After a time of day: “Z”, “+01:00”, “GMT”, “+0100 (CET)”. The year at the end of “Thu Nov 26 15:16:00 2026” is none.
_ZONE = re.compile(
    r":\d\d(?:\.\d+)?\s*(?:[a-z]{1,5}(?:[+-]\d\d:?\d\d)?|etc/\w+|[+-]\d\d(?::?\d\d)?)\s*(?:\([^()]*\))?$", re.IGNORECASE
)
# Zones that stand in Danish feeds and that feedparser takes for Greenwich.
_CENTRAL_EUROPE = re.compile(r"\s*\b(?:(?P<summer>cest|mesz)|cet|mez)\s*$", re.IGNORECASE)
_DANISH = re.compile(
    r"(?:[a-zæøå]{3,8}\.?,?\s+(?:d(?:en|\.)\s+)?)?(?P<day>\d{1,2})\.?\s+(?P<month>[a-z]{3,9})\.?,?\s+(?P<year>\d{4})"
    r"(?:,?\s+(?:kl\.?\s*)?(?P<hour>\d{1,2})[.:](?P<minute>\d\d)(?:[.:]\d\d)?)?(?:\s+(?P<zone>[+-]\d\d:?\d\d))?",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"(?P<day>\d{1,2})[-./](?P<month>\d{1,2})[-./](?P<year>\d{4})(?:,?\s+(?:kl\.?\s*)?(?P<hour>\d{1,2})[.:](?P<minute>\d\d)"
    r"(?:[.:]\d\d)?)?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec")
_LONGEST = 60


def moment(written: str, parsed: Any = None) -> datetime | None:
    """The instant that `written` names; `parsed` is what feedparser made of it (as UTC), if anything.

    A date without a zone is in the zone of this installation (TIME_ZONE): those who leave it out write what their own
    clock shows. None for what names no instant.
    """
    text = written.strip()
    if len(text) > _LONGEST:
        return None
    try:
        own = _iso(text) or _numbers(text)
        if own or not parsed:
            return own or _danish(text)
        return _with_its_zone(datetime.fromtimestamp(calendar.timegm(parsed), UTC), text)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _with_its_zone(as_utc: datetime, text: str) -> datetime:
    central = _CENTRAL_EUROPE.search(text)
    if central:
        hours = "+02:00" if central["summer"] else "+01:00"
        return datetime.fromisoformat(as_utc.replace(tzinfo=None).isoformat() + hours)
    if not text or _ZONE.search(text):
        return as_utc
    return as_utc.replace(tzinfo=get_default_timezone())


def _iso(text: str) -> datetime | None:
    """RFC 3339, as JSON Feed writes it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=get_default_timezone())


def _numbers(text: str) -> datetime | None:
    """“26-11-2026 kl. 15.16”: in Denmark the day comes first."""
    found = _NUMBERS.fullmatch(text)
    return _naive(found, int(found["month"])).replace(tzinfo=get_default_timezone()) if found else None


def _danish(text: str) -> datetime | None:
    """“torsdag den 26. november 2026 kl. 15.16”, “tor, 26 nov 2026 15:16:00 +0100”."""
    found = _DANISH.fullmatch(text)
    month = next((n for n, name in enumerate(_MONTHS, 1) if found and found["month"].lower().startswith(name)), 0)
    if not found or not month:
        return None
    naive, zone = _naive(found, month), (found["zone"] or "").replace(":", "")
    if not zone:
        return naive.replace(tzinfo=get_default_timezone())
    return datetime.fromisoformat(f"{naive.isoformat()}{zone[:3]}:{zone[3:]}")


def _naive(found: re.Match[str], month: int) -> datetime:
    return datetime(int(found["year"]), month, int(found["day"]), int(found["hour"] or 0), int(found["minute"] or 0))  # noqa: DTZ001
