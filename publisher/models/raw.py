"""Hand-written SQL: values in the form that the database at hand stores them in, and many new rows in one statement."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Field, Model

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

    A column that is the same in all rows, as nearly all defaults are, is brought into the database's form once.
    """
    meta, quote = rows[0]._meta, connection.ops.quote_name
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    names = ", ".join(quote(str(field.column)) for field in fields)
    at_once = connection.ops.bulk_batch_size(fields, rows)
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        values = zip(*(_column(field, part) for field in fields), strict=True)
        place = f"({', '.join(['%s'] * len(fields))})"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES {', '.join([place] * len(part))} "  # noqa: S608
                f"RETURNING {quote(str(meta.pk.column))}",
                [value for row in values for value in row],
            )
            for row, (pk,) in zip(part, cursor.fetchall(), strict=True):
                row.pk, row._state.adding, row._state.db = pk, False, connection.alias


def _column(field: Field[Any, Any], rows: Sequence[Model]) -> list[Any]:
    values = [field.pre_save(row, add=True) for row in rows]
    if values.count(values[0]) == len(values):
        return [field.get_db_prep_save(values[0], connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]


def add_pairs(through: type[Model], pairs: Sequence[tuple[int, int]]) -> None:
    """Give new rows their labels and the like: (id, id) in the order of the table between the two models.

    For rows that nobody else knows yet: a pair that is there already is an IntegrityError. (A model instance for each
    pair, as Django makes them, costs more than everything else about an article with a dozen labels.)
    """
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in through._meta.local_fields if field.is_relation)
    with connection.cursor() as cursor:
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            part = pairs[start : start + _PAIRS_AT_ONCE]
            places = ", ".join(["(%s, %s)"] * len(part))
            cursor.execute(
                f"INSERT INTO {quote(through._meta.db_table)} ({columns}) VALUES {places}",  # noqa: S608 - names of ours
                [pk for pair in part for pk in pair],
            )
