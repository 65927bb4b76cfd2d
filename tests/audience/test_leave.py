"""Leaving: at once, for good, and without a trace where that is asked for."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from publisher.audience.addresses import address_key
from publisher.audience.leave import erase, suppress, unsubscribe
from publisher.audience.subscribe import subscribe
from publisher.errors import InputError
from publisher.models import (
    Consent,
    Delivery,
    Event,
    Newsletter,
    Organisation,
    Subscriber,
    Subscription,
    Suppression,
)
from publisher.vocabulary import DeliveryStatus, SuppressionReason
from tests.audience_factory import mail

pytestmark = pytest.mark.database


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    """Anna's subscription."""
    return subscribe(newsletter, "anna@example.org", name="Anna", source="form", confirmed_at=timezone.now())


def test_unsubscribing_is_once_and_keeps_its_time(subscription: Subscription) -> None:
    first = unsubscribe(subscription.token, source="one-click")
    assert first is not None
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        again = unsubscribe(subscription.token, source="link")
    assert again is not None
    assert again.unsubscribed_at == first.unsubscribed_at is not None
    assert list(Consent.objects.filter(given=False).values_list("source", flat=True)) == ["one-click"]


def test_an_unknown_token_is_nobody(subscription: Subscription) -> None:
    for token in ("", "x", subscription.token.swapcase()):
        assert unsubscribe(token, source="link") is None
    subscription.refresh_from_db()
    assert subscription.unsubscribed_at is None


def test_who_never_confirmed_may_leave_too(newsletter: Newsletter) -> None:
    waiting = subscribe(newsletter, "bo@example.org", source="form")
    left = unsubscribe(waiting.token, source="link")
    assert left is not None
    assert left.unsubscribed_at is not None


def test_a_clock_set_back_does_not_stand_in_the_way(subscription: Subscription) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=2)):
        left = unsubscribe(subscription.token, source="link")
    assert left is not None
    assert left.unsubscribed_at == subscription.created_at


@pytest.mark.parametrize("order", list(permutations(SuppressionReason.values)))
def test_reports_in_any_order_leave_the_same_row(secretariat: Organisation, order: tuple[str, ...]) -> None:
    for reason in (*order, *order):
        suppress(secretariat, "Anna@example.org", reason)
    assert list(Suppression.objects.values_list("address_key", "reason")) == [
        (address_key("anna@example.org"), SuppressionReason.COMPLAINED)
    ]


def test_an_organisation_blocks_for_itself(secretariat: Organisation, elsewhere: Organisation) -> None:
    suppress(secretariat, "anna@example.org", "bounced")
    assert not Suppression.objects.for_organisation(elsewhere).exists()
    with pytest.raises(InputError):
        suppress(secretariat, "ikke en adresse", "bounced")
    with pytest.raises(ValueError, match="nonsense"):
        suppress(secretariat, "anna@example.org", "nonsense")


def test_an_erased_person_is_gone_and_still_counted(newsletter: Newsletter, subscription: Subscription) -> None:
    person = subscription.subscriber
    bo = subscribe(newsletter, "bo@example.org", source="form", confirmed_at=timezone.now())
    suppress(newsletter.organisation, person.address, "bounced")
    message = mail(newsletter)
    for each in (subscription, bo):
        delivery = Delivery.objects.create(
            message=message, subscriber=each.subscriber, subscription=each, domain="familien-hansen.example",
            status=DeliveryStatus.FAILED, reason="refused", due_at=timezone.now(), last_error={"msgid": "quotes it"},
        )  # fmt: skip
        Event.objects.create(
            delivery=delivery, source="bounce", event_id=str(each.pk), kind="bounced", at=timezone.now(),
            detail={"answer": f"550 <{each.subscriber.address}> unknown"},
        )  # fmt: skip
    erase(person)
    assert list(Subscriber.objects.values_list("address", flat=True)) == ["bo@example.org"]
    assert (Subscription.objects.count(), Consent.objects.count()) == (1, 1)
    assert sorted(Delivery.objects.values_list("status", "reason", "domain")) == [
        ("failed", "refused", ""), ("failed", "refused", "familien-hansen.example"),
    ]  # fmt: skip
    traces = [str(row) for model in (Delivery, Event, Suppression) for row in model.objects.values()]  # type: ignore[attr-defined]
    assert not any("anna" in trace for trace in traces)
    assert any("bo@example.org" in trace for trace in traces)
    assert Suppression.objects.get().address_key == address_key("anna@example.org")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no rows")
def test_erasing_locks_the_mails_that_have_not_begun_in_order_and_no_newsletter(subscription: Subscription) -> None:
    mail(subscription.newsletter)
    with CaptureQueriesContext(connection) as queries:
        erase(subscription.subscriber)
    [locking] = [each["sql"] for each in queries if " FOR " in each["sql"]]
    assert locking.startswith('SELECT "publisher_message"."id" AS "pk" FROM "publisher_message" INNER JOIN')
    assert locking.endswith('ORDER BY 1 ASC FOR NO KEY UPDATE OF "publisher_message"'), "not of what is joined"
