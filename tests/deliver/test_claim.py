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
from publisher.deliver.turns import Turns, anything_due
from publisher.models import (
    Campaign,
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


def take(message: Message, limit: int = 100, lane: int = 1, after: claim.Place | None = None) -> claim.Taken:
    taker = claim.Taker(uuid.uuid4(), lane, "x.journal")
    return claim.take(message, uuid.uuid4(), taker, limit, timezone.now(), after=after)


def numbers(taken: claim.Taken) -> list[int]:
    return [each.delivery_id for each in taken.in_hand]


def counters(message: Message) -> dict[str, int]:
    totals: dict[str, int] = {}
    for status, count in DeliveryCount.objects.filter(message=message).values_list("status", "count"):
        totals[status] = totals.get(status, 0) + count
    return {status: count for status, count in totals.items() if count}


def test_a_claim_takes_at_most_its_limit_in_due_order(newsletter: Newsletter) -> None:
    residents(newsletter, 10)
    message = ready_mail(newsletter)
    taken = take(message, 4)
    line = list(Delivery.objects.filter(message=message).order_by("due_at", "pk").values_list("pk", flat=True))
    assert numbers(taken) == line[:4] and taken.looked_at == 4
    assert counters(message) == {"pending": 6, "sending": 4}
    assert Claim.objects.get().host == settings.OPSLAG_HOST
    assert numbers(take(message, 4, after=taken.last)) == line[4:8]


def test_a_claim_from_a_place_on_passes_over_what_stands_before_it(newsletter: Newsletter) -> None:
    """What was handed back stands there, and is found by the next claim from the beginning of the line."""
    residents(newsletter, 6)
    message = ready_mail(newsletter)
    taken = take(message, 3)
    Delivery.objects.filter(pk__in=numbers(taken)).update(status="pending", claim_id=None)
    assert numbers(take(message, 6, after=taken.last)) == [number + 3 for number in numbers(taken)]
    assert numbers(take(message, 6)) == numbers(taken)


def test_what_a_claim_names_is_what_it_needs_to_write_to_the_recipient(newsletter: Newsletter) -> None:
    person = residents(newsletter, 1)[0]
    message = ready_mail(newsletter)
    row = Delivery.objects.get(message=message)
    expected = (row.pk, person.subscriber.address, person.subscriber.name, person.token, 0, 0, False)
    assert take(message).in_hand == [expected]


def test_who_left_since_the_freeze_is_taken_out_with_the_reason(newsletter: Newsletter) -> None:
    people = residents(newsletter, 6)
    message = ready_mail(newsletter)
    Subscription.objects.filter(pk=people[0].pk).update(unsubscribed_at=timezone.now())
    Suppression.objects.create(
        organisation=newsletter.organisation, address_key=people[1].subscriber.address_key, reason="complained"
    )
    people[2].subscriber.delete()
    taken = take(message)
    assert len(taken.in_hand) == 3 and taken.looked_at == 6
    outcome = {(d.status, d.reason) for d in Delivery.objects.filter(message=message).exclude(status="sending")}
    assert outcome == {("suppressed", "unsubscribed"), ("suppressed", "complained"), ("cancelled", "erased")}
    assert counters(message) == {"sending": 3, "suppressed": 2, "cancelled": 1}


def test_who_left_and_was_signed_up_again_without_a_word_of_their_own_gets_nothing(newsletter: Newsletter) -> None:
    person = residents(newsletter, 1)[0]
    message = ready_mail(newsletter)
    Subscription.objects.filter(pk=person.pk).update(unsubscribed_at=None, confirmed_at=None)
    assert take(message).in_hand == [] and not Claim.objects.exists()
    assert counters(message) == {"suppressed": 1}


def test_who_leaves_after_the_claim_is_seen_before_the_start(newsletter: Newsletter) -> None:
    people = residents(newsletter, 3)
    message = ready_mail(newsletter)
    take(message)
    claim_id = Claim.objects.get().pk
    Subscription.objects.filter(pk=people[1].pk).update(unsubscribed_at=timezone.now())
    gone = claim.left_since(claim_id)
    assert gone == {Delivery.objects.get(subscription=people[1]).pk}


def test_not_yet_due_and_paused_and_stopped_are_left_alone(newsletter: Newsletter, secretariat: Organisation) -> None:
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    now = timezone.now()
    assert anything_due(now)
    Delivery.objects.filter(message=message).update(due_at=now + timedelta(hours=1))
    assert not anything_due(now)
    Delivery.objects.filter(message=message).update(due_at=now)
    stamp = StopStamp.objects.create(organisation=secretariat)
    assert not anything_due(now)
    as_read = Message.objects.select_related("campaign").get(pk=message.pk)
    assert not claim.may_go_on(as_read)
    stamp.delete()
    StopStamp.objects.create()
    assert not anything_due(now)
    StopStamp.objects.all().delete()
    assert claim.may_go_on(as_read)
    as_read.campaign.approved_revision = 2
    assert not claim.may_go_on(as_read), "another revision was approved"
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.PAUSED)
    assert not anything_due(now)


def test_the_message_least_recently_served_goes_first(newsletter: Newsletter) -> None:
    residents(newsletter, 4)
    first, second = ready_mail(newsletter), ready_mail(newsletter)
    lane, other = Turns(), Turns()
    served = [turns.next(timezone.now()) for turns in (lane, lane, other, other)]
    assert served == [first, second, first, second]


def test_a_message_of_which_nothing_is_due_rests_a_little(newsletter: Newsletter) -> None:
    residents(newsletter, 4)
    message, turns = ready_mail(newsletter), Turns()
    taken = take(message, 3)
    turns.took(message, taken)
    assert turns.place(message) == taken.last
    turns.took(message, take(message, 3, after=turns.place(message)))
    assert turns.place(message) is None, "at its end the line is looked at from the beginning"
    assert turns.next(timezone.now()) == message
    turns.took(message, take(message, 3))
    assert turns.next(timezone.now()) is None


def test_a_lane_that_read_its_line_before_takes_nothing_of_what_was_stopped_since(
    newsletter: Newsletter, secretariat: Organisation
) -> None:
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    stamp = StopStamp.objects.create(organisation=secretariat)
    assert take(message).looked_at == 0
    stamp.delete()
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.PAUSED)
    assert take(message).looked_at == 0
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.SENDING)
    Campaign.objects.update(approved_revision=7)
    assert take(message).looked_at == 0
    message.campaign.refresh_from_db()
    assert take(message).looked_at == 3


@pytest.mark.django_db(transaction=True)
def test_two_lanes_that_claim_at_once_never_overlap(newsletter: Newsletter) -> None:
    """On PostgreSQL one lane holds its transaction open: the other skips its rows instead of waiting for them."""
    residents(newsletter, 60)
    message = ready_mail(newsletter)
    mine, theirs = uuid.uuid4(), uuid.uuid4()
    a, b = claim.Taker(mine, 1, "a.journal"), claim.Taker(theirs, 2, "b.journal")
    taken: dict[uuid.UUID, int] = {}
    first_has_claimed, second_is_done = threading.Event(), threading.Event()

    def hold_open() -> None:
        try:
            with transaction.atomic():
                taken[mine] = len(claim.take(message, mine, a, 20, timezone.now()).in_hand)
                first_has_claimed.set()
                if connection.vendor == "postgresql":
                    assert second_is_done.wait(20), "the second lane waited for the first"
        finally:
            first_has_claimed.set()
            connection.close()

    def claim_meanwhile() -> None:
        try:
            first_has_claimed.wait(20)
            taken[theirs] = len(claim.take(message, theirs, b, 20, timezone.now()).in_hand)
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
