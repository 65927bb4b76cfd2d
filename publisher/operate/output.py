"""What the supervised services print: kept in files, and shown with the service's name in front where it matters."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

FILE_LIMIT = 5_000_000
TAIL_LINES = 20
CHUNK = 65_536
LONGEST_LINE = 20_000
_ALARMING = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|^Traceback|^[\w.]+(Error|Exception|Warning)\b")
NAME_MARK = "│ "
_COLOURS = (36, 35, 34, 33, 32)

Echo = Callable[[str], None]


def to_terminal(line: str) -> None:
    """Print one line; a terminal that is gone stops nothing."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        # Whatever is still written goes nowhere, and Python does not complain again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class ServiceOutput:
    """One service's lines: into `folder`/<name>.log (kept below 5 MB, with one older file), the latest 20 remembered.

    `show_all` shows each line; otherwise only warnings and errors with what belongs to them. Lines that are
    `named` have the name of the service that speaks in front already.
    """

    def __init__(self, name: str, folder: Path, echo: Echo, *, show_all: bool = False, named: bool = False) -> None:
        self.name = name
        self.path = folder / f"{name}.log"
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._echo = echo
        self._show_all = show_all
        self._named = named
        self._half = b""
        self._alarmed = False

    def read(self, descriptor: int) -> bool:
        """Take what is there to read; False once the other end is closed."""
        try:
            content = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return True
        if not content:
            self._take(self._half)
            self._half = b""
            return False
        *lines, self._half = (self._half + content).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._half) > LONGEST_LINE:
            self._take(self._half)
            self._half = b""
        return True

    def _take(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip()
        if not line:
            return
        self.tail.append(line)
        self._keep(line)
        if self._show_all or self._matters(line):
            self._echo(self.prefixed(line))

    def _matters(self, line: str) -> bool:
        belongs_to_it = self._alarmed and line[0].isspace()
        self._alarmed = belongs_to_it or bool(_ALARMING.search(line))
        return self._alarmed

    def _keep(self, line: str) -> None:
        if self.path.exists() and self.path.stat().st_size > FILE_LIMIT:
            self.path.replace(self.path.with_suffix(".log.1"))
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def prefixed(self, line: str) -> str:
        """The line with the service's name in front, coloured on a terminal."""
        if not self._named:
            return _with_name(self.name, line)
        name, mark, words = line.partition(NAME_MARK)
        return _with_name(name.rstrip(), words) if mark else line


def _with_name(name: str, line: str) -> str:
    shown = f"{name:<9}│"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        shown = f"\x1b[{_COLOURS[sum(name.encode()) % len(_COLOURS)]}m{shown}\x1b[0m"
    return f"{shown} {line}"
