"""The clock of leases."""

from __future__ import annotations

import time


def boot_clock_s() -> float:
    """Seconds of a clock that runs on while the machine sleeps or the process stands (Linux: CLOCK_BOOTTIME)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
