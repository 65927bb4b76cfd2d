"""Work on a database connection of its own, as another process does it: for tests of two that meet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connection

T = TypeVar("T")


class Elsewhere(Generic[T]):
    """Begins `work` at once on a thread; `answer` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._answers: list[T] = []
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answers.append(self._work())
        except BaseException as error:  # noqa: BLE001 `answer` raises it where the test sees it
            self._raised = error
        finally:
            connection.close()

    def is_over(self, wait_s: float = 0.0) -> bool:
        """Whether the work has ended; false after `wait_s` seconds means that it waits for somebody."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def answer(self) -> T:
        """What the work gave; a minute is enough for all that is done here."""
        assert self.is_over(60), "it never ended"
        if self._raised is not None:
            raise self._raised
        return self._answers[0]
