"""What happens between two statements to the database: another process is quicker, or this one dies or fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def just_before(*words: str, do: Callable[[], object]) -> Iterator[None]:
    """Inside, `do` happens once, directly before the first statement that has all `words` in it or among its values."""
    done: list[bool] = []

    def look(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        said = " ".join(map(str, (sql, *(values or ()))))
        if not done and all(word in said for word in words):
            done.append(True)
            do()
        return execute(sql, values, many, context)

    with connection.execute_wrapper(look):
        yield
    assert done, f"no statement has {words}"


def failure(error: BaseException) -> Callable[[], None]:
    """What raises `error`."""

    def fail() -> None:
        raise error

    return fail
