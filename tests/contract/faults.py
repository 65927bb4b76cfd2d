"""Faults that a test or a person switches on in a contract server, and a clock that they can move."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.contract.wire import Request


class Known(NamedTuple):
    """A fault that a server can play: the calls that it usually strikes, as `Faults.set` takes them; what it does."""

    on: str
    what: str


Callers = Callable[[Request], Collection[str]]
_CALL = re.compile(r"(?:GET|POST|PUT|DELETE)(?: /\S*)?|")
_AIMED = {"times", "on", "account"}


def begins_as(call: str, pattern: str) -> bool:
    """Whether a call (method and path) begins as `pattern` says, in which * stands for any part between slashes."""
    return re.match(re.escape(pattern).replace(r"\*", "[^/]*"), call) is not None


@dataclass
class _Aim:
    """How many calls more, which (method and beginning of the path, * for any part of it), whose ("": anybody's)."""

    times: int | None
    on: str
    account: str

    def meets(self, call: str) -> bool:
        return self.times != 0 and begins_as(call, self.on)


class Faults:
    """Which faults are on: each for a number of calls or until it is switched off, for some calls, for some accounts.

    `callers` gives the names of the account that makes a call.
    """

    def __init__(self, known: Mapping[str, Known], callers: Callers = lambda request: ()) -> None:
        self.known = known
        self._callers = callers
        self._on: dict[str, list[_Aim]] = {}
        self._lock = threading.Lock()

    def set(self, name: str, times: int | None = 1, on: str = "", account: str = "") -> None:
        """Switch a fault on for the next `times` calls (None: until `clear`, 0: off).

        `on` is method and beginning of the path, such as "POST /api/v2/media", * for any part between slashes; default
        is the fault's usual call. `account`: for its calls alone. Raises ValueError.
        """
        self.play({name: {"times": times, "on": on, "account": account}})

    def play(self, wanted: Mapping[str, Any]) -> None:
        """What a control says: {name: times}, {name: {"times", "on", "account"}} or a list of these. Raises ValueError.

        Nothing is switched on if anything is wrong.
        """
        read = {name: [self._read(name, each) for each in _listed(given)] for name, given in wanted.items()}
        with self._lock:
            self._on |= read

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._on.clear()

    def take(self, name: str, request: Request) -> bool:
        """Whether the fault strikes this call; counts it."""
        call = f"{request.method} {request.path}"
        with self._lock:
            near = [aim for aim in self._on.get(name, []) if aim.meets(call)]
        # Whose call it is may have to be read from its body, so nobody else waits for that.
        whose = self._callers(request) if any(aim.account for aim in near) else ()
        with self._lock:
            for aim in near:
                if aim.times != 0 and aim.account in {"", *whose}:
                    aim.times = None if aim.times is None else aim.times - 1
                    return True
        return False

    def state(self) -> dict[str, object]:
        """What is on, for the control page: one aim, or a list of them."""
        with self._lock:
            left = {name: [asdict(aim) for aim in aims if aim.times != 0] for name, aims in self._on.items()}
        return {name: aims[0] if len(aims) == 1 else aims for name, aims in left.items() if aims}

    def _read(self, name: str, given: object) -> _Aim:
        if name not in self.known:
            raise ValueError(f"no fault {name!r}; known: {', '.join(sorted(self.known))}")
        aimed = dict(given) if isinstance(given, Mapping) else {"times": given}
        if unknown := set(aimed) - _AIMED:
            raise ValueError(f"{name}: unknown: {', '.join(sorted(unknown))}; there are {', '.join(sorted(_AIMED))}")
        times, on, account = aimed.get("times", 1), aimed.get("on", ""), aimed.get("account", "")
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 0):
            raise ValueError(f"{name}: times is a number from 0, or null for until it is cleared, not {times!r}")
        if not isinstance(on, str) or not _CALL.fullmatch(on):
            raise ValueError(f'{name}: on is method and path, as in "POST /v1/posts", not {on!r}')
        if not isinstance(account, str):
            raise ValueError(f"{name}: account is a text, not {account!r}")
        return _Aim(times, on or self.known[name].on, account)


def _listed(given: object) -> list[object]:
    return given if isinstance(given, list) else [given]


class Clock:
    """The server's idea of now (UTC)."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self._ahead += timedelta(seconds=seconds)
