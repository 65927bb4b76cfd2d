"""Hand-written SQL: values in the form that the database at hand stores them in, and many new rows in one statement."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.db.models.options import Options

_PAIRS_AT_ONCE = 400


def db_value(value: object) -> Any:
    """A datetime or UUID as this database keeps it (SQLite: UTC text, hex text); anything else unchanged."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    return value


def db_values(values: Iterable[object]) -> list[Any]:
    """`db_value` for each."""
    return [db_value(value) for value in values]


def add_rows(rows: Sequence[Model]) -> None:
    """Store new rows of one model, as `bulk_create` does, and give them their ids. Call it in a transaction.

    A column that is the same in all rows, as nearly all defaults are, is given to the database once.
    """
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    at_once = connection.ops.bulk_batch_size(fields, rows)
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        statement, values = _insertion(meta, fields, part)
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            for row, (pk,) in zip(part, cursor.fetchall(), strict=True):
                row.pk, row._state.adding, row._state.db = pk, False, connection.alias


def _insertion(meta: Options[Any], fields: Iterable[Field[Any, Any]], rows: Sequence[Model]) -> tuple[str, list[Any]]:
    """The statement and its parameters. It is read and filled in faster than one that has a place for every value."""
    same: dict[str, Any] = {}
    various: dict[str, list[Any]] = {}
    for field in fields:
        values = [field.pre_save(row, add=True) for row in rows]
        if values.count(values[0]) == len(values):
            same[str(field.column)] = field.get_db_prep_save(values[0], connection)
        else:
            various[str(field.column)] = [field.get_db_prep_save(value, connection) for value in values]
    quote = connection.ops.quote_name
    source = ""
    if various:
        place = f"({', '.join(['%s'] * len(various))})"
        source = f" FROM (VALUES {', '.join([place] * len(rows))}) AS various"
    elif len(rows) > 1:
        source = f" FROM (VALUES {', '.join(['(0)'] * len(rows))}) AS various"
    selected = [*(["%s"] * len(same)), *(f"column{number}" for number in range(1, len(various) + 1))]
    statement = (
        f"INSERT INTO {quote(meta.db_table)} ({', '.join(map(quote, (*same, *various)))}) "
        f"SELECT {', '.join(selected)}{source} RETURNING {quote(str(meta.pk.column))}"
    )
    return statement, [*same.values(), *(value for row in zip(*various.values(), strict=True) for value in row)]


def add_pairs(through: type[Model], pairs: Sequence[tuple[int, int]]) -> None:
    """Give new rows their labels and the like: (id, id) in the order of the table between the two models.

    For rows that nobody else knows yet: a pair that is there already is an IntegrityError. (A model instance for each
    pair, as Django makes them, costs more than everything else about an article with a dozen labels.)
    """
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in through._meta.local_fields if field.is_relation)
    with connection.cursor() as cursor:
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            written = ", ".join(f"({int(one)}, {int(other)})" for one, other in pairs[start : start + _PAIRS_AT_ONCE])
            cursor.execute(f"INSERT INTO {quote(through._meta.db_table)} ({columns}) VALUES {written}")  # noqa: S608
