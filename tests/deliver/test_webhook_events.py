"""What a receiver of webhooks is told of a send-out, by the way that posts really take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import operations, post
from publisher.models import Account, Organisation
from tests.contract.webhook import WebhookServer
from tests.contract.wire import in_process
from tests.deliver.changing import corrected
from tests.deliver.posting import begun, scheduled

pytestmark = pytest.mark.database


@pytest.fixture
def receiver() -> Iterator[WebhookServer]:
    """It answers every call that our client makes."""
    running = WebhookServer()
    with http.use_transport(in_process(running)):
        yield running


@pytest.fixture
def webhook(secretariat: Organisation, receiver: WebhookServer) -> Account:
    values = {"address": "https://intranet.example.org/hook", "secret": receiver.token}
    return connect_account(secretariat, "webhook", values)


def test_an_event_names_its_send_out_and_what_came_later_has_a_higher_revision(
    webhook: Account, receiver: WebhookServer
) -> None:
    delivery = begun(scheduled(webhook))
    campaign = delivery.message.campaign
    assert post.publish(delivery.pk) == "sent"
    (public,) = receiver.public()
    approved = (str(campaign.pk), campaign.approved_revision)
    assert (public.fields["campaign"], public.fields["revision"]) == approved
    for later, text in enumerate(("Øvelsen er på Møn", "Øvelsen er på Ærø"), 1):
        operations.carry_out(corrected(delivery.parts.get(), text).pk)
        assert (public.text, public.fields["revision"]) == (text, approved[1] + later)


def test_on_one_machine_a_picture_is_named_by_the_address_at_hand(
    webhook: Account, receiver: WebhookServer, settings: object
) -> None:
    """`make run` serves pictures by plain http on loopback, and a receiver beside it takes that."""
    settings.OPSLAG_BASE_URL = "http://127.0.0.1:8000"  # type: ignore[attr-defined]
    delivery = begun(scheduled(webhook))
    assert post.publish(delivery.pk) == "sent"
    (image,) = receiver.public()[0].fields["images"]
    assert image["url"].startswith("http://127.0.0.1:8000/p/")
