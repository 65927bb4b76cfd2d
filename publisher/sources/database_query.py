"""What is asked of a database: one SELECT, a page at a time, of the columns that are mapped and no more of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import sqlalchemy as sa
from django.utils.translation import gettext_noop
from sqlalchemy.sql import quoted_name

from publisher.errors import PermanentError
from publisher.sources.database_address import POSTGRESQL, SQLITE
from publisher.sources.database_words import Kind, Token, tokens

PAGE = 500
# A page ends early when its rows hold this many characters; the rest comes with the next one.
PAGE_CHARACTERS = 20_000_000
LONGEST_QUERY = 10_000
MOST_TABLES = 500
_FEW = 50

_WRITING = frozenset({"insert", "update", "delete", "merge"})
_LOCKING = frozenset({("for", "update"), ("for", "share"), ("for", "no"), ("for", "key"), ("in", "share")})
# They act, wait, or read the server's disk even where nothing can be written.
_ACTING = re.compile(
    r"load_file|load_extension|sleep|benchmark|get_lock|release_(?:all_)?locks?|set_config|nextval|setval|"
    r"(?:query|cursor|table|schema|database)_to_xml\w*|ts_stat|ts_rewrite|(?:master|source)_pos_wait|"
    r"pg_(?:read|ls|stat_file|sleep|terminate|cancel|reload|rotate|switch|try_advisory|advisory|notify|create|drop|"
    r"promote|export|wal|backup|start_backup|stop_backup|logical|replication|log_)\w*|"
    r"lo_\w+|dblink\w*|xp_\w+|sys_e\w+"
)
# pg_type: json, jsonb, text[], varchar[]: drivers give them as Python values, which are short.
_STRUCTURED = frozenset({114, 3802, 1009, 1015})


@dataclass(frozen=True)
class Origin:
    """Where rows come from: a table or a query, and the names of its columns."""

    rows: Any
    columns: tuple[str, ...]
    structured: frozenset[str]


def checked_query(query: str, kind: str) -> str:
    """One SELECT, without what could act, as a database of this kind reads it.

    Raises PermanentError with a sentence that says what is wrong with it.

    The transaction is read-only anyway; this is so that staff learn it before the database does.
    """
    query = query.strip().rstrip(";").rstrip()
    if len(query) > LONGEST_QUERY:
        raise _refused(gettext_noop("The query is too long."))
    found = list(tokens(query, kind))
    kinds = {token.kind for token in found}
    if Kind.COMMENT in kinds:
        raise _refused(gettext_noop("Write the query without comments."))
    if Kind.OPEN in kinds or not _is_balanced(found):
        raise _refused(gettext_noop("A quotation mark or a parenthesis of the query has no other end."))
    if Token(Kind.SIGN, ";") in found:
        raise _refused(gettext_noop("Write one query only, without a semicolon."))
    if not found or _word(found[0]) not in {"select", "with"}:
        raise _refused(gettext_noop("The query must begin with SELECT."))
    if word := next((word for each in pairwise(found) if (word := _forbidden(*each))), ""):
        raise _refused(gettext_noop("Opslag only reads: “%(word)s” may not stand in a query."), word=word.upper())
    return query


def _forbidden(token: Token, following: Token) -> str:
    """The word with which these two would write, lock or act; "" if they do not."""
    word, then = _word(token), _word(following)
    if "into" in (word, then):
        return "into"
    if token.says == "(" and then in _WRITING:
        return then
    if (word, then) in _LOCKING:
        return f"{word} {then}"
    is_called = token.kind in {Kind.WORD, Kind.NAME} and following == Token(Kind.SIGN, "(")
    return token.says if is_called and _ACTING.fullmatch(token.says.lower()) else ""


def _word(token: Token) -> str:
    return token.says.lower() if token.kind is Kind.WORD else ""


def _is_balanced(found: Sequence[Token]) -> bool:
    """Whether the query stays within the parentheses that are put around it."""
    steps = ({"(": 1, ")": -1}.get(token.says, 0) for token in found if token.kind is Kind.SIGN)
    depths = list(accumulate(steps, initial=0))
    return min(depths) == 0 == depths[-1]


def tables(connection: sa.Connection) -> list[str]:
    """The tables and views that the user may see; outside the usual schema written schema.table."""
    inspector = sa.inspect(connection)
    usual = inspector.default_schema_name
    schemas: list[str | None] = [None]
    if connection.dialect.name == POSTGRESQL:
        names = inspector.get_schema_names()
        schemas += [name for name in names if name not in {usual, "information_schema"} and not name.startswith("pg_")]
    found = [
        name if schema is None and "." not in name else f"{schema or usual}.{name}"
        for schema in schemas[:_FEW]
        for name in sorted({*inspector.get_table_names(schema), *views(inspector, schema)})
    ]
    return found[:MOST_TABLES]


def views(inspector: sa.Inspector, schema: str | None) -> list[str]:
    """The views of a schema, materialised ones among them. Read once for each visit: the inspector remembers."""
    kept = inspector.get_materialized_view_names(schema) if inspector.dialect.name == POSTGRESQL else []
    return [*inspector.get_view_names(schema), *kept]


def origin(connection: sa.Connection, table: str, query: str) -> Origin:
    """The table, else the query, with the columns that the database says it has."""
    rows = (
        _named(table)
        if table
        else sa.text(f"({_literal(checked_query(query, connection.dialect.name))}) AS rows_of_query")
    )
    asked = connection.execute(sa.select(sa.text("*")).select_from(rows).limit(0))
    described: Sequence[Any] = asked.cursor.description if asked.cursor else ()
    kinds = {str(column[0]): column[1] for column in described}
    structured = frozenset(name for name, kind in kinds.items() if kind in _STRUCTURED)
    asked.close()
    is_postgresql = connection.dialect.name == POSTGRESQL
    return Origin(rows, tuple(kinds), structured if is_postgresql else frozenset())


def distinct(connection: sa.Connection, rows: Origin, name: str) -> list[Any]:
    """The first few values of a column."""
    named = column(name)
    few = sa.select(named).select_from(rows.rows).where(named.is_not(None)).distinct().limit(_FEW)
    return list(connection.execute(few).scalars())


def page(
    connection: sa.Connection,
    rows: Origin,
    columns: Mapping[str, str],
    longest: Mapping[str, int],
    *,
    where: Sequence[sa.ColumnElement[bool]] = (),
    order: Sequence[Any] = (),
    limit: int = 0,
) -> tuple[list[dict[str, Any]], bool]:
    """The next `limit` rows (0: a page), each as our field → value, and whether there are more.

    `columns`: our field → column. A field in `longest` is read as text of at most so many characters.
    """
    limit = limit or PAGE
    wanted = [_value(rows, field, name, longest.get(field)) for field, name in columns.items()]
    statement = sa.select(*wanted).select_from(rows.rows).where(*where).order_by(*order).limit(limit + 1)
    found: list[dict[str, Any]] = []
    characters = 0
    streamed = statement.execution_options(stream_results=connection.dialect.name != SQLITE, yield_per=100)
    with connection.execute(streamed) as result:
        for row in result.mappings():
            if len(found) == limit or characters > PAGE_CHARACTERS:
                return found, True
            found.append(dict(row))
            characters += sum(len(value) for value in row.values() if isinstance(value, str))
    return found, False


def column(name: str) -> sa.ColumnClause[Any]:
    """A column, its name always quoted."""
    return sa.column(quoted_name(name, quote=True))


def _named(table: str) -> sa.TableClause:
    schema, dot, name = table.partition(".")
    if not dot:
        return sa.table(quoted_name(table, quote=True))
    return sa.table(quoted_name(name, quote=True), schema=quoted_name(schema, quote=True))


def _literal(query: str) -> str:
    """So that sa.text takes no colon of the query for a parameter of ours."""
    return query.replace(":", "\\:")


def _value(rows: Origin, field: str, name: str, longest: int | None) -> sa.ColumnElement[Any]:
    found: sa.ColumnElement[Any] = column(name)
    if longest is not None and name not in rows.structured:
        found = sa.func.substr(sa.cast(found, sa.Text), 1, longest)
    return found.label(field)


def _refused(msgid: str, **params: str) -> PermanentError:
    return PermanentError(msgid, reason="bad_query", **params)
