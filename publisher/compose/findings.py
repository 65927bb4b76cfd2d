"""What the checks before a send-out find about one message."""

from __future__ import annotations

from typing import Literal, NamedTuple

from publisher.errors import Explanation

Level = Literal["error", "warning"]


class Finding(NamedTuple):
    """What is found about one message: an error stops the approval, a warning does not; `field` puts it right."""

    level: Level
    explanation: Explanation
    field: str = ""


def say(msgid: str, **params: object) -> Explanation:
    """A sentence with its values."""
    return Explanation(msgid, {name: str(value) for name, value in params.items()})
