"""The migrated database, made once per test run and then copied: all migrations take 16 seconds of processor time.

What is copied is what `opslag migrate` left, from the first migration to the last; `migrate` runs on every copy, too,
and finds nothing to do. It is kept in the run's own folder, under the contents of the migrations.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

REPOSITORY = Path(__file__).resolve().parent.parent
_TEMPLATE = "test_opslag_migrated"


def lay_sqlite(path: Path) -> None:
    """Put a migrated database there. Outside a test run nothing is put: whoever opens it migrates."""
    if "OPSLAG_TEST_HOME" not in os.environ:
        return
    with _once("sqlite") as (home, is_made):
        if not is_made:
            _migrate({"OPSLAG_HOME": str(home), "DATABASE_URL": ""})
            # What stands in its log goes into the file itself.
            with contextlib.closing(sqlite3.connect(home / "opslag.sqlite3")) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(home / "opslag.sqlite3", path)


def postgresql_template(url: str) -> str:
    """The name of a migrated database on the server of `url`, for CREATE DATABASE … TEMPLATE."""
    with _once(f"postgresql-{hashlib.sha256(url.encode()).hexdigest()[:16]}") as (home, is_made):
        if not is_made:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE}")
                connection.execute(f"CREATE DATABASE {_TEMPLATE}")
            _migrate({"OPSLAG_HOME": str(home), "DATABASE_URL": urlsplit(url)._replace(path=f"/{_TEMPLATE}").geturl()})
    return _TEMPLATE


@contextlib.contextmanager
def _once(what: str) -> Iterator[tuple[Path, bool]]:
    """A folder of the run's, and whether it was filled before; all other processes of the run wait meanwhile."""
    folder = Path(os.environ["OPSLAG_TEST_HOME"], "migrated", f"{what}-{_migrations()}")
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "made"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder, made.exists()
        made.touch()


@functools.cache
def _migrations() -> str:
    found = hashlib.sha256()
    for path in sorted((REPOSITORY / "publisher" / "migrations").glob("*.py")):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _migrate(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "publisher", "migrate"]
    subprocess.run(command, cwd=REPOSITORY, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
