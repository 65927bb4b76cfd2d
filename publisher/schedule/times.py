"""Wall time and zone to an instant and back: what does not exist is refused, what exists twice means the first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import get_language, gettext_noop

from publisher.errors import Explanation, InputError


@dataclass(frozen=True)
class Resolved:
    """The instant (aware, UTC) that a wall time means, and a note for the person if there was a choice."""

    at: datetime
    note: Explanation | None = None


def resolve(wall: datetime, zone: str) -> Resolved:
    """The instant at which clocks in `zone` (IANA name) show `wall`; any label on `wall` is ignored.

    Clocks that are set forward skip times: such a time is refused with the two times on either side of the gap. Clocks
    that are set back show times twice: the first is taken, with a note. Raises InputError, also for an unknown zone.
    `zoneinfo` itself never complains (PEP 495), hence the round trip.
    """
    first, second = (_instant(wall, zone, fold) for fold in (0, 1))
    if wall_of(first, zone) != wall.replace(tzinfo=None):
        raise InputError(
            gettext_noop(
                "There is no %(wall)s on that day: the clocks are set forward. Choose %(before)s or %(after)s."
            ),
            wall=_clock(wall),
            before=_clock(wall_of(second, zone)),
            after=_clock(wall_of(first, zone)),
        )
    if first == second:
        return Resolved(first)
    twice = gettext_noop("%(wall)s comes twice on that day, since the clocks are set back. The first one is meant.")
    return Resolved(first, Explanation(twice, {"wall": _clock(wall)}))


def recurring(wall: datetime, zone: str) -> datetime:
    """The instant for a repeated wall time, where nobody can be asked.

    In a gap it is moved forward by the gap; of two the first.
    """
    return _instant(wall, zone, fold=0)


def first_after(at: datetime, wall: datetime, zone: str) -> datetime:
    """The first instant after `at` (aware) at which clocks in `zone` show `wall`, which must still be to come there.

    In a gap it is moved forward by the gap; a time that comes twice may be the second one.
    """
    return min(instant for fold in (0, 1) if (instant := _instant(wall, zone, fold)) > at)


def wall_of(at: datetime, zone: str) -> datetime:
    """What clocks in `zone` show at the instant `at` (aware): naive, without fold."""
    return at.astimezone(_zone(zone)).replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: str, fold: int) -> datetime:
    try:
        return wall.replace(tzinfo=_zone(zone), fold=fold).astimezone(UTC)
    except OverflowError as error:
        raise InputError(gettext_noop("That date is too far away.")) from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            gettext_noop("There is no time zone “%(zone)s”. Write for example Europe/Copenhagen."), zone=name
        ) from error


def _clock(wall: datetime) -> str:
    return wall.strftime("%H.%M" if (get_language() or "").startswith("da") else "%H:%M")
