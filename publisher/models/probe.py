"""A probe: one statement that says which of many questions have any row for an answer, so that idling costs little.

Django builds a query anew each time it is asked, which takes far longer than to hear that there is nothing. Here each
question is built once, from the same query set that the exact look narrows down, with the instant left open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Expression, Func, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

from publisher.models.raw import db_value


class Instant(Expression):
    """A time in a question: so long `after` the instant at which it will be asked. Counts as datetimes do."""

    def __init__(self, after: timedelta = timedelta(0)) -> None:
        super().__init__(output_field=DateTimeField())
        self.after = after

    def __add__(self, other: timedelta) -> Instant:  # type: ignore[override]
        return Instant(self.after + other)

    def __sub__(self, other: timedelta) -> Instant:  # type: ignore[override]
        return Instant(self.after - other)

    def as_sql(self, _compiler: object, _connection: object) -> tuple[str, tuple[Any, ...]]:
        """A place for the parameter, and this as its value until the question is asked."""
        return "%s", (self,)


class HoursBefore(Func):
    """So many hours, a column's, before an instant; on SQLite in whole seconds."""

    output_field = DateTimeField()
    template = "(%(expressions)s * INTERVAL '1 hour')"
    arg_joiner = " - "

    def __init__(self, instant: datetime | Instant, hours: Any) -> None:
        super().__init__(instant if isinstance(instant, Instant) else Value(instant, DateTimeField()), hours)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        """Text in the form in which Django keeps datetimes there."""
        template = "datetime(%(expressions)s || ' hours')"
        return self.as_sql(compiler, connection, template=template, arg_joiner=", '-' || ", **context)


# What a query that serves both a look and its probe is given as "now".
Moment = datetime | Instant
Question = Callable[[Moment], QuerySet[Any]]


class Probe:
    """Questions that are asked together: whether their query sets have a row.

    The query sets must not depend on settings or on rows that were read while they were built: they are built once for
    each database, and asked for ever after.
    """

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self._questions = dict(questions)
        self._statements: dict[str, tuple[str, list[timedelta]]] = {}

    def ask(self, now: datetime) -> set[str]:
        """The names of the questions that are answered with yes at `now`."""
        if connection.vendor not in self._statements:
            self._statements[connection.vendor] = self._statement()
        statement, instants = self._statements[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(statement, [db_value(now + after) for after in instants])
            answers = cursor.fetchone()
        return {name for name, is_so in zip(self._questions, answers, strict=True) if is_so}

    def _statement(self) -> tuple[str, list[timedelta]]:
        columns, instants = [], []
        for question in self._questions.values():
            sql, places = _compiled(question(Instant()))
            columns.append(f"EXISTS ({sql})")
            instants += [instant.after for instant in places]
        return f"SELECT {', '.join(columns)}", instants


def _compiled(rows: QuerySet[Any]) -> tuple[str, list[Instant]]:
    """The query with all values but instants written out: so a partial index's condition is seen to hold."""
    sql, params = rows.order_by().values("pk").query.sql_with_params()
    written = ["%s" if isinstance(value, Instant) else _literal(value).replace("%", "%%") for value in params]
    return sql % tuple(written), [value for value in params if isinstance(value, Instant)]


def _literal(value: object) -> str:
    """A constant of our own code as SQL. Raises TypeError for a kind that no question has needed yet."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return "'" + str(value).replace("'", "''") + "'"
    if isinstance(value, timedelta):
        # Only PostgreSQL is given one as it is.
        return f"INTERVAL '{value.total_seconds()} seconds'"
    raise TypeError(f"a {type(value).__name__} in a probe's question")
