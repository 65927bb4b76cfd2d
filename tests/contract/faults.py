"""Faults that a test or a person switches on in a contract server, and a clock that they can move."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.contract.wire import Request


class Known(NamedTuple):
    """A fault that a server can play: the calls that it usually strikes (method and path), and what it does."""

    on: str
    what: str


@dataclass
class _Fault:
    times: int | None
    on: str


class Faults:
    """Which faults are on: each for a number of calls or until it is switched off, for calls beginning with `on`."""

    def __init__(self, known: Mapping[str, Known]) -> None:
        self.known = known
        self._on: dict[str, _Fault] = {}
        self._lock = threading.Lock()

    def set(self, name: str, times: int | None = 1, on: str = "") -> None:
        """Switch a fault on for the next `times` calls (None: until `clear`, 0: off).

        `on` is method and beginning of the path, such as "POST /api/v2/media"; default is the fault's usual call.
        """
        if name not in self.known:
            raise ValueError(f"no fault {name!r}; known: {', '.join(sorted(self.known))}")
        with self._lock:
            self._on[name] = _Fault(times, on or self.known[name].on)

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._on.clear()

    def take(self, name: str, request: Request) -> bool:
        """Whether the fault strikes this call; counts it."""
        with self._lock:
            fault = self._on.get(name)
            if not fault or fault.times == 0 or not f"{request.method} {request.path}".startswith(fault.on):
                return False
            if fault.times is not None:
                fault.times -= 1
            return True

    def state(self) -> dict[str, dict[str, object]]:
        """What is on, for the control page."""
        with self._lock:
            return {
                name: {"times": fault.times, "on": fault.on} for name, fault in self._on.items() if fault.times != 0
            }


class Clock:
    """The server's idea of now (UTC)."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self._ahead += timedelta(seconds=seconds)
