"""The journal: a lane's own record, on local disk, of what it claimed, began and finished.

One file a run. `C <claim>` names a claim before it is made; claims are numbered in that order. Before the first byte of
a message's content leaves, `S <number> <delivery>` is written; on its reply `E <number> <delivery> <outcome>`. Started
without an end means uncertain; claimed without a start means never handed over. `Z` comes last where the process was
not killed. A journal is dead only if its lock can be taken: process ids, parents and host names prove nothing.

The file is mapped into memory, so that a line costs no system call: what was written there survives the death of the
process as a write does. Its room is allocated ahead; a full disk is met before a line, never in one. Lines need no
fsync: after a reboot the boot id differs, so that all without an end is uncertain.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import mmap
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

SUFFIX = ".journal"
# Until its lock is taken and its header written.
HALF = ".new"
# Bytes that are allocated at a time: some 20 000 letters.
ROOM = 1 << 20
UNKNOWN_BOOT = "unknown"


def boot_id() -> str:
    """What changes with every boot of this machine (Linux), else a word that never counts as the same boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return UNKNOWN_BOOT


def journal_folder() -> Path:
    """This host's journal folder, made if it is missing."""
    folder = Path(settings.OPSLAG_JOURNAL_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Journal:
    """An open journal of this process; the lock lives as long as the file is open.

    Claims may be named from another thread than the one that writes of starts and ends.
    """

    def __init__(self, run_id: uuid.UUID) -> None:
        self.name = f"{run_id}{SUFFIX}"
        self.is_broken = False
        self.path = journal_folder() / self.name
        self._claims = 0
        self._used = self._room = 0
        self._lock = threading.Lock()
        # Locked before it gets its name: a recovering lane must never find it without its lock.
        half = self.path.with_suffix(HALF)
        self._fd = os.open(half, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            self._map = self._grown()
            self._write(f"H {json.dumps({'boot': boot_id(), 'run': str(run_id)})}\n".encode())
        except OSError:
            half.unlink()
            os.close(self._fd)
            raise
        half.rename(self.path)

    def _grown(self) -> mmap.mmap:
        os.posix_fallocate(self._fd, self._room, ROOM)
        self._room += ROOM
        return mmap.mmap(self._fd, self._room)

    def _write(self, line: bytes) -> None:
        """Write the whole line, or raise OSError (a full disk) and never write again."""
        with self._lock:
            if self.is_broken:
                raise OSError(errno.EIO, "the journal is broken")
            end = self._used + len(line)
            if end > self._room:
                self._make_room()
            self._map[self._used : end] = line
            self._used = end

    def _make_room(self) -> None:
        try:
            larger = self._grown()
        except OSError:
            self.is_broken = True
            raise
        self._map.close()
        self._map = larger

    def claim(self, claim_id: uuid.UUID) -> int:
        """Name a claim before it is made in the database; answers its number in this journal."""
        self._write(b"C %b\n" % str(claim_id).encode())
        self._claims += 1
        return self._claims - 1

    def start(self, claim: int, delivery_id: int) -> None:
        """The first byte of this delivery's content is about to leave."""
        self._write(b"S %d %d\n" % (claim, delivery_id))

    def accepted(self, claim: int, delivery_id: int, code: int, at_ns: int) -> None:
        """The same as `end` for the outcome of nearly every mail, at half the price."""
        self._write(b"E %d %d %d %d\n" % (claim, delivery_id, code, at_ns))

    def end(self, claim: int, delivery_id: int, outcome: str) -> None:
        """The outcome is known: one line (see deliver.outcome)."""
        self._write(b"E %d %d %b\n" % (claim, delivery_id, outcome.encode()))

    def close(self, *, keep: bool) -> None:
        """Give the file up; `keep` leaves it for recovery (an outcome could not be stored), and says who ended it."""
        with contextlib.suppress(OSError):
            self._write(b"Z\n")
        with self._lock:
            # Whoever still writes after this is told that it was not written.
            self.is_broken = True
            self._map.close()
        if keep:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._used)
        else:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)


Key = tuple[uuid.UUID, int]


@dataclass
class Record:
    """What a dead journal says; starts and ends are by (claim, delivery), ends hold the outcome's line.

    `closed`: its lane came to an end of its own, however bad; otherwise the process was killed.
    """

    run_id: uuid.UUID | None = None
    same_boot: bool = False
    closed: bool = False
    claims: list[uuid.UUID] = field(default_factory=list)
    started: set[Key] = field(default_factory=set)
    ends: dict[Key, str] = field(default_factory=dict)


def read(path: Path) -> Record:
    """Read a journal. A last line without its end was never written out, so what it announces never happened.

    Raises ValueError, KeyError or IndexError where it is damaged.
    """
    record = Record()
    # Behind what was written is room that was never used.
    written = path.read_bytes().partition(b"\0")[0]
    for line in written.decode().split("\n")[:-1]:
        kind, _, rest = line.partition(" ")
        if kind == "H":
            header = json.loads(rest)
            record.run_id = uuid.UUID(header["run"])
            record.same_boot = header["boot"] == boot_id() != UNKNOWN_BOOT
            continue
        if kind == "C":
            record.claims.append(uuid.UUID(rest))
            continue
        if kind == "Z":
            record.closed = True
            continue
        claim, _, rest = rest.partition(" ")
        number, _, outcome = rest.partition(" ")
        key = record.claims[int(claim)], int(number)
        if kind == "S":
            record.started.add(key)
        elif kind == "E":
            record.ends[key] = outcome
    return record


@contextmanager
def dead(path: Path) -> Iterator[bool]:
    """Hold the journal's lock while recovering it; gives False if a living process has it, or it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # Whoever held it may have finished and unlinked it between our open and our lock.
        yield path.exists()
    finally:
        os.close(fd)


def all_journals() -> list[Path]:
    """Every journal of this host, in the order of their names, which are random: the same at each call."""
    return sorted(journal_folder().glob(f"*{SUFFIX}"), key=lambda path: path.name)
