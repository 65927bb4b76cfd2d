"""How fast a lane sends: what its claims are measured by."""

from __future__ import annotations

import time

FIRST_RATE = 50.0
# Fewer messages, or a shorter time, say little.
_ENOUGH = 50
_LONG_S = 1.0


class Rate:
    """Messages a second, as lately measured; each new measure counts for half."""

    def __init__(self) -> None:
        self._rate, self._at_s, self._count = FIRST_RATE, time.monotonic(), 0

    def measured(self, count: int) -> float:
        """The rate, given that `count` were started since the beginning."""
        passed_s = time.monotonic() - self._at_s
        if count - self._count >= _ENOUGH or passed_s > _LONG_S:
            latest = (count - self._count) / max(passed_s, 0.001)
            self._rate = max(0.5 * self._rate + 0.5 * latest, 1.0)
            self._at_s, self._count = time.monotonic(), count
        return self._rate
