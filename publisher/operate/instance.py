"""One instance per home folder: a lock that every child holds too, and a note of what runs, for the next start."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.operate.processes import ProcessId, identify, is_alive, stop_groups

RUN = "run"
# The forks of a run's `opslag workers`, in sessions of their own, which hold the lock as well.
FORKS = "workers"
GRACE_S = 10.0
LOCK_WAIT_S = 10.0
POLL_S = 0.1


@dataclass(frozen=True)
class Note:
    """What `run.json` says: who supervises, where it is reached, which processes and addresses it opened.

    `environment` holds the settings that the run chose for its children, so that a command beside it can use them.
    """

    supervisor: ProcessId
    address: str = ""
    feed_port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[str, ProcessId] = field(default_factory=dict)


def note_path(home: Path, name: str = RUN) -> Path:
    """Where the note lies."""
    return home / f"{name}.json"


def write_note(home: Path, note: Note, name: str = RUN) -> None:
    """Replace the note as a whole: a reader never sees half of it."""
    half = home / f"{name}.json.new"
    half.write_text(json.dumps(asdict(note), indent=2))
    half.replace(note_path(home, name))


def read_note(home: Path, name: str = RUN) -> Note | None:
    """The note of the run that is or was; None if there is none that can be read."""
    try:
        stored = json.loads(note_path(home, name).read_text())
        return Note(
            supervisor=ProcessId(**stored["supervisor"]),
            address=stored["address"],
            feed_port=stored["feed_port"],
            environment=stored["environment"],
            processes={name: ProcessId(**process) for name, process in stored["processes"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note_forks(home: Path, forks: Iterable[ProcessId]) -> None:
    """Note the forks of this process for the next start; where there are none, there is no note."""
    noted = {str(fork.pid): fork for fork in forks}
    if noted:
        write_note(home, Note(identify(os.getpid()), processes=noted), FORKS)
    else:
        note_path(home, FORKS).unlink(missing_ok=True)


def read_forks(home: Path) -> list[ProcessId]:
    """The forks that were noted last; they may have ended since."""
    note = read_note(home, FORKS)
    return list(note.processes.values()) if note else []


def running(home: Path) -> Note | None:
    """The note of a run whose supervisor is alive, else None."""
    note = read_note(home)
    return note if note and is_alive(note.supervisor) else None


def beside(note: Note, given: Mapping[str, str]) -> dict[str, str]:
    """`given`, an environment, with the settings that the run of this note chose, which come first."""
    return overlaid(given, note.environment)


def overlaid(given: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The environment `given` with the settings `own` on top: a setting's _FILE would win over our value."""
    return {name: value for name, value in given.items() if name.removesuffix("_FILE") not in own} | dict(own)


def take_lock(home: Path, *, grace_s: float = GRACE_S, wait_s: float = LOCK_WAIT_S) -> tuple[int, int]:
    """Become the one instance of this home; answers the lock's descriptor and how many orphans had to be stopped.

    The lock lives as long as any process that inherited it. Orphans have `grace_s` seconds to stop before they are
    killed. Raises InputError if another instance is alive.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _locked(descriptor):
        return descriptor, 0
    alive = running(home)
    if alive:
        os.close(descriptor)
        raise InputError(
            gettext_noop("Opslag already runs here at %(address)s (process %(pid)s). Stop it there with Ctrl-C first."),
            address=alive.address,
            pid=alive.supervisor.pid,
        )
    left = read_note(home)
    # First who would start the others again.
    orphans = [*(left.processes.values() if left else ()), *read_forks(home)]
    stopped = stop_groups(orphans, grace_s=grace_s)
    deadline = time.monotonic() + wait_s
    while not _locked(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise InputError(
                gettext_noop("Another process still holds %(lock)s. End it, or set OPSLAG_HOME to another folder."),
                lock=home / "run.lock",
            )
        time.sleep(POLL_S)
    return descriptor, len(stopped)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
