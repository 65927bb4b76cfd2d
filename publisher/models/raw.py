"""Values for hand-written SQL, in the form that the database at hand stores them in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection


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
