"""Claims: each delivery to one lane only; who has left is taken out by the claim itself."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from publisher.deliver import claim
from publisher.models import (
    Claim,
    Delivery,
    DeliveryCount,
    Message,
    Newsletter,
    Organisation,
    StopStamp,
    Subscription,
    Suppression,
)
from publisher.vocabulary import MessageStatus
from tests.audience_factory import ready_mail, residents

pytestmark = pytest.mark.database


def take(message: Message, limit: int = 100, lane: int = 1) -> tuple[uuid.UUID, int]:
    claim_id = uuid.uuid4()
    taken = claim.take(message, claim_id, uuid.uuid4(), "x.journal", lane, limit, timezone.now())
    return claim_id, taken


def counters(message: Message) -> dict[str, int]:
    totals: dict[str, int] = {}
    for status, count in DeliveryCount.objects.filter(message=message).values_list("status", "count"):
        totals[status] = totals.get(status, 0) + count
    return {status: count for status, count in totals.items() if count}


def test_a_claim_takes_at_most_its_limit_in_due_order(newsletter: Newsletter) -> None:
    residents(newsletter, 10)
    message = ready_mail(newsletter)
    claim_id, taken = take(message, 4)
    assert taken == 4
    first = list(Delivery.objects.filter(message=message).order_by("due_at", "pk").values_list("pk", flat=True)[:4])
    assert [found.delivery_id for found in claim.recipients(claim_id)] == first
    assert counters(message) == {"pending": 6, "sending": 4}
    assert Claim.objects.get().host == settings.OPSLAG_HOST


def test_who_left_since_the_freeze_is_taken_out_with_the_reason(newsletter: Newsletter) -> None:
    people = residents(newsletter, 6)
    message = ready_mail(newsletter)
    Subscription.objects.filter(pk=people[0].pk).update(unsubscribed_at=timezone.now())
    Suppression.objects.create(
        organisation=newsletter.organisation, address_key=people[1].subscriber.address_key, reason="complained"
    )
    people[2].subscriber.delete()
    claim_id, taken = take(message)
    assert taken == 3
    outcome = {(d.status, d.reason) for d in Delivery.objects.filter(message=message).exclude(status="sending")}
    assert outcome == {("suppressed", "unsubscribed"), ("suppressed", "complained"), ("cancelled", "erased")}
    assert counters(message) == {"sending": 3, "suppressed": 2, "cancelled": 1}
    assert len(claim.recipients(claim_id)) == 3


def test_who_left_and_was_signed_up_again_without_a_word_of_their_own_gets_nothing(newsletter: Newsletter) -> None:
    person = residents(newsletter, 1)[0]
    message = ready_mail(newsletter)
    Subscription.objects.filter(pk=person.pk).update(unsubscribed_at=None, confirmed_at=None)
    assert take(message)[1] == 0
    assert counters(message) == {"suppressed": 1}


def test_who_leaves_after_the_claim_is_seen_before_the_start(newsletter: Newsletter) -> None:
    people = residents(newsletter, 3)
    message = ready_mail(newsletter)
    claim_id, _ = take(message)
    Subscription.objects.filter(pk=people[1].pk).update(unsubscribed_at=timezone.now())
    gone = claim.left_since(claim_id)
    assert gone == {Delivery.objects.get(subscription=people[1]).pk}


def test_not_yet_due_and_paused_and_stopped_are_left_alone(newsletter: Newsletter, secretariat: Organisation) -> None:
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    now = timezone.now()
    assert claim.next_message(now) == message
    Delivery.objects.filter(message=message).update(due_at=now + timedelta(hours=1))
    assert claim.next_message(now) is None
    Delivery.objects.filter(message=message).update(due_at=now)
    stamp = StopStamp.objects.create(organisation=secretariat)
    assert claim.next_message(now) is None
    assert not claim.may_go_on(message.pk, 1)
    stamp.delete()
    StopStamp.objects.create()
    assert claim.next_message(now) is None
    StopStamp.objects.all().delete()
    assert claim.may_go_on(message.pk, 1)
    assert not claim.may_go_on(message.pk, 2), "another revision was approved"
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.PAUSED)
    assert claim.next_message(now) is None


def test_the_message_least_recently_served_goes_first(newsletter: Newsletter) -> None:
    residents(newsletter, 4)
    first, second = ready_mail(newsletter), ready_mail(newsletter)
    assert claim.next_message(timezone.now()) == first
    claim.serve(first, timezone.now())
    take(first, 1)
    assert claim.next_message(timezone.now()) == second


@pytest.mark.django_db(transaction=True)
def test_two_lanes_that_claim_at_once_never_overlap(newsletter: Newsletter) -> None:
    """On PostgreSQL one lane holds its transaction open: the other skips its rows instead of waiting for them."""
    residents(newsletter, 60)
    message = ready_mail(newsletter)
    mine, theirs = uuid.uuid4(), uuid.uuid4()
    taken: dict[uuid.UUID, int] = {}
    first_has_claimed, second_is_done = threading.Event(), threading.Event()

    def hold_open() -> None:
        try:
            with transaction.atomic():
                taken[mine] = claim.take(message, mine, mine, "a.journal", 1, 20, timezone.now())
                first_has_claimed.set()
                if connection.vendor == "postgresql":
                    assert second_is_done.wait(20), "the second lane waited for the first"
        finally:
            first_has_claimed.set()
            connection.close()

    def claim_meanwhile() -> None:
        try:
            first_has_claimed.wait(20)
            taken[theirs] = claim.take(message, theirs, theirs, "b.journal", 2, 20, timezone.now())
        finally:
            second_is_done.set()
            connection.close()

    threads = [threading.Thread(target=hold_open), threading.Thread(target=claim_meanwhile)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert taken == {mine: 20, theirs: 20}
    first, second = (set(claim.in_hand(c)) for c in (mine, theirs))
    assert len(first) == len(second) == 20 and not first & second
    assert counters(message) == {"pending": 20, "sending": 40}
