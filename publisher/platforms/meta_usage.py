"""How much of what Meta lets us call is used, as each of its answers says in its headers.

Sources: developers.facebook.com, Graph API rate limits: `X-App-Usage` and `X-Page-Usage` are one object of percentages
for the last hour, `X-Business-Use-Case-Usage` has a list of them by id, with the minutes until access is regained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from publisher.platforms.replies import LONGEST_WAIT_S

# What an answer may say about its use; more is no usage header.
LONGEST_HEADER = 8_192
# Percent. Over it only what cannot wait is called for, so that the rest is there for posts.
ROOM_FOR_POSTS = 80
_ONE, _BY_ID = ("X-App-Usage", "X-Page-Usage"), "X-Business-Use-Case-Usage"
_COUNTED = ("call_count", "total_time", "total_cputime")
_REGAIN = "estimated_time_to_regain_access"


@dataclass(frozen=True)
class Usage:
    """The most used of what is counted, in percent, and the seconds until access is regained, 0 where not told."""

    percent: float = 0.0
    regain_s: float = 0.0


def usage_of(headers: Mapping[str, str]) -> Usage:
    """What an answer's headers say; those that cannot be read say nothing."""
    told = list(_told(headers))
    return Usage(
        max((_figure(use.get(name)) for use in told for name in _COUNTED), default=0.0),
        min(max((60.0 * _figure(use.get(_REGAIN)) for use in told), default=0.0), LONGEST_WAIT_S),
    )


def _told(headers: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    yield from (_object(headers.get(name, "")) for name in _ONE)
    for uses in _object(headers.get(_BY_ID, "")).values():
        yield from (use for use in uses if isinstance(use, dict)) if isinstance(uses, list) else ()


def _object(header: str) -> Mapping[str, Any]:
    if len(header) > LONGEST_HEADER:
        return {}
    try:
        found = json.loads(header)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _figure(value: object) -> float:
    """A number that is told, 0 for what is none; the largest that we make use of is a day in minutes."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0.0
    return float(min(value, LONGEST_WAIT_S))
