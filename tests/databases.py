"""Other people's databases for tests: a CMS's table in SQLite, in a real PostgreSQL and in a real MariaDB.

Each has a user `reader` with a password, as a careful administrator would make one, and one who may write.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pymysql
import pytest

from tests.servers import postgresql_server

PASSWORD = "hemmeligt kodeord/1"
WRITTEN_PASSWORD = "hemmeligt%20kodeord%2F1"
AREAS = "Albertslund;Furesø;Halsnæs;Helsingør;Herlev;Ishøj;Køge;Roskilde;Rødovre"
LINK = "https://kultur.example.org/nyheder/ny-kulturaftale-er-underskrevet"
PICTURE = "https://kultur.example.org/billeder/underskrift.jpg"
ALT = "Formanden underskriver aftalen på vegne af Ishøj Kommune."
_MAPPED = "overskrift manchet broedtekst billede_url billede_alt forfatter kommune emner url udgivet aendret status"
COLUMNS = tuple(_MAPPED.split())
BODY = "<p>Det er med glæde og stolthed.</p><p>Ni kommuner er med.</p>"
# The shape of a real table of a Danish CMS: local times, lists with semicolons, a draft.
ROWS: tuple[tuple[Any, ...], ...] = (
    (1, "Ny kulturaftale er underskrevet", "Det er med glæde\xa0og stolthed.", BODY, PICTURE, ALT, "Rose-Line Mulbj...",
     AREAS, "Kulturaftale;Musik", LINK, "2021-01-13 15:16:00", "2021-01-13 15:16:00", "udgivet"),
    (2, "Kladde: ikke udgivet", "", "", "", "", "", "Køge", "", "", "2021-02-01 08:00:00", "2021-02-01 08:00:00",
     "kladde"),
)  # fmt: skip


@dataclass(frozen=True)
class Cms:
    """A database with the table `nyhed`: the address a reader uses, and a way to write into it as its owner."""

    kind: str
    url: str
    execute: Callable[..., Any]

    def insert(self, *rows: tuple[Any, ...]) -> None:
        """Add rows to `nyhed`."""
        for row in rows:
            self.execute(f"INSERT INTO nyhed VALUES ({', '.join(['?'] * len(row))})", *row)


def times_of(kind: str) -> str:
    """The type in which times are kept: text in SQLite, as in the real file."""
    return {"sqlite": "TEXT", "postgresql": "TIMESTAMP", "mariadb": "DATETIME"}[kind]


def fill(cms: Cms) -> Cms:
    """Make the table anew, with its rows."""
    texts = ", ".join(f"{name} TEXT" for name in COLUMNS if name not in {"udgivet", "aendret"})
    before, after = texts.rsplit(", status", 1)[0], "status VARCHAR(40)"
    when = times_of(cms.kind)
    cms.execute("DROP TABLE IF EXISTS nyhed")
    cms.execute(f"CREATE TABLE nyhed (id INTEGER PRIMARY KEY, {before}, udgivet {when}, aendret {when}, {after})")
    cms.insert(*ROWS)
    return cms


def sqlite_cms(folder: Path) -> Cms:
    """A file in `folder`, which the test must open for Opslag (OPSLAG_DATABASE_FILES)."""
    path = folder / "cms.sqlite3"

    def execute(statement: str, *values: Any) -> list[Any]:
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return fill(Cms("sqlite", f"sqlite:///{path}", execute))


@contextlib.contextmanager
def postgresql_cms() -> Iterator[Cms]:
    """A PostgreSQL server of our own, over TCP, whose reader needs a password."""
    with postgresql_server() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE cms")
            quoted = PASSWORD.replace("'", "''")
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{quoted}'")
            _ask_for_password(connection)
        owner = server.url.replace("/postgres?", "/cms?")

        def execute(statement: str, *values: Any) -> None:
            with psycopg.connect(owner, autocommit=True) as connection:
                connection.execute(statement.replace("?", "%s"), values or None)

        # It may write, so that what stops it is what we ask of the server.
        execute("GRANT ALL ON SCHEMA public TO reader")
        execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO reader")
        with _over_tcp(Path(parse_qs(urlsplit(server.url).query)["host"][0])) as port:
            yield Cms("postgresql", f"postgresql://reader:{WRITTEN_PASSWORD}@127.0.0.1:{port}/cms", execute)


def _ask_for_password(connection: psycopg.Connection[Any]) -> None:
    found = connection.execute("SHOW hba_file").fetchone()
    assert found
    path = Path(found[0])
    path.write_text("local all reader scram-sha-256\n" + path.read_text())
    connection.execute("SELECT pg_reload_conf()")


@contextlib.contextmanager
def _over_tcp(folder: Path) -> Iterator[int]:
    """Lead a port of this machine to the server's private socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    outside, _address = listening.accept()
                except OSError:
                    return
                inside = socket.socket(socket.AF_UNIX)
                inside.connect(str(folder / ".s.PGSQL.5432"))
                for one, other in ((outside, inside), (inside, outside)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def mariadb_cms() -> Iterator[Cms]:
    """A private MariaDB on a free port; skips the test where Debian's mariadb-server is not installed."""
    if not _program("mariadbd") or not _program("mariadb-install-db"):
        reason = "mariadbd is missing: apt-get install --no-install-recommends mariadb-server (.ci/run does)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="opslag-mariadb-"))
    process = _start_mariadb(folder)
    try:
        owner = {"unix_socket": str(folder / "sql.sock"), "user": "root", "charset": "utf8mb4", "autocommit": True}
        _wait_for_mariadb(owner, process)

        def execute(statement: str, *values: Any) -> None:
            with contextlib.closing(pymysql.connect(**owner)) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE IF NOT EXISTS cms CHARACTER SET utf8mb4")
                cursor.execute("USE cms")
                cursor.execute(statement.replace("?", "%s"), values or None)

        execute("CREATE USER reader@'%%' IDENTIFIED BY ?", PASSWORD)
        execute("GRANT ALL ON cms.* TO reader@'%'")
        port = int((folder / "port").read_text())
        yield Cms("mariadb", f"mariadb://reader:{WRITTEN_PASSWORD}@127.0.0.1:{port}/cms", execute)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """Where it is, "" if it is not installed: Debian puts servers where only root looks."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


def _start_mariadb(folder: Path) -> subprocess.Popen[bytes]:
    user = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    common = ["--no-defaults", f"--datadir={folder}/data", f"--user={user}"]
    subprocess.run(
        [_program("mariadb-install-db"), *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "port").write_text(str(port))
    return subprocess.Popen(
        [_program("mariadbd"), *common, f"--socket={folder}/sql.sock", f"--port={port}", "--bind-address=127.0.0.1",
         "--skip-networking=0", f"--pid-file={folder}/pid", "--innodb-buffer-pool-size=16M", "--skip-log-bin"],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("wb"),
    )  # fmt: skip


def _wait_for_mariadb(owner: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            pymysql.connect(**owner).close()
            return
        except pymysql.MySQLError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.1)
