"""Steps of a tick: each is declared together with the question whether it may have anything to do.

One statement asks all the questions, and only the steps whose answer is yes look for themselves. The question is the
query that the step's own look narrows down, so it cannot miss what the look would find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from publisher.models.probe import Probe, Question


class Step(NamedTuple):
    """`may_have_work`: all that the step acts on is among these rows. None: rows cannot say it, so it is always run."""

    name: str
    may_have_work: Question | None
    run: Callable[[datetime], object]


class Look:
    """Steps that are looked at together."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.probe = Probe({step.name: step.may_have_work for step in steps if step.may_have_work})

    def __call__(self, now: datetime) -> None:
        """Run those that may have work, as `do_all` does."""
        wanted = self.probe.ask(now)
        runs = [step.run for step in self.steps if step.may_have_work is None or step.name in wanted]
        # Several steps may wake the same workers.
        do_all(partial(run, now) for run in dict.fromkeys(runs))


def do_all(steps: Iterable[Callable[[], object]]) -> None:
    """Do all, also when one of them fails; raises what went wrong at the end, as an ExceptionGroup.

    They do not depend on each other: one that fails keeps nobody else's work.
    """
    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 -- raised again below, with the others
            errors.append(error)
    if errors:
        raise ExceptionGroup("steps of a tick", errors)
