"""Posting times that a person wrote as words: “hverdage 8.15 og 16.30”, “Monday and Thursday at 12”, “hver dag 9”.

Danish and English are read alike, whoever writes. What is not clear is never guessed: it is refused, by its word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time

from django.utils.translation import gettext_noop

from publisher.errors import InputError

LONGEST = 300
_EVERY_DAY, _WEEKDAYS, _WEEKEND = frozenset(range(7)), frozenset(range(5)), frozenset({5, 6})
# Each day in the forms that are written; endings are taken off before it is looked up.
_NAMES: tuple[tuple[str, ...], ...] = (
    ("mandag", "man", "ma", "monday", "mon"),
    ("tirsdag", "tirs", "tir", "ti", "tuesday", "tues", "tue"),
    ("onsdag", "ons", "wednesday", "wed"),
    ("torsdag", "tors", "tor", "thursday", "thurs", "thur", "thu"),
    ("fredag", "fre", "fr", "friday", "fri"),
    ("lørdag", "loerdag", "lør", "lø", "saturday", "sat"),
    ("søndag", "soendag", "søn", "sø", "sunday", "sun"),
)
_DAYS = {name: frozenset({day}) for day, names in enumerate(_NAMES) for name in names} | {
    "hverdag": _WEEKDAYS,
    "weekday": _WEEKDAYS,
    "weekend": _WEEKEND,
    "dag": _EVERY_DAY,
    "day": _EVERY_DAY,
    "daglig": _EVERY_DAY,
    "dagligt": _EVERY_DAY,
    "daily": _EVERY_DAY,
}
_ENDINGS = ("erne", "ene", "en", "er", "e", "s")
_BETWEEN = frozenset(
    ("og", "samt", "and", "kl", "klokken", "at", "on", "om", "i", "in", "the", "hver", "alle", "every", "each", "all")
)
_TO = frozenset(("-", "–", "til", "to", "through", "t.o.m", "til og med"))
_BUT = frozenset(("undtagen", "except"))
_PIECE = re.compile(
    r"(?P<clock>[0-9]+(?:[.:,][0-9]+)?)(?:\s*(?P<half>[ap])\.?m\b\.?)?"
    r"|(?P<word>til og med|t\.o\.m|[^\W\d_]+)\.?"
    r"|(?P<to>[-–])"
    r"|(?P<mark>[,;&+./\s]+)"
    r"|(?P<other>.)",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"([0-9]{1,2})(?:[.:]([0-9]{2}))?|([0-9]{2})([0-9]{2})")

Times = frozenset[tuple[int, time]]


@dataclass
class _Part:
    """Days and times that belong together, and the words that said so."""

    days: set[int] = field(default_factory=set)
    times: set[time] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    times_first: bool = False


def read(text: str) -> Times:
    """The posting times (weekday, Monday 0, and time of day) that a text names. Raises InputError if unclear."""
    found: set[tuple[int, time]] = set()
    reader = _Reader()
    for match in _PIECE.finditer(text):
        reader.take(match)
    reader.end()
    if not reader.parts:
        raise InputError(gettext_noop("Write days and times of day, for example: weekdays 8:15 and 16:30."))
    for part in reader.parts:
        said = " ".join(part.words)
        if not part.times:
            raise InputError(gettext_noop("There is no time of day for “%(words)s”."), words=said)
        if not part.days:
            raise InputError(gettext_noop("There are no days for “%(words)s”."), words=said)
        found |= {(day, at) for day in part.days for at in part.times}
    return frozenset(found)


class _Reader:
    """Goes through a text piece by piece and gathers its parts: days with times after them, or the other way round."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self._part = _Part()
        self._begins: frozenset[int] = frozenset()
        self._ranging = self._without = False

    def take(self, match: re.Match[str]) -> None:
        """One piece. Raises InputError where it cannot stand."""
        piece = match.group().strip()
        word = piece.lower().rstrip(".")
        if match["clock"]:
            self._clock(_time(match["clock"], match["half"], piece), piece)
        elif match["to"] or word in _TO:
            if len(self._begins) != 1 or self._ranging:
                raise _unclear(piece)
            self._ranging = True
        elif word in _BUT:
            self._but(piece)
        elif match["word"] and word not in _BETWEEN:
            self._day(_days(word, piece), piece)
        elif match["other"]:
            raise _unclear(piece)

    def end(self) -> None:
        """Nothing more comes."""
        if self._ranging:
            raise _unclear(self._part.words[-1])
        self._next()

    def _next(self) -> None:
        if self._part.words:
            self.parts.append(self._part)
        self._part = _Part()

    def _clock(self, at: time, piece: str) -> None:
        if self._ranging:
            raise _unclear(piece)
        if self._part.days and self._part.times_first:
            self._next()
        self._part.times_first = self._part.times_first or not self._part.days
        self._part.times.add(at)
        self._part.words.append(piece)
        self._without, self._begins = False, frozenset()

    def _but(self, piece: str) -> None:
        if not self._part.days or (self._part.times and not self._part.times_first):
            raise _unclear(piece)
        self._without = True
        self._part.words.append(piece)

    def _day(self, days: frozenset[int], piece: str) -> None:
        if self._part.times and not self._part.times_first:
            self._next()
        named = _range(self._begins, days, piece) if self._ranging else days
        self._part.days = self._part.days - named if self._without else self._part.days | named
        self._part.words.append(piece)
        self._begins, self._ranging = days, False


def _range(begins: frozenset[int], ends: frozenset[int], piece: str) -> frozenset[int]:
    """From one day to another, over the weekend where the second comes first in the week."""
    if len(ends) != 1:
        raise _unclear(piece)
    (first,), (last,) = begins, ends
    return frozenset((first + ahead) % 7 for ahead in range((last - first) % 7 + 1))


def _days(lowered: str, piece: str) -> frozenset[int]:
    forms = [lowered, *(lowered.removesuffix(ending) for ending in _ENDINGS)]
    found = next((_DAYS[form] for form in forms if form in _DAYS), None)
    if found is None:
        raise _unclear(piece)
    return found


def _time(clock: str, half: str | None, piece: str) -> time:
    read_as = _CLOCK.fullmatch(clock)
    hour, minute = (int(read_as[1] or read_as[3]), int(read_as[2] or read_as[4] or 0)) if read_as else (99, 99)
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    elif half:
        hour = 99
    if hour > 23 or minute > 59:
        raise InputError(gettext_noop("“%(clock)s” is not a time of day. Write it as 8:15 or 16:30."), clock=piece)
    return time(hour, minute)


def _unclear(piece: str) -> InputError:
    words = gettext_noop(
        "“%(word)s” is not understood. Write days and times of day, for example: weekdays 8:15 and 16:30, Saturday 10."
    )
    return InputError(words, word=piece)
