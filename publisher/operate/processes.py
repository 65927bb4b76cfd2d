"""Processes by pid and start time: a pid alone may by now belong to somebody else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.05


@dataclass(frozen=True)
class ProcessId:
    """One process for good: its pid, and when the system says it started."""

    pid: int
    started: str


def started(pid: int) -> str:
    """When process `pid` started, as the system writes it; "" if there is no such process (a zombie counts as none)."""
    if sys.platform != "linux":
        answer = subprocess.run(  # noqa: S603 -- a number is all that varies
            ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False
        )
        state, _, since = answer.stdout.strip().partition(" ")
        return "" if state.startswith("Z") else since.strip()
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name in brackets may hold blanks and brackets; fields 3 (state) and 22 (start, in ticks) follow it: proc(5).
    fields = line.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{_boot_id()}/{fields[19]}"


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> ProcessId:
    """The lasting identity of a process that runs now."""
    return ProcessId(pid, started(pid))


def is_alive(process: ProcessId) -> bool:
    """Whether this very process still runs."""
    return bool(process.started) and started(process.pid) == process.started


def ask_to_stop(processes: Iterable[ProcessId]) -> list[ProcessId]:
    """Send TERM to those that are alive, in this order, and answer them.

    Who leads a group gets it alone: a Celery worker then lets its children finish what they hold.
    """
    alive = [process for process in processes if is_alive(process)]
    for process in alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGTERM)
    return alive


def stop_groups(processes: Iterable[ProcessId], *, grace_s: float = 10.0) -> list[ProcessId]:
    """Stop processes that lead their own groups: TERM, after `grace_s` seconds KILL. Answers those that were alive."""
    alive = ask_to_stop(processes)
    deadline = time.monotonic() + grace_s
    while any(is_alive(process) for process in alive) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for process in alive:
        kill_group(process.pid)
    return alive


def kill_group(leader: int) -> None:
    """KILL what is left of the group that process `leader` leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
