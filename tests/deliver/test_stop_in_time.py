"""Pause, cancel and the stop in mid-send: two seconds later nothing starts, at any rate. Counted at the mail server."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from publisher.models import Delivery, Message, Newsletter
from publisher.review.control import cancel_message, lift_stop, pause, resume, stop_everything
from publisher.review.withdraw import cancel_leftovers
from tests.audience_factory import ready_mail, residents
from tests.deliver.lanes import lane_on_a_thread
from tests.smtp_sink import running_sink

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]
PROMISE_S = 2.0


def fresh(message: Message) -> Message:
    return Message.objects.select_related("campaign__organisation", "newsletter").get(pk=message.pk)


ACTIONS: dict[str, Callable[[Message], object]] = {
    "pause": lambda message: pause(fresh(message), None),
    "cancel": lambda message: cancel_message(fresh(message), None),
    "stop": lambda message: stop_everything(message.campaign.organisation, None),
    "stop for all": lambda message: stop_everything(None, None),
}


@pytest.mark.parametrize(
    ("action", "delay_s", "connections"),
    [*((action, 0.05, 1) for action in ACTIONS), ("pause", 0.3, 6), ("stop", 0.0, 4), ("cancel", 0.0, 4)],
)
def test_what_starts_two_seconds_after_it_is_nothing(
    newsletter: Newsletter, tmp_path: Path, settings: Any, action: str, delay_s: float, connections: int
) -> None:
    """20 messages a second over one connection and over six, and as fast as it goes."""
    people = 150 if delay_s else 4000
    with running_sink(tmp_path / "sink", delay_s=delay_s) as sink:
        settings.OPSLAG_SMTP_URL, settings.OPSLAG_SMTP_CONNECTIONS = sink.url, connections
        residents(newsletter, people)
        message = ready_mail(newsletter)
        Message.objects.filter(pk=message.pk).update(started_at=timezone.now())
        lanes = [lane_on_a_thread(), lane_on_a_thread()]
        while len(sink.entries()) < 15:
            time.sleep(0.02)
        ACTIONS[action](message)
        done = time.time()
        for lane in lanes:
            lane.join(30)
        cancel_leftovers(timezone.now())
        entries = sink.entries()
        # The sink notes a mail when its content is whole, before it waits: that is when it was started.
        assert [at - done for _, _, at in entries if at > done + PROMISE_S] == []
        found = Counter(Delivery.objects.values_list("status", flat=True))
        assert found["sent"] == len(entries) and set(found) <= {
            "sent",
            "cancelled" if action == "cancel" else "pending",
        }
        if action == "pause":
            resume(fresh(message), None)
        if action.startswith("stop"):
            lift_stop(None if action == "stop for all" else message.campaign.organisation, None)
        lane_on_a_thread().join(30)
        assert len(sink.entries()) == len(entries) if action == "cancel" else len(sink.entries()) > len(entries)
        assert len({to for _, to, _ in sink.entries()}) == len(sink.entries()), "nobody twice"
