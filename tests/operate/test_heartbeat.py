"""Heartbeats: one row per name, and which queues are silent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.models import Heartbeat
from publisher.operate import heartbeat
from publisher.vocabulary import Queue

pytestmark = pytest.mark.database


def test_a_name_has_one_row_with_its_latest_moment(db: None) -> None:
    heartbeat.beat("queue:bulk", {"host": "a"})
    first = Heartbeat.objects.get().at
    heartbeat.beat("queue:bulk", {"host": "b"})
    row = Heartbeat.objects.get()
    assert row.at > first
    assert row.detail == {"host": "b"}


def test_a_queue_is_silent_after_a_minute_and_a_half(db: None) -> None:
    now = timezone.now()
    for queue in Queue:
        heartbeat.beat(heartbeat.name_of(queue))
    assert heartbeat.silent(Queue, now) == []
    Heartbeat.objects.filter(name="queue:social").update(at=now - heartbeat.STALE_AFTER - timedelta(seconds=1))
    Heartbeat.objects.filter(name="queue:track").delete()
    assert heartbeat.silent(Queue, now) == [Queue.SOCIAL, Queue.TRACK]
    assert heartbeat.silent([Queue.BULK], now) == []
    assert heartbeat.ages([Queue.TRACK], now) == {Queue.TRACK: None}
