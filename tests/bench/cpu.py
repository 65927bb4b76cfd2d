"""What processes have cost: processor time and memory from /proc, children and ended children included (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """A process and all its descendants that live."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(path)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def parent(pid: int) -> int:
    """The process id of a process's parent; 0 if it has ended."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return int(fields[1]) if fields else 0


def name(pid: int) -> str:
    """What the system calls a process; "" if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    """Whether a process lives; one that has ended and only waits to be noticed does not."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return bool(fields) and fields[0] not in ("Z", "X")


def seconds(pids: Iterable[int]) -> float:
    """User and system time of processes and of their children that have ended and were waited for."""
    total = 0
    for pid in pids:
        fields = _fields(Path(f"/proc/{pid}/stat"))
        total += sum(int(field) for field in fields[11:15]) if fields else 0
    return total * _TICK_S


def peak_mb(pid: int) -> float:
    """The most memory that a process ever had resident."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else 0.0


def _fields(path: Path) -> list[str]:
    """proc(5), stat: the fields behind the name, from the state on."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []
