"""Steps of one tick that do not depend on each other: one that fails keeps nobody else's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def do_all(steps: Iterable[Callable[[], object]]) -> None:
    """Do all, also when one of them fails; raises what went wrong at the end, as an ExceptionGroup."""
    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 -- raised again below, with the others
            errors.append(error)
    if errors:
        raise ExceptionGroup("steps of a tick", errors)
