"""Calls to Meta's Graph APIs, and what Facebook, Instagram and Threads have in common beyond their errors."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from publisher import http
from publisher.platforms.addresses import origin

GRAPH = "https://graph.facebook.com"
WWW = "https://www.facebook.com"
# Their clock may differ from ours by this much.
CLOCK_SKEW = timedelta(minutes=5)


def graph_url(kind: str, path: str, usual: str = GRAPH) -> str:
    """The address of a Graph call in the version of OPSLAG_META_VERSION."""
    return f"{origin(kind, usual)}/{settings.OPSLAG_META_VERSION}/{path}"


def send(method: str, url: str, token: str, *, commit: bool = False, **content: Any) -> http.Reply:
    """One call with the token in a header, so that it stands in no address."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return http.send(method, url, commit=commit, headers=headers, **content)


def same_words(one: object, other: str) -> bool:
    """Whether two texts say the same, spaces and composition apart; never so for texts without words."""
    return bool(_comparable(other)) and isinstance(one, str) and _comparable(one) == _comparable(other)


def _comparable(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] not in "ZC")


def since_then(row: Mapping[str, Any], name: str, since: datetime) -> bool:
    """Whether the moment under `name` is not before `since` (aware), their clock's error apart."""
    moment = moment_of(str(row.get(name, "")))
    return moment is not None and moment >= since - CLOCK_SKEW


def moment_of(text: str) -> datetime | None:
    """A moment in ISO 8601 (aware, UTC where no zone is named), None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def number(value: object) -> int | None:
    """A count as the Graph tells it, None where it does not."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def measured(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What `insights` counted, by name."""
    found = {}
    for row in rows:
        values = row.get("values")
        first = values[0] if isinstance(values, list) and values and isinstance(values[0], dict) else {}
        total = row.get("total_value")
        value = number(first.get("value") if first else total.get("value") if isinstance(total, dict) else None)
        if value is not None:
            found[str(row.get("name"))] = value
    return found
