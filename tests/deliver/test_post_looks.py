"""Looks at unconfirmed posts: none is spent on a channel that lets nobody in, and a platform may want more time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import post, reconcile
from publisher.deliver.post_trouble import UNCONFIRMED
from publisher.models import Account, Campaign, Delivery, Message, Notice, Organisation
from publisher.review.approval import approve
from publisher.vocabulary import AccountStatus, Outlet
from tests.contract.mastodon import MastodonServer
from tests.contract.mastodon_state import OUR_SCOPES
from tests.contract.webhook import WebhookServer
from tests.contract.wire import in_process
from tests.deliver.posting import begun, connected, scheduled, state

# Bo approves, and is told.
pytestmark = [pytest.mark.database, pytest.mark.usefixtures("bo")]


@pytest.fixture
def unconfirmed(keyless: Account, server: MastodonServer) -> Delivery:
    """It is public, and the answer was a web page."""
    delivery = begun(scheduled(keyless))
    server.faults.set("commit_then_page")
    assert post.publish(delivery.pk) == "uncertain"
    return delivery


def look(times: int) -> None:
    """As often as that its next look comes."""
    for _ in range(times):
        Delivery.objects.update(due_at=timezone.now())
        for pk in reconcile.to_reconcile(timezone.now()):
            reconcile.reconcile(pk)


def told() -> int:
    """How often Bo was asked whether the post is public."""
    return Notice.objects.filter(explanation__msgid=UNCONFIRMED).count()


def test_a_channel_that_lets_nobody_in_is_looked_at_once_it_is_connected_again(
    unconfirmed: Delivery, keyless: Account, server: MastodonServer
) -> None:
    server.revoke(server.token)
    look(len(reconcile.LOOKS_S) + 3)
    keyless.refresh_from_db()
    assert keyless.status == AccountStatus.NEEDS_RECONNECT
    assert state(unconfirmed)[0] == "uncertain" and told() == 0
    server.token = server.new_token(OUR_SCOPES)
    connected(keyless.organisation, server, "gotosocial")
    look(1)
    assert state(unconfirmed)[0] == "sent"


def test_where_reading_alone_is_not_allowed_looks_come_to_their_end(
    unconfirmed: Delivery, keyless: Account, server: MastodonServer
) -> None:
    server.tokens[server.token].scopes = OUR_SCOPES - {"read:statuses"}
    look(len(reconcile.LOOKS_S) + 1)
    keyless.refresh_from_db()
    assert keyless.status == AccountStatus.CONNECTED and told() == 1


@pytest.fixture
def receiver() -> Iterator[WebhookServer]:
    """It answers every call that our client makes."""
    running = WebhookServer()
    with http.use_transport(in_process(running)):
        yield running


def test_a_receiver_that_is_away_gets_the_event_for_most_of_a_day(
    secretariat: Organisation, receiver: WebhookServer
) -> None:
    """After 5 s, 5 and 30 minutes, 2, 5 and 10 hours; a person is asked before the long pauses begin."""
    values = {"address": "https://intranet.example.org/hook", "secret": receiver.token}
    account = connect_account(secretariat, "webhook", values)
    campaign = Campaign.objects.create(organisation=secretariat, title="Åben øvelse")
    Message.objects.create(campaign=campaign, outlet=Outlet.POST, account=account, text="Kom og hør")
    approve(campaign, None, scheduled_at=timezone.now())
    delivery = begun(Delivery.objects.get())
    receiver.faults.set("500", times=None)
    assert post.publish(delivery.pk) == "uncertain"
    asked, before = [], timezone.now()
    for pause_s in (5, 300, 1800, 7200, 18_000, 36_000):
        due_at = Delivery.objects.get().due_at
        assert abs((due_at - before).total_seconds() - pause_s) < 1
        with time_machine.travel(due_at, tick=False):
            if pause_s == 36_000:
                receiver.faults.clear()
            reconcile.reconcile(delivery.pk)
        asked.append(told())
        before = due_at
    assert asked == [0, 0, 1, 1, 1, 1]
    assert state(delivery)[0] == "sent" and len(receiver.public()) == 1
