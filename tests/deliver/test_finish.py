"""Finishing: nothing that still waits is ever in a finished message, whatever a person decides in that moment."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from publisher.deliver import claim, finish, outcome
from publisher.deliver.turns import anything_due
from publisher.errors import Explanation
from publisher.models import AuditEntry, Claim, Delivery, DeliveryCount, Message, Newsletter, User
from publisher.models.agreement import check_counts
from publisher.models.counting import move_counts
from publisher.models.line import held
from publisher.review import control
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus, Reason
from tests.audience_factory import ready_mail, residents
from tests.claiming import statuses, take_in_hand
from tests.elsewhere import Elsewhere
from tests.review.send_outs import hand_over

pytestmark = pytest.mark.database


def begun(newsletter: Newsletter, number: int = 3) -> Message:
    residents(newsletter, number)
    message = ready_mail(newsletter)
    Message.objects.filter(pk=message.pk).update(started_at=timezone.now())
    return read(message)


def read(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("decides_first", [True, False])
def test_what_a_person_sends_again_while_it_finishes_is_not_lost(newsletter: Newsletter, decides_first: bool) -> None:
    message = begun(newsletter)
    hand_over(message, DeliveryStatus.SENT, 2)
    hand_over(message, DeliveryStatus.FAILED)
    failed = Delivery.objects.get(status=DeliveryStatus.FAILED)
    if decides_first:
        with transaction.atomic():
            control.decide(failed, None, "resend")
            finishing = Elsewhere(lambda: finish.finish(message.pk, timezone.now()))
            assert not finishing.is_over(0.5), "it looks only once the decision stands"
        assert finishing.answer() is False
    else:
        with transaction.atomic():
            assert finish.finish(message.pk, timezone.now())
            deciding = Elsewhere(lambda: control.decide(failed, None, "resend"))
            assert not deciding.is_over(0.5)
        deciding.answer()
    assert read(message).status == MessageStatus.SENDING
    assert Delivery.objects.filter(status=DeliveryStatus.PENDING).count() == 1
    assert check_counts(message) == [] and anything_due(timezone.now())


@pytest.mark.django_db(transaction=True)
def test_a_pause_in_the_moment_of_finishing_finds_one_of_the_two(newsletter: Newsletter) -> None:
    message = begun(newsletter)
    hand_over(message, DeliveryStatus.SENT, 3)
    with transaction.atomic():
        control.pause(read(message), None)
        finishing = Elsewhere(lambda: finish.finish(message.pk, timezone.now()))
        finishing.is_over(0.3)
    assert finishing.answer() is False
    assert (read(message).status, read(message).finished_at) == (MessageStatus.PAUSED, None)
    control.resume(read(message), None)
    assert finish.finish(message.pk, timezone.now())


def given_back_late(message: Message) -> None:
    """A claim is given up as uncertain, all finishes, then the lane's journal says that nothing was started."""
    claim_id = uuid.uuid4()
    claim.take(message, claim_id, claim.Taker(uuid.uuid4(), 1, "x.journal"), 100, timezone.now())
    rows = held(claim_id)
    lost = [outcome.lost(pk, timezone.now()) for pk in rows]
    outcome.store(claim_id, message.pk, 0, lost, was=DeliveryStatus.SENDING)
    assert finish.finish(message.pk, timezone.now())
    back = [outcome.handed_back(pk, timezone.now()) for pk in rows]
    outcome.store(claim_id, message.pk, 0, back, was=DeliveryStatus.UNCERTAIN)


def test_what_a_late_journal_gives_back_is_still_sent(newsletter: Newsletter) -> None:
    message = begun(newsletter)
    given_back_late(message)
    assert finish.reopen_leftovers(timezone.now()) == 1
    assert (read(message).status, read(message).finished_at) == (MessageStatus.SENDING, None)
    assert anything_due(timezone.now())
    assert finish.reopen_leftovers(timezone.now()) == 0


def test_what_comes_back_much_later_is_for_a_person(newsletter: Newsletter, bo: User) -> None:
    message = begun(newsletter)
    given_back_late(message)
    assert finish.reopen_leftovers(timezone.now() + timedelta(minutes=121)) == 1
    message = read(message)
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.MISSED)
    assert str(Explanation.from_json(message.last_error))
    control.release(message, bo)
    assert read(message).status == MessageStatus.SENDING


def test_wrong_figures_are_counted_again_by_a_release(newsletter: Newsletter, bo: User) -> None:
    message = begun(newsletter)
    hand_over(message, DeliveryStatus.SENT, 3)
    move_counts(message.pk, 0, {DeliveryStatus.SENT: 2})
    assert not finish.finish(message.pk, timezone.now())
    control.release(read(message), bo)
    assert check_counts(message) == [] and finish.finish(message.pk, timezone.now())
    (entry,) = AuditEntry.objects.filter(action="recounted")
    assert entry.user == bo and "Kulturnyt" in str(Explanation.from_json(entry.explanation))


def test_a_recipient_who_is_missing_is_named_and_a_person_accepts_it(newsletter: Newsletter, bo: User) -> None:
    message = begun(newsletter, 5)
    hand_over(message, DeliveryStatus.SENT, 5)
    Delivery.objects.filter(pk=Delivery.objects.all()[0].pk).delete()
    assert not finish.finish(message.pk, timezone.now())
    assert Explanation.from_json(read(message).last_error).params == {"status": "frozen", "counted": "5", "rows": "4"}
    control.release(read(message), bo)
    assert finish.finish(message.pk, timezone.now())
    assert read(message).frozen_count == 4
    told = [Explanation.from_json(entry.explanation) for entry in AuditEntry.objects.filter(action="recounted")]
    assert told[0].params == {"outlet": "Kulturnyt", "counted": "5", "rows": "4"}


def test_a_release_with_figures_in_order_notes_nothing_else(newsletter: Newsletter, bo: User) -> None:
    message = begun(newsletter)
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.HELD, hold_reason=HoldReason.ACCOUNT_BROKEN)
    before = list(DeliveryCount.objects.values_list("status", "lane", "count"))
    control.release(read(message), bo)
    assert [entry.action for entry in AuditEntry.objects.all()] == ["released"]
    assert list(DeliveryCount.objects.values_list("status", "lane", "count")) == before


def test_a_mail_that_is_in_no_claim_s_hands_though_the_line_says_so_is_uncertain(newsletter: Newsletter) -> None:
    """No code of ours leaves one: a claim that is lost without its mails would."""
    message = begun(newsletter)
    assert take_in_hand(message, 3) == 3
    assert not finish.finish(message.pk, timezone.now()) and statuses(message) == {"sending": 3}
    Claim.objects.all().delete()
    assert not finish.finish(message.pk, timezone.now())
    assert statuses(message) == {"uncertain": 3} and check_counts(message) == []
    assert set(message.deliveries.values_list("reason", "attempts")) == {(Reason.JOURNAL_LOST, 1)}
    assert finish.finish(message.pk, timezone.now())
