"""Postfix's smtp-sink as the benchmarks' mail server: it counts, and keeps nothing."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.fast_sink import Elsewhere

# Connections that may wait to be let in.
BACKLOG = 200
_COUNTER = re.compile(rb"mesg=(\d+)")


@dataclass(frozen=True)
class PostfixSink(Elsewhere):
    """Where it listens, and the file to which it writes its counters (smtp-sink(1), -c)."""

    counters: Path

    def counted(self) -> tuple[int, int, float, float]:
        """Its final dots; sizes and times it does not tell."""
        found = _COUNTER.findall(self.counters.read_bytes()[-4096:])
        return int(found[-1]) if found else 0, 0, 0.0, 0.0


@contextmanager
def postfix_sink() -> Iterator[PostfixSink]:
    """Run one on a free port. Raises RuntimeError where Debian's package postfix is missing."""
    program = shutil.which("smtp-sink") or shutil.which("/usr/sbin/smtp-sink")
    if not program:
        raise RuntimeError("no smtp-sink: install Debian's package postfix")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="opslag-smtp-sink-"))
    with (home / "counters").open("wb") as counters:
        # Root must name somebody else; nobody else can.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [program, "-c", *user, f"127.0.0.1:{port}", str(BACKLOG)]
        process = subprocess.Popen(command, stdout=counters, stderr=subprocess.STDOUT)
    try:
        time.sleep(0.5)
        yield PostfixSink(f"smtp+plain://127.0.0.1:{port}", home / "counters")
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home, ignore_errors=True)
