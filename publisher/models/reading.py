"""A reading: a SELECT whose statement is built once and asked many times, with ids, lists and instants left open.

Django takes ten times as long to build the question that a look at a source asks as the database to answer it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from publisher.models.given import filled_in

Row = TypeVar("Row")


class _Statement(NamedTuple):
    sql: str
    params: tuple[Any, ...]
    read: Callable[[list[Any]], Iterator[Any]]


class Reading(Generic[Row]):
    """Rows of a model, or tuples of `values_list`. The query set must depend on no settings or rows."""

    def __init__(self, rows: Callable[[], QuerySet[Any, Row]]) -> None:
        self._rows = rows
        self._statements: dict[str, _Statement] = {}

    def ask(self, **given: object) -> list[Row]:
        """The rows as they are now, for what is given for each `Given` and `Among`."""
        if connection.vendor not in self._statements:
            self._statements[connection.vendor] = _statement(self._rows())
        statement = self._statements[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, filled_in(statement.params, timezone.now(), given))
            rows = cursor.fetchall()
        return list(statement.read(rows)) if rows else []


def _statement(rows: QuerySet[Any, Any]) -> _Statement:
    compiler = rows.query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    columns: list[Any] = [column for column, _sql, _alias in compiler.select]
    converters = compiler.get_converters(columns)

    def converted(found: list[Any]) -> Iterator[Any]:
        return compiler.apply_converters(found, converters) if converters else iter(found)

    def as_models(found: list[Any]) -> Iterator[Any]:
        names = [column.target.attname for column in columns]
        return (rows.model.from_db(connection.alias, names, values) for values in converted(found))

    return _Statement(
        sql, tuple(params), as_models if rows.query.default_cols else lambda found: map(tuple, converted(found))
    )
