"""The mail server of the benchmarks, in C so that it costs little; compiled when it is needed."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "sink.c"


@dataclass(frozen=True)
class FastSink:
    """Where it listens, and what it has counted."""

    port: int
    pid: int
    stats: Path
    folder: Path
    scheme: str = "smtp+plain"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def counted(self) -> tuple[int, int, float, float]:
        """Messages, bytes, and the seconds (time.monotonic) of the first and the last message."""
        messages, size, first_ns, last_ns = struct.unpack("4Q", self.stats.read_bytes())
        return messages, size, first_ns / 1e9, last_ns / 1e9

    def sample(self) -> list[bytes]:
        """The messages that were kept, their recipient in front."""
        return [path.read_bytes() for path in self.folder.glob("*.eml")]


@dataclass(frozen=True)
class Elsewhere:
    """Another mail server, which tells us no more than its answers."""

    url: str

    @classmethod
    def at(cls, address: str) -> Elsewhere:
        """The one that listens on HOST:PORT. Only this machine is ever meant: a benchmark is no mail."""
        host, _, port = address.rpartition(":")
        if host not in {"127.0.0.1", "localhost"} or not port.isdigit():
            raise ValueError(address)
        return cls(f"smtp+plain://127.0.0.1:{port}")

    def counted(self) -> tuple[int, int, float, float]:
        """It does not tell."""
        return 0, 0, 0.0, 0.0

    def sample(self) -> list[bytes]:
        """It keeps nothing for us."""
        return []


@contextmanager
def fast_sink(*, every: int = 100, pipelining: bool = True, delay_ms: int = 0) -> Iterator[FastSink]:
    """Run one on a free port. Raises RuntimeError where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise RuntimeError("no C compiler: install gcc")
    home = Path(tempfile.mkdtemp(prefix="opslag-sink-"))
    (home / "kept").mkdir()
    subprocess.run([compiler, "-O2", "-o", home / "sink", SOURCE], check=True)
    options = [str(home / "stats"), str(home / "kept"), str(every), str(int(pipelining)), str(delay_ms)]
    process = subprocess.Popen([str(home / "sink"), "0", *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield FastSink(int(process.stdout.readline()), process.pid, home / "stats", home / "kept")
    finally:
        process.terminate()
        process.wait(10)
        time.sleep(0.1)
        shutil.rmtree(home, ignore_errors=True)
