"""A worker's tasks share a connection to the database, and none suffers from one that broke under the last."""

from __future__ import annotations

from typing import Any

import pytest
from celery import shared_task
from celery.app.trace import build_tracer
from celery.fixups.django import DjangoWorkerFixup
from django.db import OperationalError, connection

from publisher.models import Organisation
from tasks.celery import app

pytestmark = [
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only a server can end a connection"),
]


@shared_task
def process_id() -> int:
    """The server's process that this task speaks to."""
    Organisation.objects.count()
    return int(connection.connection.info.backend_pid)


@shared_task
def end_it() -> None:
    """As a restart of the server does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def worked_on(task: Any) -> Any:
    """As a worker runs it, with Celery's support for Django around it; raises what it raises."""
    support = DjangoWorkerFixup(app)
    support.on_task_prerun(task)
    try:
        return build_tracer(task.name, task, app=app, propagate=True)("an-id", (), {}, {}).retval
    finally:
        support.on_task_postrun(task)


def test_the_next_task_takes_over_the_connection() -> None:
    assert worked_on(process_id) == worked_on(process_id)


def test_a_task_after_one_whose_connection_ended_gets_a_new_one() -> None:
    before = worked_on(process_id)
    with pytest.raises(OperationalError):
        worked_on(end_it)
    assert worked_on(process_id) != before


def test_a_task_that_is_simply_called_leaves_the_connection_alone() -> None:
    process_id()
    connection.errors_occurred = True
    before = connection.connection
    try:
        process_id()
        assert connection.connection is before
    finally:
        connection.errors_occurred = False
