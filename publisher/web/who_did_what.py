"""Who did what to something, as web/parts/history.html shows it beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model

from publisher.access.audit import timeline
from publisher.errors import Explanation


@dataclass(frozen=True)
class Entry:
    """One line. `at`: aware; `who`: "" for Opslag itself."""

    at: datetime
    who: str
    text: str


def who_did_what(subject: Model) -> list[Entry]:
    """All that was done to a row, oldest first, in the reader's language."""
    return [
        Entry(entry.at, str(entry.user or ""), str(Explanation.from_json(entry.explanation)))
        for entry in timeline(subject)
    ]
