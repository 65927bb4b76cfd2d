"""Claims: each delivery to one lane only; who has left is taken out by the claim itself."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from publisher.deliver import claim, outcome
from publisher.deliver.turns import Turns, anything_due
from publisher.errors import TransientError
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
from publisher.models.agreement import check_counts
from publisher.models.line import held
from publisher.review.withdraw import cancel_one
from publisher.vocabulary import DeliveryStatus, MessageStatus
from tests.audience_factory import ready_mail, residents
from tests.claiming import statuses
from tests.elsewhere import Elsewhere

pytestmark = pytest.mark.database


def take(message: Message, limit: int = 100, claim_id: uuid.UUID | None = None) -> claim.Taken:
    taker = claim.Taker(uuid.uuid4(), 1, "x.journal")
    return claim.take(message, claim_id or uuid.uuid4(), taker, limit, timezone.now())


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
    assert held(Claim.objects.get().pk) == line[:4]
    stretch, due_at = Claim.objects.get(), message.deliveries.earliest("pk").due_at
    assert (stretch.after_due_at, stretch.last_due_at) == (due_at, due_at), "one time, which PostgreSQL reckons with"
    assert (stretch.after_id, stretch.last_id) == (line[0] - 1, line[3])
    assert numbers(take(message, 4)) == line[4:8] and check_counts(message) == []


def test_what_was_handed_back_stands_at_the_end_of_what_is_due_and_its_old_claim_has_no_part_in_it(
    newsletter: Newsletter,
) -> None:
    residents(newsletter, 6)
    message, mine, next_one = ready_mail(newsletter), uuid.uuid4(), uuid.uuid4()
    first, second, third = numbers(take(message, 3, mine))
    back = [outcome.handed_back(pk, timezone.now()) for pk in (first, second)]
    assert outcome.store(mine, message.pk, 1, back, was=DeliveryStatus.SENDING) == 2
    assert held(mine) == [third] and counters(message) == {"pending": 5, "sending": 1}
    assert numbers(take(message, 4, next_one)) == [third + 1, third + 2, third + 3, first]
    again = [outcome.sent(pk, 250, timezone.now()) for pk in (first, second, third)]
    assert outcome.store(mine, message.pk, 1, again, was=DeliveryStatus.SENDING) == 1, "only what it still had"
    assert held(next_one)[-1] == first and numbers(take(message)) == [second]
    assert check_counts(message) == []


def test_what_waits_again_is_never_passed_over_however_wrong_a_clock_is(newsletter: Newsletter) -> None:
    """A lane whose clock runs ahead has claimed; what comes back to another, whose clock is right, is still found."""
    residents(newsletter, 2)
    message, ahead = ready_mail(newsletter), timezone.now() + timedelta(minutes=3)
    message.deliveries.update(due_at=ahead)
    mine, taker = uuid.uuid4(), claim.Taker(uuid.uuid4(), 1, "x.journal")
    [first, second] = numbers(claim.take(message, mine, taker, 2, ahead))
    back = [
        outcome.handed_back(first, timezone.now()),
        outcome.of_error(second, TransientError("x"), 0, timezone.now()),
    ]
    assert outcome.store(mine, message.pk, 1, back, was=DeliveryStatus.SENDING) == 2
    assert held(mine) == [] and not anything_due(timezone.now())
    with time_machine.travel(ahead + timedelta(seconds=1), tick=False):
        assert numbers(take(message)) == [first, second]


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
    found = {(d.status, d.reason) for d in Delivery.objects.filter(message=message).exclude(status="pending")}
    assert found == {("suppressed", "unsubscribed"), ("suppressed", "complained"), ("cancelled", "erased")}
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
    assert turns.next(timezone.now()) == message
    turns.took(message, take(message, 3))
    assert turns.next(timezone.now()) is None
    turns.came_back(message)
    assert turns.next(timezone.now()) == message


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
    residents(newsletter, 60)
    message = ready_mail(newsletter)
    mine, theirs = uuid.uuid4(), uuid.uuid4()
    with transaction.atomic():
        assert len(take(message, 20, mine).in_hand) == 20
        other = Elsewhere(lambda: len(take(message, 20, theirs).in_hand))
        other.is_over(0.3)
    assert other.answer() == 20
    assert len(held(mine)) == len(held(theirs)) == 20 and not set(held(mine)) & set(held(theirs))
    assert counters(message) == {"pending": 20, "sending": 40} and check_counts(message) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot end another's transaction")
@pytest.mark.django_db(transaction=True)
def test_a_lane_that_stands_still_while_it_claims_loses_the_line_to_others(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    residents(newsletter, 4)
    message, woken, as_ever = ready_mail(newsletter), threading.Event(), claim._taken_out

    def stand_still(rows: Any) -> Any:
        monkeypatch.setattr(claim, "_taken_out", as_ever)
        woken.wait(30)
        return as_ever(rows)

    monkeypatch.setattr(claim, "_taken_out", stand_still)
    frozen = Elsewhere(lambda: take(message, 2))
    while not _is_locked(message):
        assert not frozen.is_over(0.05)
    assert len(take(message).in_hand) == 4
    woken.set()
    with pytest.raises(DatabaseError):
        frozen.answer()
    assert statuses(message) == {"sending": 4} and check_counts(message) == []


def _is_locked(message: Message) -> bool:
    with transaction.atomic():
        return not Message.objects.filter(pk=message.pk).select_for_update(skip_locked=True).exists()


@pytest.mark.django_db(transaction=True)
def test_what_comes_back_while_another_lane_claims_is_not_passed_over(newsletter: Newsletter) -> None:
    """The other lane waits for the line, and reads it after that: the mail that came back stands before a later one."""
    residents(newsletter, 3)
    message, mine = ready_mail(newsletter), uuid.uuid4()
    first, second = numbers(take(message, 2, mine))
    message.deliveries.filter(pk__gt=second).update(due_at=timezone.now())
    with transaction.atomic():
        back = [outcome.handed_back(first, timezone.now())]
        assert outcome.store(mine, message.pk, 1, back, was=DeliveryStatus.SENDING) == 1
        other = Elsewhere(lambda: numbers(take(message)))
        other.is_over(0.3)
    assert other.answer() == [first, second + 1]


@pytest.mark.django_db(transaction=True)
def test_what_is_cancelled_while_a_lane_claims_is_either_cancelled_or_in_hand(newsletter: Newsletter) -> None:
    residents(newsletter, 8)
    message, mine = ready_mail(newsletter), uuid.uuid4()
    assert len(take(message, 3, mine).in_hand) == 3
    with transaction.atomic():
        assert cancel_one(message) == 5
        other = Elsewhere(lambda: take(message).looked_at)
        other.is_over(0.3)
    assert other.answer() == 0 and len(held(mine)) == 3
    assert statuses(message) == {"cancelled": 5, "sending": 3} and check_counts(message) == []
