"""Wake-ups: the rows are the queue, so whatever no worker took soon is dropped by the first that comes."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from publisher.models import Account, Campaign, Message, Newsletter, Source
from publisher.review.approval import approve
from publisher.vocabulary import Outlet, Queue
from tasks import collect, deliver, prepare, track
from tasks.celery import WORK_EXPIRES_S, app
from tasks.schedule import TICK_EXPIRES_S
from tasks.steps import Look
from tests.audience_factory import ready_mail, residents
from tests.smtp_sink import running_sink

TASKS = Path(__file__).resolve().parents[2] / "tasks"
SENDS = {"apply_async", "delay", "send_task", "apply", "signature", "s", "si"}


class Broker:
    """What lies in the queues."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis(unix_socket_path=url.removeprefix("redis+socket://"))
        self._client.flushall()

    def waiting(self, queue: Queue) -> list[dict[str, Any]]:
        """The headers of the queue's tasks, newest first."""
        return [json.loads(raw)["headers"] for raw in self._client.lrange(str(queue), 0, -1)]


@pytest.fixture
def broker(broker_url: str) -> Broker:
    """The app sends to a real broker, at which no worker listens; it keeps that connection for later tests."""
    app.conf.broker_write_url = broker_url
    return Broker(broker_url)


def lives_s(headers: dict[str, Any]) -> float:
    return (datetime.fromisoformat(headers["expires"]) - datetime.now(UTC)).total_seconds()


def senders() -> list[tuple[str, str]]:
    """Every function in tasks/ that sends a task by itself, with its file."""
    found = []
    for path in sorted(TASKS.glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
            found += [
                (path.name, function.name) for each in calls if isinstance(each, ast.Attribute) and each.attr in SENDS
            ]
    return found


def test_there_is_one_way_to_send_a_task() -> None:
    assert senders() == [("celery.py", "wake")]


def test_all_that_beat_sends_expires() -> None:
    assert all(0 < entry["options"]["expires"] <= 60 for entry in app.conf.beat_schedule.values())


@pytest.mark.database
def test_ticks_without_workers_leave_only_what_expires(source: Source, broker: Broker) -> None:
    for _ in range(3):
        Look(*collect.STEPS)(timezone.now())
    left = broker.waiting(Queue.COLLECT)
    assert len(left) == 3 and all(0 < lives_s(each) <= WORK_EXPIRES_S for each in left)


@pytest.mark.database
def test_a_lane_that_had_work_asks_for_the_next_at_once(
    newsletter: Newsletter, broker: Broker, tmp_path: Path, settings: pytest.FixtureRequest
) -> None:
    residents(newsletter, 3)
    ready_mail(newsletter)
    with running_sink(tmp_path / "sink") as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        deliver.run_lane()
        (next_one,) = broker.waiting(Queue.BULK)
        assert next_one["task"] == "tasks.deliver.run_lane" and 0 < lives_s(next_one) <= TICK_EXPIRES_S
        deliver.run_lane()
    assert len(broker.waiting(Queue.BULK)) == 1, "the one that found nothing asks for no other"


@pytest.mark.database
def test_nobody_is_woken_for_each_post_while_workers_are_behind(practice_account: Account, broker: Broker) -> None:
    for number in range(6):
        planned_post(practice_account, f"Åben øvelse {number}")
    for _ in range(3):
        Look(*prepare.STEPS, *deliver.STEPS, *track.STEPS)(timezone.now())
    left = broker.waiting(Queue.SOCIAL)
    asked = 2 * deliver.POST_WORKERS, 3 * 2 * deliver.POST_WORKERS
    assert asked[0] <= len(left) <= asked[1], "as often as there is a kind of work, whatever the number of posts"
    assert all(0 < lives_s(each) <= TICK_EXPIRES_S for each in left)


def planned_post(account: Account, text: str) -> None:
    """Approved and due now."""
    campaign = Campaign.objects.create(organisation=account.organisation, title=text)
    Message.objects.create(campaign=campaign, outlet=Outlet.POST, account=account, text=text)
    approve(campaign, None, scheduled_at=timezone.now())


def test_a_task_that_kills_its_worker_does_not_come_back() -> None:
    """What it worked on is in the rows, which count its strikes; the message is acknowledged and gone."""
    assert app.conf.task_acks_late and not app.conf.task_reject_on_worker_lost
    assert not any(task.reject_on_worker_lost for task in app.tasks.values())
