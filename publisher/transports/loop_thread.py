"""An event loop on a thread of its own, for plain code that wants a coroutine's result."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")


class LoopThread:
    """Runs one coroutine at a time; what belongs to the loop (connections) lives on between them.

    A thread of its own, so that it does not matter whether the caller's thread has a loop that runs already.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "smtp")
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`, or what it raises."""
        return self._thread.submit(self._runner.run, work).result()

    def close(self) -> None:
        """End loop and thread."""
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()
