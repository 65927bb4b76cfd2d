"""Who looks on while chaos reigns: a visitor of the web pages, and a keeper of every journal that a lane wrote."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import httpx

LOOK_EVERY_S = 0.05
VISIT_EVERY_S = 0.5


class _Onlooker(ABC):
    """Something that is done again and again on a thread of its own, from `with` to its end."""

    every_s = 1.0

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._over.wait(self.every_s):
            self.look()

    @abstractmethod
    def look(self) -> None:
        """One time."""


class JournalKeeper(_Onlooker):
    """Gives every journal a second name, so that what lanes wrote can be read after recovery removed it."""

    every_s = LOOK_EVERY_S

    def __init__(self, journals: Path, kept: Path) -> None:
        super().__init__()
        self._journals, self._kept = journals, kept
        kept.mkdir()

    def look(self) -> None:
        """The new ones."""
        for path in self._journals.glob("*.journal"):
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                (self._kept / path.name).hardlink_to(path)

    def kept(self) -> Iterator[Path]:
        """All journals there ever were."""
        return self._kept.glob("*.journal")


class Visitor(_Onlooker):
    """Somebody of the staff who watches the send-out, and a resident who looks at the mail in a browser."""

    every_s = VISIT_EVERY_S

    def __init__(self, port: int, cookie: str, paths: list[str]) -> None:
        super().__init__()
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Cookie": cookie}, timeout=10)
        self._paths = paths
        self.served = self.failed = 0
        self.slowest_s = 0.0

    def look(self) -> None:
        """The next page; a server that is just being killed does not answer, and is not to be blamed."""
        path = self._paths[(self.served + self.failed) % len(self._paths)]
        asked = time.monotonic()
        try:
            good = self._client.get(path).status_code == 200
        except httpx.HTTPError:
            good = False
        if good:
            self.slowest_s = max(self.slowest_s, time.monotonic() - asked)
        self.served, self.failed = self.served + good, self.failed + (not good)
