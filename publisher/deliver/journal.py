"""The journal: a lane's own record, on local disk, of what it claimed, began and finished.

One file a run. Before the first byte of a message's content leaves, `S <claim> <delivery>` is written; on its reply
`E <claim> <delivery> <outcome>`; `Z` comes last where the process was not killed. Started without an end means
uncertain; claimed without a start means never handed over. A journal is dead only if its lock can be taken: process
ids, parents and host names prove nothing. Lines need no fsync: they survive the death of the process, and after a
reboot the boot id differs, so that all without an end is uncertain.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

SUFFIX = ".journal"


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
        self._ends = ""
        self.path = journal_folder() / self.name
        # Locked before it gets its name: a recovering lane must never find it without its lock.
        half = self.path.with_suffix(".new")
        self._fd = os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            self._write(f"H {json.dumps({'boot': boot_id(), 'run': str(run_id)})}")
        except OSError:
            half.unlink()
            os.close(self._fd)
            raise
        half.rename(self.path)

    def _write(self, line: str) -> None:
        """Write the whole line, or raise OSError (a full disk) and never write again: half a line announces nothing."""
        if self.is_broken:
            raise OSError(errno.EIO, "the journal is broken")
        data = f"{line}\n".encode()
        try:
            if os.write(self._fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self.is_broken = True
            raise

    def claim(self, claim_id: uuid.UUID) -> None:
        """Name a claim before it is made in the database."""
        self._write(f"C {claim_id}")

    def start(self, claim_id: uuid.UUID, delivery_id: int) -> None:
        """The first byte of this delivery's content is about to leave."""
        self._write(f"{self._ended()}S {claim_id} {delivery_id}")

    def end(self, claim_id: uuid.UUID, delivery_id: int, outcome: str) -> None:
        """The outcome is known: one line of JSON (see deliver.outcome).

        It is written with the next line or `flush`. Should the process die before that, it counts as uncertain.
        """
        self._ends += f"E {claim_id} {delivery_id} {outcome}\n"

    def flush(self) -> None:
        """Write the ends that are still waiting."""
        if self._ends:
            self._write(self._ended().removesuffix("\n"))

    def _ended(self) -> str:
        ends, self._ends = self._ends, ""
        return ends

    def close(self, *, keep: bool) -> None:
        """Give the file up; `keep` leaves it for recovery (an outcome could not be stored), and says who ended it."""
        if keep:
            with contextlib.suppress(OSError):
                self.flush()
                self._write("Z")
        else:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)


Key = tuple[uuid.UUID, int]


@dataclass
class Record:
    """What a dead journal says; starts and ends are by (claim, delivery), ends hold the outcome's JSON.

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

    Raises ValueError or KeyError where it is damaged.
    """
    record = Record()
    for line in path.read_bytes().decode().split("\n")[:-1]:
        kind, _, rest = line.partition(" ")
        if kind == "H":
            header = json.loads(rest)
            record.run_id = uuid.UUID(header["run"])
            record.same_boot = header["boot"] == boot_id() != UNKNOWN_BOOT
            continue
        if kind == "Z":
            record.closed = True
            continue
        claim, _, rest = rest.partition(" ")
        number, _, outcome = rest.partition(" ")
        if kind == "C":
            record.claims.append(uuid.UUID(claim))
        elif kind == "S":
            record.started.add((uuid.UUID(claim), int(number)))
        elif kind == "E":
            record.ends[uuid.UUID(claim), int(number)] = outcome
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
    """Every journal of this host, oldest first."""
    return sorted(journal_folder().glob(f"*{SUFFIX}"), key=lambda path: path.name)
