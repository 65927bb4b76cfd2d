"""What posts that are due at one instant have in common: they begin and finish together, and each costs little."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from publisher.deliver import finish, post, reconcile
from publisher.models import Account, Campaign, CampaignItem, Delivery, DeliveryCount, Item, Message, StopStamp
from publisher.review import control
from publisher.schedule import dispatch
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import begun, counters, scheduled
from tests.elsewhere import Elsewhere

pytestmark = pytest.mark.database


def message_of(delivery: Delivery) -> Message:
    return Message.objects.get(pk=delivery.message_id)


def test_what_is_due_begins_together_and_each_by_its_own_rules(account: Account) -> None:
    now = timezone.now()
    plain, missed, gone = (scheduled(account, now) for _ in range(3))
    Message.objects.filter(pk=missed.message_id).update(scheduled_at=now - timedelta(minutes=121))
    item = Item.objects.create(organisation=account.organisation, title="Taget tilbage", withdrawn_at=now)
    CampaignItem.objects.create(campaign=Campaign.objects.get(messages=gone.message), item=item)
    dispatch.start_posts([each.message_id for each in (plain, missed, gone)], timezone.now())
    found = [(message_of(each).status, message_of(each).hold_reason) for each in (plain, missed, gone)]
    held = MessageStatus.HELD
    assert found == [(MessageStatus.SENDING, ""), (held, HoldReason.MISSED), (held, HoldReason.WITHDRAWN)]


def test_what_is_stopped_or_not_due_does_not_begin_with_them(account: Account) -> None:
    delivery = scheduled(account, timezone.now() + timedelta(minutes=5))
    stopped = scheduled(account)
    StopStamp.objects.create(organisation=account.organisation)
    messages = dispatch.posts_to_start(timezone.now())
    dispatch.start_posts(messages, timezone.now())
    assert messages == [] and {message_of(each).status for each in (delivery, stopped)} == {MessageStatus.SCHEDULED}


def test_they_finish_together_whatever_became_of_them(account: Account, server: MastodonServer) -> None:
    sent, lost, waits = (begun(scheduled(account)) for _ in range(3))
    assert post.publish(sent.pk) == DeliveryStatus.SENT
    server.faults.set("drop_before_read")
    assert post.publish(lost.pk) == DeliveryStatus.UNCERTAIN
    server.faults.set("429")
    assert post.publish(waits.pk) == DeliveryStatus.PENDING
    assert finish.finish_posts(timezone.now()) == 2 and finish.finish_posts(timezone.now()) == 0
    found = [message_of(each).status for each in (sent, lost, waits)]
    assert found == [MessageStatus.FINISHED, MessageStatus.FINISHED, MessageStatus.SENDING]


@pytest.mark.parametrize("wrong", ["counters", "frozen"])
def test_one_whose_figures_disagree_is_left_to_be_held(account: Account, server: MastodonServer, wrong: str) -> None:
    delivery = begun(scheduled(account))
    post.publish(delivery.pk)
    if wrong == "counters":
        DeliveryCount.objects.create(message=delivery.message, status=DeliveryStatus.FAILED, lane=7, count=1)
    else:
        Message.objects.update(frozen_count=2)
    assert finish.finish_posts(timezone.now()) == 0 and finish.to_finish() == [delivery.message_id]
    assert not finish.finish(delivery.message_id, timezone.now())
    assert message_of(delivery).hold_reason == HoldReason.COUNTS_DISAGREE


@pytest.mark.django_db(transaction=True)
def test_one_that_a_person_sends_again_meanwhile_does_not_finish(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("drop_before_read")
    post.publish(delivery.pk)
    with transaction.atomic():
        control.decide(Delivery.objects.get(), None, "resend")
        finishing = Elsewhere(lambda: finish.finish_posts(timezone.now()))
        finishing.is_over(0.5)
    finishing.answer()
    assert message_of(delivery).status == MessageStatus.SENDING and counters(delivery) == {"pending": 1}


def test_a_post_costs_few_statements_at_its_instant(account: Account, server: MastodonServer) -> None:
    """Those that begin and end a transaction count, too. Made ready ahead, as most are."""
    delivery = scheduled(account, timezone.now() + timedelta(minutes=3))
    assert post.prepare(delivery.pk)
    Message.objects.update(scheduled_at=timezone.now())
    Delivery.objects.update(due_at=timezone.now())
    with CaptureQueriesContext(connection) as together:
        dispatch.start_posts([delivery.message_id], timezone.now())
    with CaptureQueriesContext(connection) as alone:
        assert post.publish(delivery.pk) == DeliveryStatus.SENT
        (part,) = reconcile.to_confirm(timezone.now())
        assert reconcile.confirm(part)
    with CaptureQueriesContext(connection) as at_the_end:
        assert finish.finish_posts(timezone.now()) == 1
    assert len(alone) <= (14 if connection.vendor == "postgresql" else 22)
    assert len(together) + len(alone) + len(at_the_end) <= 32
