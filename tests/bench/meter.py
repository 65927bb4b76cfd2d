"""Reads the meters of a running Opslag: processor time of all that a mail costs, and the most memory of a lane."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from publisher.models import Message
from tests.bench import cpu
from tests.engine_room import EngineRoom

PATIENCE_S = 1800
# How often it looks whether the message is finished.
LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Reading:
    """Seconds of processor time so far: of workers, beat and Redis, and of all PostgreSQL processes."""

    ours_s: float
    database_s: float

    def since(self, earlier: Reading) -> Reading:
        """What was spent between the two."""
        return Reading(self.ours_s - earlier.ours_s, self.database_s - earlier.database_s)

    @property
    def total_s(self) -> float:
        return self.ours_s + self.database_s


def read(room: EngineRoom) -> Reading:
    """The meters now."""
    database = cpu.tree(postmaster()) if connection.vendor == "postgresql" else []
    ours = [pid for process in room.processes.values() for pid in cpu.tree(process.pid)]
    return Reading(cpu.seconds(ours), cpu.seconds(database))


def postmaster() -> int:
    """PostgreSQL's first process."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    return int((folder / "postmaster.pid").read_text().split()[0])


def lane_peak_mb(room: EngineRoom) -> int:
    """The most memory that any process of the bulk worker ever had resident; of all workers where they are together."""
    root = room.processes["workers" if room.together else "bulk"]
    return round(max(cpu.peak_mb(pid) for pid in cpu.tree(root.pid)))


def wait_until_over(message: Message, patience_s: float = PATIENCE_S) -> None:
    """Until the message is neither scheduled nor sending any more."""
    deadline = time.monotonic() + patience_s
    while message.status in ("scheduled", "sending") and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        message.refresh_from_db(fields=["status", "hold_reason", "last_error"])
