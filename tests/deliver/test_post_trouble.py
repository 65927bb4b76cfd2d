"""Posts that a platform lets wait, and what colleagues are told by mail of posts in trouble: each thing once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.deliver import post, reconcile
from publisher.deliver.post_claim import take, take_to_publish
from publisher.deliver.post_trouble import FAILED, LATE, UNCONFIRMED, WAITED_IN_VAIN
from publisher.models import Account, Delivery, Message, Notice, PostPart
from publisher.review import control
from publisher.schedule.dispatch import HELD
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import UPLOAD, begun, connected, scheduled, state

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


def test_released_it_is_tried_at_once_and_waits_once_more(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("429", times=None)
    assert post.publish(delivery.pk) == "pending"
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=True):
        assert post.publish(delivery.pk) == "pending"
        control.release(Message.objects.get(pk=delivery.message_id), None)
        for expected in (MessageStatus.SENDING, MessageStatus.HELD):
            assert post.to_publish(timezone.now()) == [delivery.pk]
            assert post.publish(delivery.pk) == "pending"
            assert Message.objects.get(pk=delivery.message_id).status == expected
            Delivery.objects.update(due_at=timezone.now())
            Account.objects.update(blocked_until=None)


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
        assert take_to_publish(delivery.pk, post.COMMIT_LEASE)
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


def test_of_one_whose_last_look_killed_its_worker_a_person_is_told(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    server.faults.set("drop_before_read")
    post.publish(delivery.pk)
    Delivery.objects.update(strikes=len(reconcile.LOOKS_S))
    assert take(delivery.pk, Delivery.objects.all(), DeliveryStatus.UNCERTAIN, reconcile.LEASE)
    for hours in (1, 2, 20):
        with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True):
            post.give_up_dead_claims(timezone.now())
            for pk in reconcile.to_reconcile(timezone.now()):
                assert not reconcile.reconcile(pk)
            assert told() == [UNCONFIRMED]


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


def test_connecting_anew_lets_go_what_was_put_off(account: Account, server: MastodonServer) -> None:
    """Whatever made it wait may have been the old connection."""
    late, ahead = begun(scheduled(account)), scheduled(account, timezone.now() + timedelta(minutes=9))
    server.faults.set("500", times=2, on=UPLOAD)
    assert post.publish(late.pk) == "pending" and not post.prepare(ahead.pk)
    Delivery.objects.filter(pk=late.pk).update(due_at=timezone.now() + timedelta(hours=6))
    assert post.to_publish(timezone.now()) == post.to_prepare(timezone.now()) == []
    connected(account.organisation, server)
    assert post.to_publish(timezone.now()) == [late.pk] and post.to_prepare(timezone.now()) == [ahead.pk]
    assert post.publish(late.pk) == "sent"
    ahead.refresh_from_db()
    assert ahead.due_at > timezone.now(), "its own time stays"
