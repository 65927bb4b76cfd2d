"""Platforms that compare words and refuse: for our lost answer, or another send-out. What is read back decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import post, reconcile
from publisher.models import Account, Campaign, Delivery, Message, Notice, Organisation, User
from publisher.review import control
from publisher.review.approval import approve
from tests.contract.facebook import FacebookServer
from tests.contract.linkedin import LinkedInServer
from tests.contract.server import ContractServer, PublicPost
from tests.contract.wire import Request, Response, answer, in_process
from tests.contract.x import XServer
from tests.deliver.posting import begun, counters, state

pytestmark = pytest.mark.database

ON: dict[str, tuple[type[ContractServer], dict[str, str]]] = {
    "linkedin": (LinkedInServer, {"organisation": "urn:li:organization:1"}),
    "facebook": (FacebookServer, {}),
    "x": (XServer, {}),
}
# How each says it, where it does not name the post.
SAYS = {
    "facebook": (400, {"error": {"message": "Duplicate status message", "type": "OAuthException", "code": 506}}),
    "linkedin": (422, {"message": "Content is a duplicate.", "status": 422}),
}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ContractServer]:
    """X refuses duplicates by itself; the others do while `refuses` is set."""
    kind = request.param
    running = ON[kind][0]()
    running.refuses = False  # type: ignore[attr-defined]

    def handler(asked: Request) -> Response:
        publishes = asked.method == "POST" and asked.path.rstrip("/").endswith(("/feed", "/posts"))
        if running.refuses and publishes:  # type: ignore[attr-defined]
            status, body = SAYS[kind]
            return answer(body, status)
        return running(asked)

    with http.use_transport(in_process(handler)):
        yield running


@pytest.fixture
def account(request: pytest.FixtureRequest, server: ContractServer, secretariat: Organisation) -> Account:
    kind = next(kind for kind, (made, _values) in ON.items() if isinstance(server, made))
    return connect_account(secretariat, kind, {**ON[kind][1], "access_token": server.token})


def planned(account: Account) -> Delivery:
    """An approved post, begun; always of the same words."""
    campaign = Campaign.objects.create(organisation=account.organisation, title="Åben øvelse")
    Message.objects.create(campaign=campaign, account=account, outlet="post", text="Åben øvelse – kom & hør")
    approve(campaign, None, scheduled_at=timezone.now())
    return begun(Delivery.objects.get(message__campaign=campaign))


def refused(delivery: Delivery, server: Any) -> None:
    """The platform says that it has the words already."""
    server.refuses = True
    assert post.publish(delivery.pk) == "uncertain"
    server.refuses = False
    assert state(delivery) == ("uncertain", "duplicate", "committing")


def look(delivery: Delivery) -> tuple[str, str, str]:
    """What stands on the rows after one look."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())
    reconcile.reconcile(delivery.pk)
    return state(delivery)


@pytest.mark.parametrize("server", ["x", "facebook", "linkedin"], indirect=True)
def test_what_was_refused_for_another_send_outs_words_has_failed(account: Account, server: Any, bo: User) -> None:
    first, second = planned(account), planned(account)
    assert post.publish(first.pk) == "sent"
    refused(second, server)
    assert look(second) == ("failed", "rejected", "prepared")
    assert "does not take the same post twice" in second.last_error["msgid"] and counters(second) == {"failed": 1}
    assert Notice.objects.filter(explanation__params__why__msgid=second.last_error["msgid"]).exists()
    assert len(server.public()) == 1 and state(first)[0] == "sent"
    assert Delivery.objects.filter(pk=second.pk, attempts=1).exists(), "no further try was made"


@pytest.mark.parametrize("server", ["facebook"], indirect=True)
def test_a_lost_answer_is_no_refusal_whatever_else_stands_there(account: Account, server: Any) -> None:
    first, second = planned(account), planned(account)
    assert post.publish(first.pk) == "sent"
    server.faults.set("drop_before_read")
    assert post.publish(second.pk) == "uncertain"
    assert look(second) == ("uncertain", "answer_lost", "committing")


@pytest.mark.parametrize("server", ["x", "facebook"], indirect=True)
def test_our_own_lost_post_is_found_behind_the_refusal(account: Account, server: Any) -> None:
    delivery = planned(account)
    server.faults.set("commit_then_drop")
    assert post.publish(delivery.pk) == "uncertain"
    delivery.refresh_from_db()
    control.decide(delivery, None, "resend")
    refused(delivery, server)
    assert look(delivery)[0] == "sent" and len(server.public()) == 1


@pytest.mark.parametrize("server", ["x"], indirect=True)
@pytest.mark.parametrize("gone", [True, False])
def test_what_nothing_proves_stays_for_a_person(account: Account, server: XServer, gone: bool) -> None:
    """The other post was written by hand; or it was ours, and is not there any more."""
    if gone:
        assert post.publish(planned(account).pk) == "sent"
        server.posts[0].deleted = True
    an_hour_ago = server.clock.now() - timedelta(hours=1)
    server.posts.append(PublicPost("77", "Åben øvelse – kom & hør", an_hour_ago, fields={"short": []}))
    delivery = planned(account)
    refused(delivery, server)
    assert look(delivery) == ("uncertain", "duplicate", "committing")
