"""Posts that a platform lets wait, and what colleagues are told by mail of posts in trouble: each thing once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.deliver import post, reconcile
from publisher.deliver.post_trouble import FAILED, LATE, UNCONFIRMED, WAITED_IN_VAIN
from publisher.models import Account, Delivery, Message, Notice, PostPart
from publisher.review import control
from publisher.schedule.dispatch import HELD
from publisher.vocabulary import HoldReason, MessageStatus
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import UPLOAD, begun, scheduled, state

# Bo approves, and is told.
pytestmark = [pytest.mark.database, pytest.mark.usefixtures("bo")]


def told() -> list[str]:
    """The sentences of the notices so far, by their ids."""
    return list(Notice.objects.order_by("pk").values_list("explanation__msgid", flat=True))


def test_to_be_asked_to_wait_is_no_attempt_and_told_once(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("429", times=None)
    began = timezone.now()
    for hours in range(10):
        with time_machine.travel(began + timedelta(hours=hours), tick=True):
            assert post.publish(delivery.pk) == "pending"
    delivery.refresh_from_db()
    assert delivery.attempts == 0 and told() == [LATE]
    with time_machine.travel(began + timedelta(hours=11), tick=True):
        server.faults.clear()
        assert post.publish(delivery.pk) == "sent" and len(server.posts()) == 1


def test_after_a_day_in_vain_a_person_decides(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("429", times=None)
    assert post.publish(delivery.pk) == "pending"
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=True):
        assert post.publish(delivery.pk) == "pending"
        message = Message.objects.get(pk=delivery.message_id)
        assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.THROTTLED)
        assert told() == [HELD]
        assert Notice.objects.latest("pk").explanation["params"]["why"]["msgid"] == WAITED_IN_VAIN
        server.faults.clear()
        control.release(message, None)
        Delivery.objects.update(due_at=timezone.now())
        assert post.publish(delivery.pk) == "sent"


def test_a_long_delay_is_told_once(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("500", times=None, on=UPLOAD)
    for expected in ([], [], [], [LATE], [LATE]):
        with time_machine.travel(Delivery.objects.get().due_at, tick=True):
            assert post.publish(delivery.pk) == "pending"
        assert told() == expected
    with time_machine.travel(Delivery.objects.get().due_at, tick=True):
        assert post.publish(delivery.pk) == "failed"
    assert told() == [LATE, FAILED]


def test_a_post_that_failed_is_told_once_with_its_reason(account: Account) -> None:
    delivery = begun(scheduled(account))
    PostPart.objects.update(text="x" * 600)
    assert post.publish(delivery.pk) == "failed" and post.publish(delivery.pk) is None
    notice = Notice.objects.get()
    assert notice.explanation["msgid"] == FAILED
    assert notice.explanation["params"]["title"] == "Åben øvelse" and "500" in str(notice.explanation["params"]["why"])
    assert (notice.subject_kind, notice.subject_id) == ("campaign", delivery.message.campaign_id)


def test_one_that_stops_its_worker_is_told(account: Account) -> None:
    delivery = begun(scheduled(account))
    for _ in range(3):
        assert post._claim(delivery.pk) is not None
        post.give_up_dead_claims(timezone.now() + timedelta(seconds=121))
    assert told() == [FAILED]


def test_what_stays_unconfirmed_is_told_after_the_last_look(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    server.faults.set("drop_before_read")
    post.publish(delivery.pk)
    for look in range(len(reconcile.LOOKS_S) + 3):
        Delivery.objects.update(due_at=timezone.now())
        reconcile.reconcile(delivery.pk)
        assert told() == ([UNCONFIRMED] if look >= len(reconcile.LOOKS_S) else [])


def test_a_look_that_is_asked_to_wait_is_no_look(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    server.faults.set("commit_then_drop")
    post.publish(delivery.pk)
    server.faults.set("429", times=None, on="GET /api/v1/accounts")
    for _ in range(8):
        Delivery.objects.update(due_at=timezone.now())
        assert not reconcile.reconcile(delivery.pk)
    server.faults.clear()
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk) and state(delivery)[0] == "sent" and told() == []


def test_of_a_refused_channel_nobody_is_told_twice(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.control({"revoke": server.token})
    assert post.publish(delivery.pk) == "pending"
    assert Notice.objects.filter(user__name="Bo").count() == 1
