"""What database drivers complain about, as sentences for staff: what is wrong, and who can mend it."""

from __future__ import annotations

import re
import sqlite3
from enum import Enum
from typing import Any

import psycopg
import pymysql
import sqlalchemy as sa
from django.utils.translation import gettext_noop

from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.sources.database_address import Address
from publisher.vocabulary import Reason

TOO_SLOW = "too_slow"


class Trouble(Enum):
    """A kind of complaint: whether a later try may help, the reason's machine word, the sentence."""

    SLOW = (
        True,
        TOO_SLOW,
        gettext_noop("%(name)s took too long. Choose a smaller table, or a query that asks for less."),
    )
    SLOW_TO_SHOW = (
        True,
        TOO_SLOW,
        gettext_noop(
            "%(name)s needed more than %(seconds)s seconds to show the first rows. Choose a smaller table, or a query "
            "that asks for less; one that refers to itself (RECURSIVE) may never come to an end."
        ),
    )
    LOCKED = (True, "locked", gettext_noop("%(name)s is locked by another program right now. It is tried again."))
    FULL = (True, Reason.BUSY.value, gettext_noop("%(name)s has too many connections right now. It is tried again."))
    AWAY = (True, Reason.CONNECTION.value, gettext_noop("%(name)s could not be reached."))
    BROKEN_OFF = (True, Reason.CONNECTION.value, gettext_noop("The connection to %(name)s broke off."))
    PASSWORD = (False, "no_access", gettext_noop("%(name)s refuses the user name or the password."))
    NO_TLS = (
        False,
        "no_access",
        gettext_noop("%(name)s allows no connection of this kind. It says: %(words)s"),
    )
    NO_DATABASE = (False, "no_database", gettext_noop("There is no database “%(database)s” on %(name)s."))
    NO_TABLE = (
        False,
        "no_table",
        gettext_noop("There is no such table on %(name)s, or the user may not see it. It says: %(words)s"),
    )
    NO_COLUMN = (False, "no_column", gettext_noop("A column is missing on %(name)s. It says: %(words)s"))
    DENIED = (
        False,
        "no_access",
        gettext_noop("The user may not read this on %(name)s. Ask those who run the database for the right to SELECT."),
    )
    WRITING = (False, "not_reading", gettext_noop("Opslag only reads: a query may not change anything."))
    TWICE = (
        False,
        "no_column",
        gettext_noop("The query gives two columns of one name. Give one of them another name with AS."),
    )
    QUERY = (False, "bad_query", gettext_noop("%(name)s does not understand this query. It says: %(words)s"))
    NO_FILE = (False, "no_database", gettext_noop("The file %(name)s cannot be opened for reading."))
    NOT_SQLITE = (False, "no_database", gettext_noop("The file %(name)s is not an SQLite database."))
    OTHER = (True, "database", gettext_noop("%(name)s gave an error. It says: %(words)s"))
    UNREADABLE = (False, "unreadable_answer", gettext_noop("%(name)s gives answers that cannot be understood."))


# PostgreSQL, appendix A (SQLSTATE); the first two characters name a class.
_SQLSTATES = {
    "28": Trouble.PASSWORD,
    "3D": Trouble.NO_DATABASE,
    "42P01": Trouble.NO_TABLE,
    "3F": Trouble.NO_TABLE,
    "42703": Trouble.NO_COLUMN,
    "42702": Trouble.TWICE,
    "42501": Trouble.DENIED,
    "25006": Trouble.WRITING,
    "42": Trouble.QUERY,
    "57014": Trouble.SLOW,
    "55P03": Trouble.LOCKED,
    "53300": Trouble.FULL,
    "08": Trouble.BROKEN_OFF,
    "57": Trouble.BROKEN_OFF,
}
# libpq gives no SQLSTATE while connecting, only words.
_CONNECTING = (
    (r"password authentication failed|no password supplied|role .* does not exist", Trouble.PASSWORD),
    (r"database .* does not exist", Trouble.NO_DATABASE),
    (r"no pg_hba\.conf entry|SSL|certificate", Trouble.NO_TLS),
    (r"too many (clients|connections)", Trouble.FULL),
    (r"closed the connection|terminat|EOF", Trouble.BROKEN_OFF),
    (r"timeout|refused|unreachable|timed out", Trouble.AWAY),
)
# MariaDB error codes (mariadb.com/docs, “MariaDB error codes”) and MySQL's own 3024.
_ERRNOS = {
    1045: Trouble.PASSWORD,
    1698: Trouble.PASSWORD,
    1044: Trouble.NO_DATABASE,
    1049: Trouble.NO_DATABASE,
    1146: Trouble.NO_TABLE,
    1054: Trouble.NO_COLUMN,
    1060: Trouble.TWICE,
    1142: Trouble.DENIED,
    1143: Trouble.DENIED,
    1227: Trouble.DENIED,
    1290: Trouble.DENIED,
    1792: Trouble.WRITING,
    1064: Trouble.QUERY,
    1969: Trouble.SLOW,
    3024: Trouble.SLOW,
    1317: Trouble.SLOW,
    1205: Trouble.LOCKED,
    1040: Trouble.FULL,
    1203: Trouble.FULL,
    1226: Trouble.FULL,
    2003: Trouble.AWAY,
    2006: Trouble.BROKEN_OFF,
    2013: Trouble.BROKEN_OFF,
}
# SQLite, “Result and Error Codes”; extended ones begin with the same name.
_SQLITE_NAMES = {
    "SQLITE_BUSY": Trouble.LOCKED,
    "SQLITE_LOCKED": Trouble.LOCKED,
    "SQLITE_INTERRUPT": Trouble.SLOW,
    "SQLITE_CANTOPEN": Trouble.NO_FILE,
    "SQLITE_NOTADB": Trouble.NOT_SQLITE,
    "SQLITE_CORRUPT": Trouble.NOT_SQLITE,
    "SQLITE_READONLY": Trouble.WRITING,
    "SQLITE_AUTH": Trouble.WRITING,
}
_SQLITE_WORDS = (
    (r"no such table", Trouble.NO_TABLE),
    (r"no such column", Trouble.NO_COLUMN),
    (r"syntax error|incomplete input|unrecognized token|no such function|wrong number of arg", Trouble.QUERY),
    (r"ambiguous column", Trouble.TWICE),
)


def explained(error: BaseException, address: Address, *, shown_in_s: int = 0, late: bool = False) -> OpslagError:
    """Our error for a driver's. `shown_in_s`: how long a page waited for it; `late`: the line was cut because its time
    was up."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    trouble = Trouble.SLOW if late else _trouble(cause)
    if trouble is Trouble.SLOW and shown_in_s:
        return as_error(Trouble.SLOW_TO_SHOW, address, seconds=shown_in_s)
    return as_error(trouble, address, str(cause))


def as_error(trouble: Trouble, address: Address, words: str = "", *, seconds: int = 0) -> OpslagError:
    """A kind of trouble in words; those of the driver without the password."""
    again, reason, msgid = trouble.value
    known = {"name": address.name, "database": address.database, "words": address.masked(words)}
    known["seconds"] = str(seconds)
    given: dict[str, Any] = {name: each for name, each in known.items() if f"%({name})s" in msgid}
    return TransientError(msgid, reason=reason, **given) if again else PermanentError(msgid, reason=reason, **given)


def _trouble(cause: BaseException) -> Trouble:
    if isinstance(cause, psycopg.Error):
        return _of_postgresql(cause)
    if isinstance(cause, pymysql.MySQLError):
        return _ERRNOS.get(cause.args[0] if cause.args else 0, Trouble.OTHER)
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    if isinstance(cause, OSError):
        return Trouble.AWAY
    return Trouble.OTHER if isinstance(cause, sa.exc.SQLAlchemyError) else Trouble.UNREADABLE


def _of_postgresql(cause: psycopg.Error) -> Trouble:
    state = cause.sqlstate or ""
    known = _SQLSTATES.get(state) or _SQLSTATES.get(state[:2])
    if known:
        return known
    words = _matching(_CONNECTING, str(cause)) if isinstance(cause, psycopg.OperationalError) else None
    return words or Trouble.OTHER


def _of_sqlite(cause: sqlite3.Error) -> Trouble:
    name = getattr(cause, "sqlite_errorname", "") or ""
    for beginning, trouble in _SQLITE_NAMES.items():
        if name.startswith(beginning):
            return trouble
    return _matching(_SQLITE_WORDS, str(cause)) or Trouble.OTHER


def _matching(table: tuple[tuple[str, Trouble], ...], words: str) -> Trouble | None:
    return next((trouble for pattern, trouble in table if re.search(pattern, words, re.IGNORECASE)), None)
