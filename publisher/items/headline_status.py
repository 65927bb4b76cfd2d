"""“AFLYST: Julekoncert”: what editors write into a headline when an event does not take place as announced."""

from __future__ import annotations

import re

from publisher.items.words import key
from publisher.vocabulary import EventStatus

# By language, in the form of `items.words.key`. A headline is looked up in all of them: feeds often name the wrong
# language, or none.
_WORDS: dict[str, dict[str, EventStatus]] = {
    "da": {
        "aflyst": EventStatus.CANCELLED,
        "aflysning": EventStatus.CANCELLED,
        "udsat": EventStatus.POSTPONED,
        "udskudt": EventStatus.POSTPONED,
        "flyttet": EventStatus.MOVED,
        "ny-dato": EventStatus.MOVED,
        "nyt-tidspunkt": EventStatus.MOVED,
    },
    "en": {
        "cancelled": EventStatus.CANCELLED,
        "canceled": EventStatus.CANCELLED,
        "called-off": EventStatus.CANCELLED,
        "postponed": EventStatus.POSTPONED,
        "moved": EventStatus.MOVED,
        "rescheduled": EventStatus.MOVED,
        "new-date": EventStatus.MOVED,
    },
}
_STATUSES = {word: status for words in _WORDS.values() for word, status in words.items()}
# What sets such a word apart from the headline proper. A hyphen does only beside a space: “aflyst-festival” is a word.
_APART = re.compile(r"[:|!*()\[\]{}–—]|\s-|-\s")


def status_in(headline: str) -> EventStatus | None:
    """What a headline says of its event in a word set apart at its head or its end; None if it says nothing.

    “Aflyst” alone is no such word: an exhibition may be called so.
    """
    parts = [part for each in _APART.split(headline) if (part := key(each))]
    if len(parts) < 2:
        return None
    return _STATUSES.get(parts[0]) or _STATUSES.get(parts[-1])
