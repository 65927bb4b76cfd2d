"""Values left open in a statement that is built once and carried out many times: by name, or as a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, F, Field, Func
from django.db.models.sql.compiler import SQLCompiler

from publisher.models.probe import Instant
from publisher.models.raw import db_value


class Given(Expression):
    """A value that is known only when the statement is carried out, by its name there."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, _compiler: object, _connection: object) -> tuple[str, tuple[Any, ...]]:
        """A place for the parameter, and this as its value until then."""
        return "%s", (self,)

    def in_database(self, value: Any) -> Any:
        """A value that is given for it, as this database keeps it."""
        return self.output_field.get_db_prep_save(value, connection)


class _GivenList(Given):
    """As many texts or numbers as are given, in one parameter, so that the statement is the same for all lengths."""

    def in_database(self, value: Any) -> Any:
        return list(value) if connection.vendor == "postgresql" else json.dumps(list(value))


class Among(Func):
    """A condition: a column's value is one of the texts or numbers that are given under a name."""

    output_field = BooleanField()

    def __init__(self, column: str, name: str) -> None:
        super().__init__(F(column), _GivenList(name, BooleanField()))

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: Any
    ) -> tuple[str, Any]:
        """PostgreSQL looks in an index for the members of an array, but not for the rows of a subquery within OR."""
        form = "%s = ANY(%s)" if connection.vendor == "postgresql" else "%s IN (SELECT value FROM json_each(%s))"
        (column, before), (place, values) = map(compiler.compile, self.get_source_expressions())
        return form % (column, place), (*before, *values)


def filled_in(params: Iterable[object], now: datetime | None, given: Mapping[str, object]) -> list[Any]:
    """A statement's parameters for the database, with the values of this time in place of what was left open."""
    return [_value(param, now, given) for param in params]


def _value(param: object, now: datetime | None, given: Mapping[str, object]) -> Any:
    if isinstance(param, Given):
        return param.in_database(given[param.name])
    if isinstance(param, Instant):
        assert now is not None
        return db_value(now + param.after)
    return db_value(param)
