"""A query taken apart the way its database takes it apart: words, quoted names, texts, comments, and nothing more.

MySQL and MariaDB take a backslash for an escape and “"” for a text,
PostgreSQL (standard_conforming_strings, the default since 9.1) and SQLite do neither; only PostgreSQL has $tag$ … $tag$
and E'…', only MySQL has comments that begin with “#”. `database_connection` sees
to it that the servers are set to read it so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

from publisher.sources.database_address import MYSQL, POSTGRESQL, SQLITE


class Kind(Enum):
    """What a token is. OPEN: a text or a name that does not end."""

    WORD = "word"
    NAME = "name"
    TEXT = "text"
    COMMENT = "comment"
    SIGN = "sign"
    OPEN = "open"


@dataclass(frozen=True)
class Token:
    """One token: what it is, and what it says: a name without its quotes, anything else as it is written."""

    kind: Kind
    says: str


_WORD = r"[^\W\d](?:\w|\$)*"
_PLAIN = r"'(?:[^']|'')*'"
_ESCAPED = r"'(?:[^'\\]|''|\\.)*'"
_DOLLARS = r"\$(?:[^\W\d]\w*)?\$"
# In the order in which they are tried where several begin at one place.
_RULES: dict[str, dict[Kind, str]] = {
    POSTGRESQL: {
        Kind.COMMENT: r"--|/\*",
        # An escaped text goes on with the next one if a line ends between them (SQL's way of joining texts).
        Kind.TEXT: rf"(?<!\w)[eE]{_ESCAPED}(?:\s*\n\s*{_ESCAPED})*|{_PLAIN}|(?P<tag>{_DOLLARS}).*?(?P=tag)",
        # What a name with Unicode escapes says depends on what follows it.
        Kind.NAME: r'(?<![uU]&)"(?:[^"]|"")*"',
        Kind.OPEN: rf"['\"]|{_DOLLARS}",
    },
    SQLITE: {
        Kind.COMMENT: r"--|/\*",
        Kind.TEXT: _PLAIN,
        Kind.NAME: r'"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]',
        Kind.OPEN: r"['\"`\[]",
    },
    MYSQL: {
        Kind.COMMENT: r"--|/\*|\#",
        Kind.TEXT: rf'{_ESCAPED}|"(?:[^"\\]|""|\\.)*"',
        Kind.NAME: r"`(?:[^`]|``)*`",
        Kind.OPEN: r"['\"`]",
    },
}


def tokens(query: str, kind: str) -> Iterator[Token]:
    """The tokens of a query as a database of this kind reads them; white space is left out."""
    for found in _pattern(kind).finditer(query):
        which = Kind[found.lastgroup or ""]
        yield Token(which, found[0][1:-1] if which is Kind.NAME else found[0])


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    rules = {**_RULES[kind], Kind.WORD: _WORD, Kind.SIGN: r"\d+|\S"}
    return re.compile("|".join(f"(?P<{which.name}>{rule})" for which, rule in rules.items()), re.DOTALL)
