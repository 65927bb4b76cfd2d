"""A connection to somebody else's database on which nothing but reading is possible, and that ends in time.

Whatever the query says: the transaction is read-only by the server's own means, a statement has a time limit there,
and a watchdog cuts the line when the whole visit has taken too long, however slowly answers drip in.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Timer
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpcore
import psycopg
import pymysql
import sqlalchemy as sa

from publisher.address_guard import permitted_addresses, time_left, time_limit
from publisher.sources.database_address import MYSQL, POSTGRESQL, SQLITE, Address, parse
from publisher.sources.database_errors import Trouble, as_error, explained

LOCK_S = 5
# A value of an SQLite file may be this large (bytes); what is larger is an error there.
LARGEST_VALUE = 20_000_000


@dataclass(frozen=True)
class Patience:
    """How long a visit may take, in seconds: until there is a connection, for one statement, altogether."""

    connect_s: int
    statement_s: int
    total_s: float

    def allows(self, kind: str) -> float:
        """Seconds for a visit to a database of this kind: SQLite knows no limit of its own for a statement."""
        return min(self.statement_s if kind == SQLITE else self.total_s, time_left())


COLLECTING = Patience(connect_s=8, statement_s=20, total_s=30.0)
# While a person looks at a page that does not come.
WAITED_FOR = Patience(connect_s=4, statement_s=5, total_s=9.0)
_DIALECTS = {SQLITE: "sqlite", POSTGRESQL: "postgresql+psycopg", MYSQL: "mysql+pymysql"}
# What a driver raises when the other side is no database, or a broken one.
_STRANGE = (ValueError, LookupError, AssertionError, struct.error, OverflowError)


@contextlib.contextmanager
def reading(text: str, password: str = "", patience: Patience = COLLECTING) -> Iterator[sa.Connection]:
    """Connect to the database at an address as staff wrote it, for as long as `patience` lasts.

    Raises TransientError and PermanentError with sentences for staff; a password is in none of them.
    """
    address = parse(text, password)
    with time_limit(patience.total_s), _Watchdog(patience.allows(address.kind)) as watchdog:
        try:
            with contextlib.closing(_Engine(address, watchdog, patience)) as engine, engine.connect() as connection:
                yield connection
        except httpcore.ConnectTimeout:
            raise as_error(Trouble.AWAY, address) from None
        except (sa.exc.SQLAlchemyError, sqlite3.Error, psycopg.Error, pymysql.MySQLError, OSError, *_STRANGE) as error:
            # Without the driver's error: its chain may quote the address.
            shown_in_s = 0 if patience is COLLECTING else patience.statement_s
            raise explained(error, address, shown_in_s=shown_in_s, late=watchdog.has_cut) from None


class _Watchdog:
    """Cuts the line after so many seconds; time-outs of drivers are per read."""

    def __init__(self, seconds: float) -> None:
        self.has_cut = False
        self._cuts: list[Callable[[], object]] = []
        self._timer = Timer(max(seconds, 0.01), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Watchdog:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def watch(self, cut: Callable[[], object]) -> None:
        """Call `cut` when the time is up."""
        self._cuts.append(cut)
        if self.has_cut:
            cut()

    def _cut(self) -> None:
        self.has_cut = True
        for cut in self._cuts:
            # It may be closed already.
            with contextlib.suppress(OSError, sqlite3.Error):
                cut()


class _Engine:
    """SQLAlchemy's engine on a connection that we open ourselves; it never sees the address."""

    def __init__(self, address: Address, watchdog: _Watchdog, patience: Patience) -> None:
        self._address, self._patience = address, patience
        self._lines: list[socket.socket] = []
        open_one: dict[str, Callable[[], Any]] = {
            SQLITE: self._open_sqlite,
            POSTGRESQL: self._open_postgresql,
            MYSQL: self._open_mysql,
        }
        self._watchdog = watchdog
        self._engine = sa.create_engine(
            f"{_DIALECTS[address.kind]}://",
            creator=open_one[address.kind],
            poolclass=sa.NullPool,
            hide_parameters=True,
        )

    @contextlib.contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A connection in a read-only transaction, which is never committed."""
        with self._engine.connect() as connection:
            for statement in _opening(self._address.kind, connection, self._patience.statement_s):
                connection.exec_driver_sql(statement)
            yield connection

    def close(self) -> None:
        self._engine.dispose()
        for line in self._lines:
            line.close()

    def _open_sqlite(self) -> sqlite3.Connection:
        path = quote(str(self._address.path))
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=LOCK_S, check_same_thread=False)
        self._watchdog.watch(connection.interrupt)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    def _open_postgresql(self) -> psycopg.Connection[Any]:
        address, found = self._address, self._permitted()
        connection = psycopg.connect(
            host=",".join(address.host for _each in found),
            hostaddr=",".join(found),
            port=address.port,
            user=address.user,
            password=address.password,
            dbname=address.database,
            sslmode=address.sslmode,
            sslrootcert="system" if address.sslmode == "verify-full" else "",
            gssencmode="disable",
            connect_timeout=max(2, min(self._patience.connect_s, int(time_left()))),
            application_name="opslag",
        )
        self._watch(socket.socket(fileno=os.dup(connection.fileno())))
        # From now on every transaction begins with BEGIN READ ONLY.
        connection.read_only = True
        return connection

    def _open_mysql(self) -> Any:
        address = self._address
        line = self._line()
        verify = address.sslmode == "verify-full"
        connection = pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database,
            charset="utf8mb4",
            # No other meaning of quotes and backslashes than queries are checked with (database_words).
            sql_mode="",
            read_timeout=self._patience.statement_s + LOCK_S,
            write_timeout=self._patience.connect_s,
            ssl_disabled=address.sslmode == "disable",
            ssl={"check_hostname": False} if address.sslmode == "require" else None,
            ssl_verify_cert=verify or None,
            ssl_verify_identity=verify or None,
            defer_connect=True,
        )
        connection.connect(sock=line)
        return connection

    def _line(self) -> socket.socket:
        """A connection to the first permitted address that answers."""
        failure: OSError = TimeoutError()
        seconds = self._patience.connect_s
        for found in self._permitted():
            try:
                line = socket.create_connection((found, self._address.port), min(seconds, max(time_left(), 0.01)))
            except OSError as error:
                failure = error
            else:
                self._watch(line.dup())
                return line
        raise failure

    def _permitted(self) -> list[str]:
        seconds = min(self._patience.connect_s, time_left())
        return list(permitted_addresses(self._address.host, self._address.port, seconds))

    def _watch(self, line: socket.socket) -> None:
        """`line` is a second handle of the connection, whatever the driver does with its own."""
        self._lines.append(line)
        self._watchdog.watch(lambda: line.shutdown(socket.SHUT_RDWR))


def _opening(kind: str, connection: sa.Connection, seconds: int) -> list[str]:
    """The server's own means against writing and against waiting, first thing in the transaction."""
    if kind == POSTGRESQL:
        return [
            f"SET LOCAL statement_timeout = '{seconds}s'",
            f"SET LOCAL lock_timeout = '{LOCK_S}s'",
            # As queries are checked (database_words).
            "SET LOCAL standard_conforming_strings = on",
        ]
    if kind == MYSQL:
        is_mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
        limit = f"max_statement_time = {seconds}" if is_mariadb else f"max_execution_time = {seconds}000"
        return [
            f"SET SESSION {limit}",
            f"SET SESSION lock_wait_timeout = {LOCK_S}",
            "SET SESSION TRANSACTION READ ONLY",
            "START TRANSACTION READ ONLY",
        ]
    return []
