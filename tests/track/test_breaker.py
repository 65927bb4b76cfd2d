"""The circuit breaker: too much comes back, and the rest waits for a person who is told why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from publisher.errors import Explanation
from publisher.models import Delivery, Message, Newsletter, Notice, Role, Subscriber, User
from publisher.models.counting import move_counts
from publisher.review import control
from publisher.track import breaker
from publisher.transports.bounce_table import classify
from publisher.vocabulary import BounceClass, HoldReason, MessageStatus, RoleKind
from tests.audience_factory import own_newsletter, residents
from tests.meanwhile import just_before
from tests.track.returns import NOON, comes_back, days, sent

pytestmark = pytest.mark.database
C = BounceClass


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    """With 220 subscribers and somebody who may approve."""
    found = own_newsletter("Kulturnyt")
    residents(found, 220)
    user = User.objects.create_user("bo@kultur.example.org", name="Bo")
    Role.objects.create(user=user, organisation=found.organisation, kind=RoleKind.APPROVER)
    return found


def now_at(message: Message) -> Message:
    message.refresh_from_db()
    return message


def words(message: Message) -> str:
    return Explanation.from_json(now_at(message).last_error).msgid


def test_more_than_five_in_a_hundred_hold_it(newsletter: Newsletter) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5))
    for delivery in deliveries[:11]:
        comes_back(delivery, C.HARD, NOON)
    assert now_at(message).status == MessageStatus.SENDING, "exactly five in a hundred"
    comes_back(deliveries[11], C.DISABLED, NOON)
    assert (now_at(message).status, message.hold_reason) == (MessageStatus.HELD, HoldReason.BOUNCES)
    assert "does not exist" in words(message)
    assert Explanation.from_json(message.last_error).params["back"] == "12"
    assert Notice.objects.filter(kind="alert").count() == 1


def test_of_few_mails_a_share_says_little(newsletter: Newsletter) -> None:
    people = list(Subscriber.objects.all()[:199])
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5), people)
    for delivery in deliveries[:60]:
        comes_back(delivery, C.HARD, NOON)
    assert now_at(message).status == MessageStatus.SENDING


@pytest.mark.parametrize(("handed", "held_at"), [(100, 10), (99, None)])
def test_a_small_first_wave_is_judged_when_it_is_whole_and_ten_came_back(
    newsletter: Newsletter, handed: int, held_at: int | None
) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5), list(Subscriber.objects.all()[:handed]))
    Message.objects.filter(pk=message.pk).update(wave_size=100, wave_minutes=10)
    held = None
    for number, delivery in enumerate(deliveries[:60], start=1):
        comes_back(delivery, C.HARD, NOON)
        if now_at(message).status == MessageStatus.HELD:
            held = number
            break
    assert held == held_at, "more than five in a hundred, and at least ten"


def test_a_large_first_wave_is_judged_as_any_mail(newsletter: Newsletter) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5), list(Subscriber.objects.all()[:200]))
    Message.objects.filter(pk=message.pk).update(wave_size=1000, wave_minutes=10)
    for delivery in deliveries[:10]:
        comes_back(delivery, C.HARD, NOON)
    assert now_at(message).status == MessageStatus.SENDING
    comes_back(deliveries[10], C.HARD, NOON)
    assert now_at(message).status == MessageStatus.HELD


@pytest.mark.parametrize(("bounce", "said"), [(C.BLOCKED, "rules"), (C.MESSAGE_FAULT, "content or size")])
def test_other_reasons_are_said_as_they_are(newsletter: Newsletter, bounce: BounceClass, said: str) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5))
    for delivery in deliveries[:12]:
        comes_back(delivery, bounce, NOON)
    assert said in words(message)


def test_full_mailboxes_hold_nothing(newsletter: Newsletter) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5))
    for delivery in deliveries[:50]:
        comes_back(delivery, C.SOFT, NOON)
    assert now_at(message).status == MessageStatus.SENDING


@pytest.mark.parametrize(
    ("status", "said"),
    [("5.7.26", "SPF, DKIM and DMARC"), ("5.1.8", "SPF, DKIM and DMARC"), ("", "SPF"), ("5.5.2", "one odd server")],
)
def test_one_word_on_our_own_fault_is_enough(newsletter: Newsletter, status: str, said: str) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5))
    comes_back(deliveries[1], C.OUR_FAULT, NOON, status=status, is_certain=False)
    assert now_at(message).status == MessageStatus.SENDING, "anybody could have written that"
    comes_back(deliveries[2], C.OUR_FAULT, NOON, status=status)
    assert now_at(message).status == MessageStatus.HELD
    assert said in words(message)


@pytest.mark.parametrize(
    "status", ["5.1.7", "5.1.8", "5.5.0", "5.5.2", "5.7.20", "5.7.23", "5.7.26", "5.7.29", "5.7.515"]
)
def test_whatever_the_table_calls_our_fault_holds_it(newsletter: Newsletter, status: str) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5), list(Subscriber.objects.all()[:2]))
    comes_back(deliveries[0], classify(status), NOON, status=status)
    assert now_at(message).status == MessageStatus.HELD


def test_who_goes_on_is_not_held_again_at_once(newsletter: Newsletter) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5))
    for delivery in deliveries[:12]:
        comes_back(delivery, C.HARD, NOON)
    assert now_at(message).status == MessageStatus.HELD
    control.release(message, None)
    for delivery in deliveries[12:100]:
        comes_back(delivery, C.HARD, NOON)
    comes_back(deliveries[100], C.OUR_FAULT, NOON, status="5.7.26")
    assert now_at(message).status == MessageStatus.SENDING

    later = Delivery.objects.filter(message=message).order_by("-pk")[:110]
    numbers = [delivery.pk for delivery in later]
    Delivery.objects.filter(pk__in=numbers).update(first_started_at=timezone.now() + timedelta(seconds=5))
    for delivery in later[:12]:
        comes_back(delivery, C.HARD, NOON + timedelta(minutes=1))
    assert now_at(message).status == MessageStatus.SENDING, "110 further mails are too few to say"
    move_counts(message.pk, 1, {"sent": 210})
    comes_back(later[12], C.HARD, NOON + timedelta(minutes=1))
    assert now_at(message).status == MessageStatus.HELD


def test_of_a_mail_that_is_all_sent_staff_are_told_once(newsletter: Newsletter) -> None:
    message, deliveries = sent(newsletter, NOON - days(1))
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.FINISHED, finished_at=NOON)
    for delivery in deliveries[:30]:
        comes_back(delivery, C.HARD, NOON)
    assert now_at(message).status == MessageStatus.FINISHED
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    ("ends_as", "notices"), [(MessageStatus.FINISHED, 1), (MessageStatus.CANCELLED, 0)], ids=["finished", "cancelled"]
)
def test_of_a_mail_that_ends_while_it_is_judged_staff_are_told_if_all_of_it_went(
    newsletter: Newsletter, ends_as: MessageStatus, notices: int
) -> None:
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5))

    def end() -> None:
        Message.objects.filter(pk=message.pk).update(status=ends_as, finished_at=NOON)

    with just_before('UPDATE "publisher_message"', HoldReason.BOUNCES, do=end):
        for delivery in deliveries[:12]:
            comes_back(delivery, C.HARD, NOON)
    assert now_at(message).status == ends_as
    assert Notice.objects.count() == notices == (message.bounces_told_at is not None)


def half_gone(newsletter: Newsletter, back: int) -> Message:
    """Of 150 mails `back` came back at once, as from addresses that do not exist; nobody looks at so few."""
    message, deliveries = sent(newsletter, NOON - timedelta(minutes=5), list(Subscriber.objects.all()[:150]))
    for delivery in deliveries[:back]:
        comes_back(delivery, C.HARD, NOON)
    breaker.look_again(NOON)
    assert now_at(message).status == MessageStatus.SENDING
    return message


def test_what_came_back_early_is_judged_when_enough_have_gone(newsletter: Newsletter) -> None:
    message = half_gone(newsletter, 11)
    move_counts(message.pk, 2, {"sent": 49})
    assert breaker.look_again(NOON) == []
    move_counts(message.pk, 2, {"failed": 1})
    assert breaker.look_again(NOON) == [message.pk]
    assert (now_at(message).status, message.hold_reason) == (MessageStatus.HELD, HoldReason.BOUNCES)
    assert Explanation.from_json(message.last_error).params["handed"] == "200"


def test_what_came_back_early_counts_anew_for_who_goes_on(newsletter: Newsletter) -> None:
    message = half_gone(newsletter, 40)
    Message.objects.filter(pk=message.pk).update(bounces_base=100)
    move_counts(message.pk, 2, {"sent": 149})
    assert breaker.look_again(NOON) == []
    move_counts(message.pk, 2, {"sent": 1})
    assert breaker.look_again(NOON) == [message.pk]


def test_the_tick_asks_one_question_where_nothing_new_could_be_said(
    newsletter: Newsletter, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    message = half_gone(newsletter, 60)
    with django_assert_num_queries(1):
        breaker.look_again(NOON)
    move_counts(message.pk, 2, {"sent": 3850})
    with django_assert_num_queries(1):
        assert breaker.look_again(NOON) == [], "60 are at most five in a hundred of 4000, and so are 199"
