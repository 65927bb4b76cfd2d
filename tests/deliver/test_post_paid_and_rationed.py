"""Lost answers on platforms without keys: LinkedIn compares posts but not comments, X promises nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import finish, post, post_turns, reconcile
from publisher.models import Account, Campaign, Delivery, Message, Organisation
from publisher.review import control
from publisher.review.approval import approve
from publisher.vocabulary import Outlet
from tests.contract.linkedin import LinkedInServer
from tests.contract.server import ContractServer
from tests.contract.wire import in_process
from tests.contract.x import XServer
from tests.deliver.posting import begun, counters

pytestmark = pytest.mark.database

COMMENT = "POST /rest/socialActions"
ON: dict[str, tuple[type[ContractServer], dict[str, str]]] = {
    "linkedin": (LinkedInServer, {"organisation": "urn:li:organization:1"}),
    "x": (XServer, {}),
}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ContractServer]:
    running = ON[request.param][0]()
    with http.use_transport(in_process(running)):
        yield running


@pytest.fixture
def account(request: pytest.FixtureRequest, server: ContractServer, secretariat: Organisation) -> Account:
    kind = next(kind for kind, (made, _values) in ON.items() if isinstance(server, made))
    return connect_account(secretariat, kind, {**ON[kind][1], "access_token": server.token})


def planned(account: Account, *follow_ups: str) -> Delivery:
    """An approved post, begun at its instant."""
    campaign = Campaign.objects.create(organisation=account.organisation, title="Åben øvelse")
    Message.objects.create(
        campaign=campaign,
        outlet=Outlet.POST,
        account=account,
        text="Åben øvelse – kom & hør",
        link="https://kultur.example.org/nyheder/oevelse",
        follow_ups=list(follow_ups),
    )
    approve(campaign, None, scheduled_at=timezone.now())
    return begun(Delivery.objects.get(message__campaign=campaign))


def looked_at(delivery: Delivery) -> str:
    """The status after one look."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())
    reconcile.reconcile(delivery.pk)
    delivery.refresh_from_db()
    return delivery.status


@pytest.mark.parametrize("server", ["linkedin", "x"], indirect=True)
@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_500", "commit_then_page"])
def test_a_post_whose_answer_was_lost_is_known_after_one_look(
    account: Account, server: ContractServer, fault: str
) -> None:
    delivery = planned(account)
    server.faults.set(fault)
    assert post.publish(delivery.pk) == "uncertain"
    assert looked_at(delivery) == "sent"
    assert [each.remote_id for each in server.public()] == [delivery.parts.get().remote_id]


@pytest.mark.parametrize(
    ("server", "status", "posts"), [("linkedin", "sent", 1), ("x", "uncertain", 0)], indirect=["server"]
)
def test_a_call_that_was_lost_on_its_way_is_repeated_where_that_is_safe(
    account: Account, server: ContractServer, status: str, posts: int
) -> None:
    delivery = planned(account)
    server.faults.set("drop_before_read")
    assert post.publish(delivery.pk) == "uncertain"
    assert looked_at(delivery) == status
    assert len(server.public()) == posts


@pytest.mark.parametrize("server", ["x"], indirect=True)
@pytest.mark.parametrize("finished", [False, True])
def test_a_thread_goes_on_once_its_beginning_is_found(account: Account, server: Any, finished: bool) -> None:
    delivery = planned(account, "For det andet", "For det tredje")
    server.faults.set("commit_then_drop")
    assert post.publish(delivery.pk) == "uncertain"
    if finished:
        assert finish.finish(delivery.message_id, timezone.now()), "nothing of it waits"
    assert looked_at(delivery) == "pending" and len(server.public()) == 1
    assert post_turns.work_on_posts() is False
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("sent", 2)
    assert [each.reply_to for each in server.public()] == ["", *(each.remote_id for each in server.public()[:2])]
    assert finish.finish(delivery.message_id, timezone.now())


@pytest.mark.parametrize("server", ["x"], indirect=True)
def test_a_thread_whose_beginning_only_a_person_saw_is_public_in_part(account: Account, server: Any) -> None:
    delivery = planned(account, "For det andet", "For det tredje")
    server.faults.set("commit_then_drop")
    assert post.publish(delivery.pk) == "uncertain"
    assert finish.finish(delivery.message_id, timezone.now())
    delivery.refresh_from_db()
    control.decide(delivery, None, "sent")
    delivery.refresh_from_db()
    assert delivery.status == "failed" and delivery.last_error["msgid"] == control.CUT_OFF_WHY
    assert counters(delivery) == {"failed": 1}
    assert list(delivery.parts.values_list("step", flat=True)) == ["committed", "waiting", "waiting"]
    control.decide(delivery, None, "resend")
    assert post.publish(delivery.pk) == "failed" and len(server.public()) == 1, "an answer to nothing"


@pytest.mark.parametrize("server", ["linkedin"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "status", "posts"), [("commit_then_drop", "sent", 2), ("drop_before_read", "uncertain", 1)]
)
def test_a_comment_is_looked_for_and_never_repeated(
    account: Account, server: Any, fault: str, status: str, posts: int
) -> None:
    delivery = planned(account, "Læs mere her")
    server.faults.set(fault, on=COMMENT)
    assert post.publish(delivery.pk) == "uncertain"
    assert looked_at(delivery) == status
    assert len(server.public()) == posts
    assert len([call for call in server.calls if call.startswith(COMMENT)]) == (1 if fault == "commit_then_drop" else 0)
