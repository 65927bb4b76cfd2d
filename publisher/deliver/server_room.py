"""Room at each platform's server: half of a host's workers for posts at most, so a slow one leaves the others free.

A place is a locked file (flock(2)), which the kernel frees at the instant its worker dies. One that stands still keeps
its own, so after a while that place counts no more. It is a courtesy between workers and no right: whatever must not
happen twice is claimed in the database.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

FOLDER = "servers"
# Longer than work on one post or change takes that does not go wrong: who is there for longer stands still.
STANDS_AFTER_S = 600.0
# Without `share` there is no worker pool: a test or a command, which works by itself.
_processes = 1


def share(processes: int) -> None:
    """Say how many processes of this host work on posts; before they fork."""
    global _processes
    _processes = processes


def most_at_once() -> int:
    """How many of them may be at one server."""
    return (_processes + 1) // 2


def server_of(kind: str, config: Mapping[str, Any]) -> str:
    """Where an account's calls go: the platform, or the server of its own that its configuration names."""
    return f"{kind} {config.get('server') or config.get('address') or ''}".strip().lower()


@contextlib.contextmanager
def room_at(server: str) -> Iterator[bool]:
    """Hold a place at `server` meanwhile; false if all are taken. Where no file can be locked there is room."""
    try:
        place = _take(server)
    except OSError:
        yield True
        return
    try:
        yield place is not None
    finally:
        if place is not None:
            os.close(place)


def _take(server: str) -> int | None:
    folder = settings.OPSLAG_HOME / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(server.encode()).hexdigest()[:20]
    number, places = 0, most_at_once()
    while number < places:
        place = os.open(folder / f"{name}.{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _lock(place):
                return place
            # A place more for each that is lost to somebody; there are no more of them than workers.
            places += _is_lost(place) and places < _processes
        except OSError:
            os.close(place)
            raise
        os.close(place)
        number += 1
    return None


def _lock(place: int) -> bool:
    """Take the place, and note in its file since when it is taken; false if somebody has it."""
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    os.utime(place)
    return True


def _is_lost(place: int) -> bool:
    return os.fstat(place).st_mtime < time.time() - STANDS_AFTER_S


def first_of_each(rows: QuerySet[Any], account: str, *order: str, most: int) -> list[int]:
    """The ids of up to `most` rows, the first of each account (the field's name) before the second of any.

    So none is left unseen behind those of another account, however many these are.
    """
    place = Window(RowNumber(), partition_by=F(account), order_by=order)
    return list(rows.annotate(place=place).order_by("place", *order).values_list("pk", flat=True)[:most])


def in_turn(found: Sequence[int], servers: Mapping[int, str]) -> list[int]:
    """The same, the first of each server before the second of any."""
    before: dict[str, int] = {}
    rank = {}
    for pk in found:
        server = servers.get(pk, "")
        rank[pk] = before[server] = before.get(server, -1) + 1
    return sorted(found, key=rank.__getitem__)
