"""What the doctor finds: each finding is about one thing, so bad, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from publisher.errors import Explanation


class Level(StrEnum):
    """How bad it is: nothing sends while something fails."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: about what, how bad, and what to do."""

    level: Level
    about: str
    explanation: Explanation


Found = Iterator[tuple[Level, str, dict[str, str]]]


def ok(msgid: str, **params: object) -> tuple[Level, str, dict[str, str]]:
    """It is in order."""
    return Level.OK, msgid, {name: str(value) for name, value in params.items()}


def warn(msgid: str, **params: object) -> tuple[Level, str, dict[str, str]]:
    """It works, and could be better."""
    return Level.WARN, *ok(msgid, **params)[1:]


def fail(msgid: str, **params: object) -> tuple[Level, str, dict[str, str]]:
    """It keeps mail from going out or coming back."""
    return Level.FAIL, *ok(msgid, **params)[1:]
