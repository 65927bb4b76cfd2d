"""Whether rows that are missing may just be old: a query or a view that gives only the latest takes nothing back."""

from __future__ import annotations

import re

import sqlalchemy as sa

from publisher.sources.database_query import views

# With these a query may give the latest rows only, and then an older one leaves it without being taken back.
_LATEST = re.compile(
    r"\b(limit|fetch|offset|top|rownum|row_number|rank|dense_rank|ntile|now|today|yesterday|interval|age|"
    r"current_\w+|localtime\w*|sys\w*date\w*|systimestamp|getdate|curdate|curtime|utc_\w+|\w+_timestamp|julianday|"
    r"unixepoch|datediff|timestampdiff)\b|\bdate\(\s*\)",
    re.IGNORECASE,
)
# Views upon views; whatever goes deeper is not believed either.
_DEEPEST = 8


def may_be_the_latest(connection: sa.Connection, table: str, query: str) -> bool:
    """Whether rows may be left out because they are old, so that one that is missing may be there still.

    So it may be with a query, a view, and whatever takes its rows from such a view. Rather yes than no: the word alone
    is enough, in a column's name too, and so is a view whose definition the user may not see.
    """
    inspector = sa.inspect(connection)
    if query.strip():
        return _says_latest(inspector, query, None, _DEEPEST)
    before, dot, after = table.partition(".")
    schema, name = (before, after) if dot else (None, table)
    return name in views(inspector, schema) and _shows_latest(inspector, schema, name, _DEEPEST)


def _says_latest(inspector: sa.Inspector, words: str, schema: str | None, deep: int) -> bool:
    """Whether a SELECT says so itself, or a view that it names."""
    if deep == 0 or _LATEST.search(words):
        return True
    named = set(re.findall(r"\w+", words.casefold()))
    for there in {schema, None}:
        for view in views(inspector, there):
            if view.casefold() in named and _shows_latest(inspector, there, view, deep - 1):
                return True
    return False


def _shows_latest(inspector: sa.Inspector, schema: str | None, view: str, deep: int) -> bool:
    try:
        definition = inspector.get_view_definition(view, schema)
    except sa.exc.SQLAlchemyError:
        return True
    # A view's own name stands in its definition.
    body = re.sub(rf"\b{re.escape(view)}\b", "", definition or "", flags=re.IGNORECASE)
    return not body.strip() or _says_latest(inspector, body, schema, deep)
