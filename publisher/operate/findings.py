"""What a look of the doctor's finds: how bad it is, and in words what to do about it."""

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
    """All is well."""
    return Level.OK, msgid, {name: str(value) for name, value in params.items()}


def warn(msgid: str, **params: object) -> tuple[Level, str, dict[str, str]]:
    """Somebody should look at it."""
    return Level.WARN, *ok(msgid, **params)[1:]


def fail(msgid: str, **params: object) -> tuple[Level, str, dict[str, str]]:
    """It keeps mail from going out, or from being lawful."""
    return Level.FAIL, *ok(msgid, **params)[1:]
