"""Threads on a platform of containers: a part is prepared once its parent is there, lost answers clear up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.accounts.health import check, to_check
from publisher.deliver import post, reconcile
from publisher.errors import Explanation, NotYetError
from publisher.models import Account, Campaign, Delivery, Message, Organisation
from publisher.platforms import PLATFORMS
from publisher.platforms.threads import ThreadsConfig, ThreadsPlatform
from publisher.review.approval import approve
from publisher.schedule.healed import release_held
from publisher.vocabulary import AccountStatus, HoldReason, MessageStatus, Outlet, PartStep
from tests.contract.threads import ThreadsServer
from tests.contract.wire import in_process
from tests.deliver.posting import begun

pytestmark = pytest.mark.database


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadsServer]:
    monkeypatch.setitem(PLATFORMS, "threads", ThreadsPlatform(poll_waits_s=(0, 0)))
    server = ThreadsServer(lambda url: None)
    with http.use_transport(in_process(server)):
        yield server


@pytest.fixture
def account(secretariat: Organisation, server: ThreadsServer) -> Account:
    return connect_account(secretariat, "threads", {"access_token": server.token})


@pytest.fixture
def delivery(account: Account) -> Delivery:
    """A post and two that follow it, due in five minutes."""
    campaign = Campaign.objects.create(organisation=account.organisation, title="Åben øvelse")
    Message.objects.create(
        campaign=campaign, outlet=Outlet.POST, account=account, text="Først", follow_ups=["Så", "Til sidst"]
    )
    approve(campaign, None, scheduled_at=timezone.now() + timedelta(minutes=5))
    return Delivery.objects.get()


def steps(delivery: Delivery) -> list[str]:
    return list(delivery.parts.order_by("position").values_list("step", flat=True))


def test_only_the_first_part_is_prepared_ahead(delivery: Delivery, server: ThreadsServer) -> None:
    assert post.to_prepare(timezone.now()) == [delivery.pk] and post.prepare(delivery.pk)
    assert steps(delivery) == [PartStep.PREPARED, PartStep.WAITING, PartStep.WAITING]
    assert post.to_prepare(timezone.now()) == [] and server.public() == []


def test_the_parts_hang_together(delivery: Delivery, server: ThreadsServer) -> None:
    post.prepare(delivery.pk)
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=True):
        assert post.publish(begun(delivery).pk) == "sent"
    first, second, third = server.public()
    assert (first.reply_to, second.reply_to, third.reply_to) == ("", first.remote_id, second.remote_id)


@pytest.mark.parametrize(("fault", "before"), [("commit_then_drop", 1), ("drop_before_read", 0)])
def test_a_lost_answer_is_cleared_up_by_the_container(
    delivery: Delivery, server: ThreadsServer, fault: str, before: int
) -> None:
    post.prepare(delivery.pk)
    server.faults.set(fault)
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=True):
        assert post.publish(begun(delivery).pk) == "uncertain"
        assert len(server.public()) == before
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=True):
        assert not reconcile.reconcile(delivery.pk)
    assert [shown.text for shown in server.public()] == ["Først"]
    assert steps(delivery) == [PartStep.COMMITTED, PartStep.WAITING, PartStep.WAITING]


@pytest.fixture
def young(secretariat: Organisation, server: ThreadsServer) -> Account:
    """A channel whose access was given just now, so that it cannot be renewed for a day."""
    ends_at = (timezone.now() + timedelta(days=60)).isoformat()
    values = {"access_token": server.oauth.long_token(age=timedelta(0)), "ends_at": ends_at}
    return connect_account(secretariat, "threads", values)


def planned(account: Account) -> Delivery:
    """A post that is due."""
    campaign = Campaign.objects.create(organisation=account.organisation, title="Åben øvelse")
    Message.objects.create(campaign=campaign, outlet=Outlet.POST, account=account, text="Kom og hør")
    approve(campaign, None, scheduled_at=timezone.now())
    return begun(Delivery.objects.get(message__campaign=campaign))


def test_refused_access_that_is_too_young_to_renew_holds_the_post_at_once(
    young: Account, server: ThreadsServer
) -> None:
    delivery = planned(young)
    server.faults.set("expire_token")
    assert post.publish(delivery.pk) == "pending"
    young.refresh_from_db()
    assert young.status == AccountStatus.NEEDS_RECONNECT
    assert "Session has expired" in str(Explanation.from_json(young.last_error))
    message = Message.objects.get()
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.ACCOUNT_BROKEN)


def test_a_look_at_the_channel_does_not_take_that_back(young: Account, server: ThreadsServer) -> None:
    """Whose the access is may still be told by it; it has ended all the same."""
    delivery = planned(young)
    server.faults.set("expire_token")
    post.publish(delivery.pk)
    young.refresh_from_db()
    assert check(young) is False
    young.refresh_from_db()
    assert young.status == AccountStatus.NEEDS_RECONNECT and young.last_error
    assert young.pk not in to_check(timezone.now() + timedelta(days=3))
    connect_account(young.organisation, "threads", {"access_token": server.oauth.long_token()}, again=young)
    assert release_held(timezone.now()) == 1
    assert post.to_publish(timezone.now()) == [delivery.pk] and post.publish(delivery.pk) == "sent"


def test_access_that_works_and_cannot_be_renewed_yet_goes_on(young: Account, server: ThreadsServer) -> None:
    Account.objects.update(renew_at=timezone.now() - timedelta(minutes=1))
    assert post.publish(planned(young).pk) == "sent"
    young.refresh_from_db()
    assert young.status == AccountStatus.CONNECTED


def test_why_it_cannot_be_renewed_stays_untranslated(server: ThreadsServer) -> None:
    config = ThreadsConfig(server.oauth.long_token(age=timedelta(0)))
    with translation.override("da"), pytest.raises(NotYetError) as raised:
        PLATFORMS["threads"].renew(config, None)
    why = raised.value.explanation.params["why"]
    assert isinstance(why, Explanation) and why.msgid == "The platform refused: “%(message)s”."
    again = Explanation.from_json(raised.value.explanation.as_json())
    with translation.override("en"):
        assert str(again).startswith("The access could not be renewed yet: The platform refused: “Contract")
