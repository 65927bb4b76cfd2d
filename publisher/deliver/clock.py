"""The clock of leases."""

from __future__ import annotations

import time
from functools import partial

# Seconds of a clock that runs on while the machine sleeps or the process stands (Linux: CLOCK_BOOTTIME). It is read
# several times for each mail, so no function of ours stands between.
boot_clock_s = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
