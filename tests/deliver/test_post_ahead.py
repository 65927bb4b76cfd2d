"""Uploading ahead of time: a failure is no strike and is tried again with pauses; a refused channel is said at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.utils import timezone, translation

from publisher.deliver import post
from publisher.errors import Explanation
from publisher.models import Account, Delivery, Message, Notice, User
from publisher.review import control
from publisher.schedule import dispatch
from publisher.vocabulary import MessageStatus, NoticeKind, PartStep
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import UPLOAD, begun, connected, during, scheduled, state
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


def in_minutes(minutes: float) -> datetime:
    return timezone.now() + timedelta(minutes=minutes)


def tries_until_due(delivery: Delivery) -> list[float]:
    """Seconds after the start at which a tick each second would try to prepare, until the post is due."""
    message = Message.objects.get(pk=delivery.message_id)
    assert message.scheduled_at is not None
    began, tries = timezone.now(), []
    seconds = int((message.scheduled_at - began).total_seconds())
    for second in range(1, seconds):
        with time_machine.travel(began + timedelta(seconds=second), tick=False):
            if delivery.pk in post.to_prepare(timezone.now()):
                tries.append(float(second))
                assert not post.prepare(delivery.pk)
    return tries


def test_a_server_in_trouble_is_tried_again_with_growing_pauses(account: Account, server: MastodonServer) -> None:
    delivery = scheduled(account, in_minutes(10))
    server.faults.set("500", times=None, on=UPLOAD)
    tries = tries_until_due(delivery)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert 4 <= len(tries) <= 8 and pauses == sorted(pauses) and pauses[-1] > pauses[0]
    message = Message.objects.get()
    assert (message.status, message.strikes) == (MessageStatus.SCHEDULED, 0)
    delivery.refresh_from_db()
    assert str(Explanation.from_json(delivery.last_error)) and delivery.strikes == delivery.attempts == 0
    server.faults.clear()
    with time_machine.travel(message.scheduled_at or "", tick=True):
        assert post.publish(begun(delivery).pk) == "sent"


def test_a_busy_server_is_tried_again_when_it_asked_for(account: Account, server: MastodonServer) -> None:
    delivery = scheduled(account, in_minutes(10))
    server.faults.set("503_retry_after", times=None, on=UPLOAD)
    tries = tries_until_due(delivery)
    pauses = {later - earlier for earlier, later in pairwise(tries)}
    # http reads the asked 30 seconds as a minute, its least; the tick after that finds it.
    assert pauses == {61.0} and Message.objects.get().status == MessageStatus.SCHEDULED


def test_a_try_that_works_after_a_pause_is_the_last(account: Account, server: MastodonServer) -> None:
    delivery = scheduled(account, in_minutes(5))
    server.faults.set("500", on=UPLOAD)
    assert not post.prepare(delivery.pk) and post.to_prepare(timezone.now()) == []
    with time_machine.travel(in_minutes(0.5), tick=True):
        assert post.to_prepare(timezone.now()) == [delivery.pk] and post.prepare(delivery.pk)
        assert post.to_prepare(in_minutes(4)) == []
    assert state(delivery) == ("pending", "", "prepared")


def test_what_would_be_refused_again_waits_for_its_instant(account: Account, server: MastodonServer) -> None:
    delivery = scheduled(account, in_minutes(5))
    server.faults.set("media_fails", times=None)
    assert tries_until_due(delivery) == [1.0]
    message = Message.objects.get()
    with time_machine.travel(message.scheduled_at or "", tick=True):
        assert post.publish(begun(delivery).pk) == "failed"


def test_a_worker_that_dies_still_leaves_its_strikes(account: Account) -> None:
    delivery = scheduled(account, in_minutes(9))
    for _ in range(3):
        assert dispatch.take(delivery.message_id, timezone.now(), MessageStatus.SCHEDULED)
        delivery.parts.update(step=PartStep.PREPARING)
        assert post.to_prepare(timezone.now()) == []
        Message.objects.update(lease_until=in_minutes(-1))
    assert post.to_prepare(timezone.now()) == [delivery.pk] and not post.prepare(delivery.pk)
    message = Message.objects.get()
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, "worker_killed")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("da", "Platformen afviste vores adgang: “The access token was revoked”. Forbind kanalen igen."),
        ("en", "The platform refused us access: “The access token was revoked”. Connect the channel again."),
    ],
)
def test_a_revoked_token_is_said_ahead_of_the_instant(
    account: Account, server: MastodonServer, bo: User, language: str, said: str
) -> None:
    delivery = scheduled(account, in_minutes(8))
    server.control({"revoke": server.token})
    assert not post.prepare(delivery.pk)
    account.refresh_from_db()
    message = Message.objects.get()
    on_the_row = Explanation.from_json(message.last_error)
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, "account_broken")
    assert account.status == "needs_reconnect" and Explanation.from_json(account.last_error) == on_the_row
    with translation.override(language):
        assert str(on_the_row) == said
    assert Notice.objects.get(kind=NoticeKind.ALERT).user == bo
    assert post.to_prepare(timezone.now()) == [] and state(delivery) == ("pending", "", "waiting")
    assert said in words(signed_in(bo, language).get(f"/sendouts/{message.campaign_id}"))


def test_of_a_refused_post_everybody_gets_one_mail(
    account: Account, server: MastodonServer, bo: User, olga: User
) -> None:
    first, second = scheduled(account, in_minutes(8)), scheduled(account, in_minutes(8))
    server.control({"revoke": server.token})
    post.prepare(first.pk)
    notices = Notice.objects.values_list("user", "subject_kind", "subject_id")
    assert set(notices) == {(bo.pk, "campaign", first.message.campaign_id), (olga.pk, "account", account.pk)}
    assert len(notices) == 2
    post.prepare(second.pk)
    assert list(notices.filter(user=olga.pk)) == [(olga.pk, "account", account.pk)]
    assert notices.filter(user=bo.pk).count() == 2, "each of them waits for an approver"


def test_posts_of_a_channel_that_was_taken_away_are_told_of_to_all(
    account: Account, server: MastodonServer, bo: User, olga: User
) -> None:
    delivery = scheduled(account, in_minutes(8))
    Account.objects.update(status="disconnected", credentials={})
    post.prepare(delivery.pk)
    assert set(Notice.objects.values_list("user", "subject_kind")) == {(bo.pk, "campaign"), (olga.pk, "campaign")}


def test_connected_again_and_released_it_goes_out(account: Account, server: MastodonServer, bo: User) -> None:
    delivery = scheduled(account, in_minutes(8))
    server.control({"revoke": server.token})
    post.prepare(delivery.pk)
    server.token = server.new_token(frozenset({"profile", "read:statuses", "write:statuses", "write:media"}))
    connected(account.organisation, server)
    control.release(Message.objects.get(), bo)
    assert post.to_prepare(timezone.now()) == [delivery.pk] and post.prepare(delivery.pk)


@pytest.mark.parametrize("ahead", [True, False])
def test_a_channel_connected_anew_meanwhile_is_not_called_broken(
    account: Account, server: MastodonServer, ahead: bool
) -> None:
    delivery = scheduled(account, in_minutes(8) if ahead else None)

    def connected_anew() -> Any:
        server.control({"revoke": server.token})
        server.token = server.new_token(frozenset({"profile", "read:statuses", "write:statuses", "write:media"}))
        return connected(account.organisation, server).status

    with during(server, UPLOAD, connected_anew):
        assert not post.prepare(delivery.pk) if ahead else post.publish(begun(delivery).pk) == "pending"
    account.refresh_from_db()
    assert account.status == "connected" and not account.last_error
    assert Message.objects.get().status == (MessageStatus.SCHEDULED if ahead else MessageStatus.SENDING)
