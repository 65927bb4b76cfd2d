"""Threads on a platform of containers: a part is prepared once its parent is there, lost answers clear up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import post, reconcile
from publisher.models import Account, Campaign, Delivery, Message, Organisation
from publisher.platforms import PLATFORMS
from publisher.platforms.threads import ThreadsPlatform
from publisher.review.approval import approve
from publisher.vocabulary import Outlet, PartStep
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
