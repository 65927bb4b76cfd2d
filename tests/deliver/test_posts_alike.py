"""Two send-outs with the same words on one channel: neither is ever taken for the other."""

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
from publisher.review import control
from publisher.review.approval import approve
from tests.contract.linkedin import LinkedInServer
from tests.contract.mastodon import MastodonServer
from tests.contract.webhook import WebhookServer
from tests.contract.wire import Request, Response, answer, in_process
from tests.deliver.posting import begun, scheduled, state

pytestmark = pytest.mark.database


def looked_at(delivery: Delivery) -> bool:
    """What a look that is due now finds out."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    return reconcile.reconcile(delivery.pk)


@pytest.mark.parametrize(("fault", "found"), [("drop_before_read", False), ("commit_then_drop", True)])
def test_a_lost_post_is_looked_for_beside_its_twin(
    keyless: Account, server: MastodonServer, fault: str, found: bool
) -> None:
    first, second = begun(scheduled(keyless)), begun(scheduled(keyless))
    assert post.publish(first.pk) == "sent"
    server.faults.set(fault)
    assert post.publish(second.pk) == "uncertain"
    assert looked_at(second) is found
    ids = {first.parts.get().remote_id, second.parts.get().remote_id}
    assert len(ids) == 2 and (not found or ids == {each.status_id for each in server.posts()})


def test_of_two_lost_ones_none_is_given_the_others_post(keyless: Account, server: MastodonServer) -> None:
    first, second = begun(scheduled(keyless)), begun(scheduled(keyless))
    for each, fault in ((first, "commit_then_drop"), (second, "drop_before_read")):
        server.faults.set(fault)
        assert post.publish(each.pk) == "uncertain"
    assert len(server.posts()) == 1
    assert not looked_at(second) and not looked_at(first)


def test_a_twin_that_is_published_while_the_lost_one_is_looked_for_is_not_taken_for_it(
    keyless: Account, server: MastodonServer
) -> None:
    first, second = begun(scheduled(keyless)), begun(scheduled(keyless))
    server.faults.set("drop_before_read")
    assert post.publish(first.pk) == "uncertain"
    met: list[object] = []

    def meanwhile(request: Request) -> Response:
        if request.method == "GET" and request.path.endswith("/statuses") and not met:
            met.append(post.publish(second.pk))
        return server(request)

    with http.use_transport(in_process(meanwhile)):
        assert not looked_at(first)
    assert met == ["sent"] and state(first)[0] == "uncertain" and len(server.posts()) == 1


def test_what_a_person_said_of_one_says_nothing_of_its_twin(keyless: Account, server: MastodonServer) -> None:
    """Nobody told which post it is, so it must not be found a second time."""
    first, second = begun(scheduled(keyless)), begun(scheduled(keyless))
    for each, fault in ((first, "commit_then_drop"), (second, "drop_before_read")):
        server.faults.set(fault)
        assert post.publish(each.pk) == "uncertain"
    control.decide(Delivery.objects.get(pk=first.pk), None, "sent")
    assert not looked_at(second) and state(second)[0] == "uncertain"


def test_one_that_was_lost_last_week_hides_no_other(keyless: Account, server: MastodonServer) -> None:
    """The same words every week: “Husk, at biblioteket holder lukket.”"""
    with time_machine.travel(timezone.now() - timedelta(days=7), tick=True):
        first = begun(scheduled(keyless))
        server.faults.set("drop_before_read")
        assert post.publish(first.pk) == "uncertain"
    second = begun(scheduled(keyless))
    server.faults.set("commit_then_drop")
    assert post.publish(second.pk) == "uncertain"
    assert looked_at(second) and len(server.posts()) == 1


@pytest.fixture
def page(secretariat: Organisation) -> Iterator[Account]:
    """On LinkedIn, which takes no second post with the same words for ten minutes and names the first."""
    server = LinkedInServer()
    with http.use_transport(in_process(server)):
        values = {"organisation": "urn:li:organization:1", "access_token": server.token}
        yield connect_account(secretariat, "linkedin", values)


def test_what_a_platform_calls_a_duplicate_of_another_send_out_was_not_published(page: Account) -> None:
    first, second = (planned(page) for _ in range(2))
    assert post.publish(first.pk) == "sent" and post.publish(second.pk) == "failed"
    assert state(second) == ("failed", "rejected", "prepared") and second.parts.get().remote_id == ""


def test_a_receiver_that_gives_all_posts_one_id_has_both(secretariat: Organisation) -> None:
    server = WebhookServer()

    def one_id(request: Request) -> Response:
        response = server(request)
        return answer({"id": "flow-7"}) if b"post.publish" in request.body else response

    with http.use_transport(in_process(one_id)):
        values = {"address": "https://hooks.example.org/hook", "secret": server.token}
        account = connect_account(secretariat, "webhook", values)
        first, second = (planned(account) for _ in range(2))
        assert [post.publish(each.pk) for each in (first, second)] == ["sent", "sent"]


def planned(account: Account) -> Delivery:
    """An approved post of words alone, begun."""
    campaign = Campaign.objects.create(organisation=account.organisation, title="Åben øvelse")
    Message.objects.create(campaign=campaign, account=account, outlet="post", text="Åben øvelse – kom & hør")
    approve(campaign, None, scheduled_at=timezone.now())
    return begun(Delivery.objects.get(message__campaign=campaign))
