"""What a server refuses in mid-conversation counts for the address, once, and only where it is the address's fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from publisher.compose.return_path import return_addresses
from publisher.deliver import outcome
from publisher.deliver.lane import run_lane
from publisher.models import Claim, Delivery, Event, Newsletter, Subscriber, Suppression
from publisher.track.events import apply_waiting
from publisher.vocabulary import BounceClass, DeliveryStatus, EventKind, Reason
from tests.audience_factory import ready_mail, residents
from tests.claiming import take_in_hand
from tests.smtp_sink import RunningSink, running_sink

pytestmark = pytest.mark.database


@pytest.fixture
def sink(tmp_path: Path, settings: pytest.FixtureRequest) -> Iterator[RunningSink]:
    with running_sink(tmp_path / "sink") as running:
        settings.OPSLAG_SMTP_URL = running.url
        yield running


def test_refusals_become_events_and_the_right_addresses_are_blocked(newsletter: Newsletter, sink: RunningSink) -> None:
    people = residents(newsletter, 4)
    for person, local_part in zip(people, ("unknown", "spam", "grey", "anna"), strict=True):
        Subscriber.objects.filter(pk=person.subscriber_id).update(address=f"{local_part}@example.org")
    message = ready_mail(newsletter)
    run_lane()
    found = dict(Event.objects.values_list("delivery__subscriber__address", "bounce"))
    assert found == {"unknown@example.org": BounceClass.HARD, "spam@example.org": BounceClass.BLOCKED}
    assert set(Event.objects.values_list("kind", flat=True)) == {EventKind.REJECTED}
    assert "@" not in str(list(Event.objects.values_list("detail", flat=True)))
    apply_waiting(timezone.now())
    unknown = Subscriber.objects.get(address="unknown@example.org")
    assert Suppression.objects.get().address_key == unknown.address_key
    # It never left, so it did not come back.
    assert not Delivery.objects.filter(message=message, bounced_at__isnull=False).exists()


def test_each_letter_has_its_own_way_back(
    newsletter: Newsletter, sink: RunningSink, settings: pytest.FixtureRequest
) -> None:
    settings.OPSLAG_BOUNCE_ADDRESS = "bounce+{token}@nyt.example.org"
    residents(newsletter, 20)
    message = ready_mail(newsletter)
    run_lane()
    numbers = list(message.deliveries.values_list("pk", flat=True))
    assert sorted(sink.senders()) == sorted(return_addresses(numbers).values())


def test_without_the_setting_the_newsletters_sender_is_on_the_envelope(
    newsletter: Newsletter, sink: RunningSink
) -> None:
    residents(newsletter, 2)
    ready_mail(newsletter)
    run_lane()
    assert sink.senders() == [newsletter.sender_email] * 2


def test_an_outcome_told_again_by_a_journal_is_one_event(newsletter: Newsletter) -> None:
    residents(newsletter, 1)
    message = ready_mail(newsletter)
    assert take_in_hand(message, 1) == 1
    claim, delivery = Claim.objects.get(), message.deliveries.get()
    words = {"msgid": "", "params": {"code": "550", "detail": "5.1.1 unknown"}}
    refused = outcome.Outcome(delivery.pk, DeliveryStatus.FAILED, timezone.now(), Reason.REFUSED, 550, error=words)
    assert outcome.store(claim.pk, message.pk, 1, [refused], was=DeliveryStatus.SENDING) == 1
    Delivery.objects.update(status=DeliveryStatus.UNCERTAIN)
    assert outcome.store(claim.pk, message.pk, 1, [refused], was=DeliveryStatus.UNCERTAIN) == 1
    assert Event.objects.count() == 1


def test_an_outcome_that_the_row_did_not_take_is_no_event(newsletter: Newsletter) -> None:
    residents(newsletter, 1)
    message = ready_mail(newsletter)
    words = {"msgid": "", "params": {"code": "550", "detail": "5.1.1 unknown"}}
    refused = outcome.Outcome(
        message.deliveries.get().pk, DeliveryStatus.FAILED, timezone.now(), Reason.REFUSED, 550, error=words
    )
    outcome.store(message.public_id, message.pk, 1, [refused], was=DeliveryStatus.SENDING)
    assert not Event.objects.exists()
