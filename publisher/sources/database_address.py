"""The address of a database as staff write it: read, judged by the address guard, and never written out again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from django.conf import settings
from django.utils.translation import gettext_noop
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from publisher.address_guard import BAD_ADDRESS, FORBIDDEN_ADDRESS, check_port
from publisher.errors import PermanentError

SQLITE, POSTGRESQL, MYSQL = "sqlite", "postgresql", "mysql"
_KINDS = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "postgres": POSTGRESQL, "mysql": MYSQL, "mariadb": MYSQL}
PORTS = {POSTGRESQL: 5432, MYSQL: 3306}
# The one option that an address may carry: others name files of ours or another server (libpq's hostaddr, service …).
SSLMODE = "sslmode"
SSLMODES = ("disable", "prefer", "require", "verify-full")
HIDDEN = "•••"
# No path of a socket, and one server only.
_HOST = re.compile(r"[\w.:-]+")


@dataclass(frozen=True)
class Address:
    """A checked address. `path` is for SQLite only, the rest for servers; `sslmode` as libpq means it."""

    kind: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    sslmode: str = "prefer"
    path: Path = Path()

    @property
    def name(self) -> str:
        """What sentences call the other side."""
        return self.host or self.path.name

    def masked(self, words: str) -> str:
        """`words` of a driver, on one line, without the password in any form in which addresses carry it."""
        for secret in {self.password, quote(self.password), quote(self.password, ""), quote_plus(self.password)} - {""}:
            words = words.replace(secret, HIDDEN)
        return " ".join(words.split())[:300]


def parse(text: str, password: str = "") -> Address:
    """Read an address and check what can be seen without asking anybody. `password` counts before one that it carries.

    Raises PermanentError (reasons `bad_address`, `forbidden_address`); no sentence quotes the address.
    """
    text = text.strip()
    try:
        url = make_url(f"sqlite:///{text}" if text.startswith("/") else text)
    except (ArgumentError, ValueError):
        raise _bad() from None
    kind = _KINDS.get(url.drivername.partition("+")[0].lower())
    if kind is None:
        raise _bad()
    return _file(url.database or "") if kind == SQLITE else _server(kind, url, password)


def _server(kind: str, url: URL, password: str) -> Address:
    host, port = url.host or "", url.port or PORTS[kind]
    if not _HOST.fullmatch(host) or not url.database:
        raise _bad()
    check_port(host, port, PORTS[kind])
    return Address(
        kind,
        host=host,
        port=port,
        user=url.username or "",
        password=password or str(url.password or ""),
        database=url.database,
        sslmode=_sslmode(url.query),
    )


def _sslmode(query: Mapping[str, object]) -> str:
    mode = str(query.get(SSLMODE, "prefer"))
    if set(query) - {SSLMODE} or mode not in SSLMODES:
        raise PermanentError(
            gettext_noop("After the question mark the address may only say sslmode, with one of: %(modes)s."),
            reason=BAD_ADDRESS,
            modes=", ".join(SSLMODES),
        )
    return mode


def _file(written: str) -> Address:
    """An SQLite file: only inside folders that those who run the installation have named, links followed first."""
    path = Path(written)
    try:
        real = path.resolve()
        inside = any(real.is_relative_to(folder.resolve()) for folder in settings.OPSLAG_DATABASE_FILES)
    except (OSError, ValueError, RuntimeError):
        raise _bad() from None
    if not path.is_absolute() or not inside:
        raise PermanentError(
            gettext_noop(
                "The file is in no folder that Opslag may read databases from. Ask those who run this installation to "
                "name its folder in OPSLAG_DATABASE_FILES, and write the file’s whole path."
            ),
            reason=FORBIDDEN_ADDRESS,
        )
    if not real.is_file():
        raise PermanentError(
            gettext_noop("There is no file called “%(name)s” in that folder."), reason="no_database", name=real.name
        )
    return Address(SQLITE, path=real)


def _bad() -> PermanentError:
    return PermanentError(
        gettext_noop(
            "That is not the address of a database. Write it as postgresql://user@host/database, "
            "mariadb://user@host/database or sqlite:////folder/file.sqlite3."
        ),
        reason=BAD_ADDRESS,
    )
