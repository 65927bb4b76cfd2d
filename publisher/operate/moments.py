"""Moments as a terminal shows them: the same everywhere, in the installation's time, with its zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings


def moment(at: datetime) -> str:
    """“2026-11-26 08:00 CET”."""
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%Y-%m-%d %H:%M %Z")
