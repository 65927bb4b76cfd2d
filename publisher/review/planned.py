"""The three columns of a planned time: the instant, the wall clock that was meant, and its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PlannedTime = dict[str, datetime | str | None]

UNPLANNED: PlannedTime = {"scheduled_at": None, "scheduled_wall": None, "scheduled_zone": ""}


def planned(at: datetime, zone: str, wall: datetime | None = None) -> PlannedTime:
    """Columns of a Campaign or Message for the instant `at` (aware), meant as `wall` (naive) in `zone`.

    Without `wall` it is what the clocks there show. The wall clock is stored labelled UTC: its column holds aware
    values, and any other zone has times that do not exist in it.
    """
    shown = wall if wall is not None else at.astimezone(ZoneInfo(zone))
    return {"scheduled_at": at, "scheduled_wall": shown.replace(tzinfo=UTC), "scheduled_zone": zone}
