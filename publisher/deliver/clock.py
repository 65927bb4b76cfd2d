"""The clock of leases."""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_clock_s() -> float:
    """Seconds of a clock that runs on while the machine sleeps or the process stands (Linux: CLOCK_BOOTTIME)."""
    return time.clock_gettime(_CLOCK)
