"""Ticks that look for several stages: one that fails keeps nobody else's work."""

from __future__ import annotations

import pytest

from tasks.celery import app
from tasks.steps import do_all


def test_one_look_that_fails_does_not_keep_the_others_from_looking() -> None:
    looked: list[str] = []

    def broken() -> None:
        raise RuntimeError("the first stage is broken")

    with pytest.raises(ExceptionGroup) as raised:
        do_all((broken, lambda: looked.append("second stage")))
    assert looked == ["second stage"]
    assert [str(error) for error in raised.value.exceptions] == ["the first stage is broken"]


def test_beat_names_only_tasks_that_exist() -> None:
    app.loader.import_default_modules()
    named = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert named <= set(app.tasks)
