"""A change: an UPDATE whose statement is built once and carried out many times, with the instant and ids left open.

Django takes longer to build the statement that a look at a source begins with than the database to carry it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql import UpdateQuery

from publisher.models.given import filled_in


class Change:
    """Which rows, and their new values, with `Given` and `Instant` in both. They must depend on no settings or rows."""

    def __init__(self, rows: Callable[[], QuerySet[Any]], **values: Any) -> None:
        self._rows, self._values = rows, values
        self._statements: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def make(self, now: datetime, given: Mapping[str, object]) -> int:
        """Carry it out at `now`; gives how many rows it changed."""
        if connection.vendor not in self._statements:
            self._statements[connection.vendor] = self._statement()
        statement, params = self._statements[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(statement, filled_in(params, now, given))
            return int(cursor.rowcount)

    def _statement(self) -> tuple[str, tuple[Any, ...]]:
        query: Any = self._rows().query.chain(UpdateQuery)
        query.add_update_values(self._values)
        statement, params = query.get_compiler(connection=connection).as_sql()
        return statement, tuple(params)
