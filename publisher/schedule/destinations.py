"""Destinations that asked us to slow down: they rest, then get a little, then more, until they are as all others.

A destination is a domain, or one of the few providers that count all their domains together. Its rest is a row, so
nothing but the pace after it (Redis) can be forgotten. After a rest 10 a minute go there, and each minute twice as
many; after ten minutes without trouble there is no limit. Trouble within six hours makes the next rest twice as long.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.errors import Explanation
from publisher.models import Destination
from publisher.schedule.pace import destination_line, reserve

FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=1)
REMEMBERED = timedelta(hours=6)
START_PER_MINUTE = 10.0
GROWS_FOR = timedelta(minutes=10)

# Providers whose many domains are one place (facts: mailbox-provider rules): the first label of the domain decides.
_PROVIDERS: Mapping[str, str] = {
    **dict.fromkeys(("gmail", "googlemail"), "gmail.com"),
    **dict.fromkeys(("hotmail", "outlook", "live", "msn"), "outlook.com"),
    **dict.fromkeys(("yahoo", "ymail", "rocketmail", "aol"), "yahoo.com"),
}
_ICLOUD = {"icloud.com", "me.com", "mac.com"}


def destination_of(domain: str) -> str:
    """The name of the destination that a domain belongs to: hotmail.co.uk and live.dk are outlook.com."""
    name = domain.lower()
    first, *rest = name.split(".")
    is_whole = len(rest) == 1 or (len(rest) == 2 and rest[0] in {"co", "com"})
    if is_whole and first in _PROVIDERS:
        return _PROVIDERS[first]
    return "icloud.com" if name in _ICLOUD else name


@dataclass(frozen=True)
class Slow:
    """A destination that rests, or is tried again."""

    name: str
    rest_until: datetime

    def is_resting(self, now: datetime) -> bool:
        """Whether nothing may be sent there yet."""
        return self.rest_until > now

    def per_minute(self, now: datetime) -> float:
        """How many a minute may go there, after its rest."""
        return START_PER_MINUTE * math.exp2(self._minutes(now))

    def turn(self, number: int, now: datetime) -> datetime:
        """When the `number`-th of those that wait (from 1) has its turn, at the pace that grows.

        The pace doubles each minute, so its integral is START × (2^x - 1) / ln 2 after x minutes.
        """
        grown = math.log2(math.exp2(self._minutes(now)) + number * math.log(2) / START_PER_MINUTE)
        turn = self.rest_until + min(timedelta(minutes=grown), GROWS_FOR)
        return max(turn, now + timedelta(seconds=1))

    def _minutes(self, now: datetime) -> float:
        passed = min(max(now - self.rest_until, timedelta(0)), GROWS_FOR)
        return passed / timedelta(minutes=1)


def slow_ones(now: datetime) -> dict[str, Slow]:
    """All that rest or are tried again at `now`, by name."""
    found = Destination.objects.filter(rest_until__gt=now - GROWS_FOR).values_list("name", "rest_until")
    return {name: Slow(name, rest_until) for name, rest_until in found}


def resting(now: datetime) -> list[Destination]:
    """The rows of those that rest or are tried again, for people, soonest first."""
    return list(Destination.objects.filter(rest_until__gt=now - GROWS_FOR).order_by("rest_until", "name"))


def rest(name: str, words: Explanation, now: datetime) -> bool:
    """Let a destination rest, longer each time; false if it rests already."""
    row, _ = Destination.objects.get_or_create(name=name, defaults={"rest_until": now - REMEMBERED})
    if row.rest_until > now:
        return False
    rests = row.rests + 1 if row.rest_until > now - REMEMBERED else 1
    pause = min(FIRST_REST * 2 ** min(rests - 1, 10), LONGEST_REST)
    as_read = Destination.objects.filter(pk=row.pk, rest_until=row.rest_until)
    return bool(as_read.update(rest_until=now + pause, rests=rests, last_error=words.as_json()))


class Slowed:
    """The slow destinations as one lane knows them: which of the deliveries that are next may go, and when the rest."""

    def __init__(self, slow: Mapping[str, Slow]) -> None:
        self.slow = slow
        self._waiting: Counter[str] = Counter()

    def sort(self, rows: Iterable[tuple[int, str]], now: datetime) -> tuple[list[int], list[tuple[int, datetime]]]:
        """Of deliveries (id, domain) in their order: those that may go now, and for each of the others its time."""
        go: list[int] = []
        held: dict[str, list[int]] = {}
        for delivery_id, domain in rows:
            name = destination_of(domain)
            if name in self.slow:
                held.setdefault(name, []).append(delivery_id)
            else:
                go.append(delivery_id)
        allowed = self._allowed({name: len(ids) for name, ids in held.items()}, now)
        later: list[tuple[int, datetime]] = []
        for name, ids in held.items():
            go += ids[: allowed.get(name, 0)]
            later += [(delivery_id, self._turn(name, now)) for delivery_id in ids[allowed.get(name, 0) :]]
        return sorted(go), later

    def _allowed(self, wanted: Mapping[str, int], now: datetime) -> dict[str, int]:
        tried = [name for name in wanted if not self.slow[name].is_resting(now)]
        lines = [destination_line(name, self.slow[name].per_minute(now), wanted[name]) for name in tried]
        return {name: grant.number for name, grant in zip(tried, reserve(lines), strict=True)}

    def _turn(self, name: str, now: datetime) -> datetime:
        self._waiting[name] += 1
        return self.slow[name].turn(self._waiting[name], now)
