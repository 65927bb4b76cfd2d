"""What a person does to a message on its way, and what that must never do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from publisher.errors import InputError, TransitionError
from publisher.models import (
    Account,
    AuditEntry,
    Campaign,
    Delivery,
    Item,
    Message,
    Newsletter,
    Organisation,
    PostPart,
    StopStamp,
    User,
)
from publisher.models.agreement import check_counts
from publisher.review import approval, control
from publisher.review.withdraw import cancel_leftovers
from publisher.track.counters import figures
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus, PartStep
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, outcome, post_of, send_out, soon

pytestmark = pytest.mark.database


@pytest.fixture
def campaign(item: Item, newsletter: Newsletter, practice_account: Account, bo: User) -> Campaign:
    """A mail to three and a post, approved for an hour ahead."""
    campaign = send_out(item, newsletter, practice_account)
    approval.approve(campaign, bo, scheduled_at=soon())
    freeze(mail_of(campaign), waiting=3)
    return campaign


def put(message: Message, **fields: object) -> Message:
    Message.objects.filter(pk=message.pk).update(**fields)
    return Message.objects.get(pk=message.pk)


def test_paused_before_its_time_it_waits_for_its_time(campaign: Campaign, bo: User) -> None:
    at = mail_of(campaign).scheduled_at
    control.pause(mail_of(campaign), bo)
    assert mail_of(campaign).status == MessageStatus.PAUSED
    control.resume(mail_of(campaign), bo)
    assert (mail_of(campaign).status, mail_of(campaign).scheduled_at) == (MessageStatus.SCHEDULED, at)


def test_resumed_after_its_time_it_goes_out_now_and_is_not_missed(campaign: Campaign, bo: User) -> None:
    control.pause(mail_of(campaign), bo)
    put(mail_of(campaign), scheduled_at=timezone.now() - timedelta(hours=5))
    control.resume(mail_of(campaign), bo)
    mail = mail_of(campaign)
    assert mail.scheduled_at is not None and timezone.now() - mail.scheduled_at < timedelta(minutes=1)
    assert (mail.frozen_at, mail.frozen_count) == (None, None), "an old audience is counted again"


def test_resumed_in_the_middle_it_goes_on_with_the_same_audience(campaign: Campaign, bo: User) -> None:
    begin(mail_of(campaign))
    hand_over(mail_of(campaign), DeliveryStatus.SENT)
    control.pause(mail_of(campaign), bo)
    control.resume(mail_of(campaign), bo)
    assert (mail_of(campaign).status, mail_of(campaign).frozen_count) == (MessageStatus.SENDING, 3)


def test_a_page_from_before_the_start_cannot_make_a_begun_message_start_anew(campaign: Campaign, bo: User) -> None:
    control.pause(mail_of(campaign), bo)
    page = mail_of(campaign)
    control.resume(mail_of(campaign), bo)
    begin(mail_of(campaign))
    control.pause(mail_of(campaign), bo)
    with pytest.raises(InputError):
        control.resume(page, bo)
    assert mail_of(campaign).status == MessageStatus.PAUSED


def test_a_pause_is_stronger_than_a_start_in_the_same_moment(campaign: Campaign, bo: User) -> None:
    page = mail_of(campaign)
    begin(page)
    control.pause(page, bo)
    assert mail_of(campaign).status == MessageStatus.PAUSED


def test_resuming_twice_does_not_send_early(campaign: Campaign, bo: User) -> None:
    control.pause(mail_of(campaign), bo)
    page = put(mail_of(campaign), started_at=timezone.now())
    put(mail_of(campaign), status=MessageStatus.SCHEDULED)
    with pytest.raises(InputError):
        control.resume(page, bo)
    assert mail_of(campaign).status == MessageStatus.SCHEDULED


@pytest.mark.parametrize("begun", [False, True])
def test_what_was_held_is_released_to_where_it_had_come(campaign: Campaign, bo: User, begun: bool) -> None:
    if begun:
        begin(mail_of(campaign))
    put(mail_of(campaign), status=MessageStatus.HELD, hold_reason=HoldReason.BOUNCES, strikes=3)
    control.release(mail_of(campaign), bo)
    mail = mail_of(campaign)
    assert mail.status == (MessageStatus.SENDING if begun else MessageStatus.SCHEDULED)
    assert (mail.hold_reason, mail.strikes, mail.last_error) == ("", 0, {})


def test_a_released_post_keeps_its_one_delivery(campaign: Campaign, bo: User) -> None:
    put(post_of(campaign), status=MessageStatus.HELD, scheduled_at=timezone.now() - timedelta(hours=3))
    control.release(post_of(campaign), bo)
    assert post_of(campaign).frozen_count == 1
    assert check_counts(post_of(campaign)) == []


def test_cancelling_a_message_leaves_the_other(campaign: Campaign, bo: User) -> None:
    assert control.cancel_message(mail_of(campaign), bo) == 3
    assert (mail_of(campaign).status, post_of(campaign).status) == (MessageStatus.CANCELLED, MessageStatus.SCHEDULED)
    assert figures(mail_of(campaign))["cancelled"] == 3
    assert check_counts(mail_of(campaign)) == []
    with pytest.raises(TransitionError):
        control.cancel_message(mail_of(campaign), bo)


def test_what_a_lane_hands_back_after_the_cancelling_is_cancelled_too(campaign: Campaign, bo: User) -> None:
    begin(mail_of(campaign))
    outcome(mail_of(campaign), DeliveryStatus.PENDING, DeliveryStatus.SENDING, 2)
    assert control.cancel_message(mail_of(campaign), bo) == 1
    outcome(mail_of(campaign), DeliveryStatus.SENDING, DeliveryStatus.PENDING, 2)
    assert cancel_leftovers(timezone.now()) == 2
    assert cancel_leftovers(timezone.now()) == 0
    assert figures(mail_of(campaign))["cancelled"] == 3
    assert check_counts(mail_of(campaign)) == []


def test_only_who_may_send_controls(campaign: Campaign, anna: User, sven: User) -> None:
    for person in (anna, sven):
        for action in (control.pause, control.resume, control.release, control.cancel_message):
            with pytest.raises(PermissionDenied):
                action(mail_of(campaign), person)
        with pytest.raises(PermissionDenied):
            control.decide(Delivery.objects.all()[0], person, "resend")
        with pytest.raises(PermissionDenied):
            control.stop_everything(campaign.organisation, person)
        with pytest.raises(PermissionDenied):
            control.lift_stop(campaign.organisation, person)


def test_the_timeline_names_the_outlet_and_who_did_it(campaign: Campaign, bo: User) -> None:
    control.pause(mail_of(campaign), bo)
    entry = AuditEntry.objects.get(action="paused")
    assert (entry.user, entry.subject_kind, entry.subject_id) == (bo, "campaign", campaign.pk)
    assert entry.explanation["params"] == {"outlet": "Kulturnyt"}


def test_stop_everything_is_one_stamp_however_often_it_is_pressed(secretariat: Organisation, bo: User) -> None:
    assert control.stop_everything(secretariat, bo) is True
    assert control.stop_everything(secretariat, bo) is False
    stamp = StopStamp.objects.get()
    assert (stamp.organisation, stamp.stopped_by) == (secretariat, bo)
    assert control.lift_stop(secretariat, bo) is True
    assert control.lift_stop(secretariat, bo) is False
    assert not StopStamp.objects.exists()
    assert [entry.action for entry in AuditEntry.objects.all()] == ["stopped", "stop_lifted"]


def test_the_installation_stops_from_the_command_line_and_by_its_administrator(
    secretariat: Organisation, elsewhere: Organisation, olga: User
) -> None:
    with pytest.raises(PermissionDenied):
        control.stop_everything(None, olga)
    assert control.stop_everything(None, None) is True
    assert {entry.organisation for entry in AuditEntry.objects.filter(action="stopped")} == {secretariat, elsewhere}
    User.objects.filter(pk=olga.pk).update(is_superuser=True)
    olga.refresh_from_db()
    control.stop_everything(secretariat, olga)
    assert control.lift_stop(None, olga) is True
    assert [stamp.organisation for stamp in StopStamp.objects.all()] == [secretariat], "its own stop stands"


@pytest.fixture
def unclear(campaign: Campaign) -> Delivery:
    """The post's delivery after the answer was lost; the message has finished."""
    post = post_of(campaign)
    begin(post)
    hand_over(post, DeliveryStatus.UNCERTAIN)
    finish(post)
    PostPart.objects.update(step=PartStep.COMMITTING, prepared={"media_ids": ["1"]}, first_commit_at=timezone.now())
    Delivery.objects.filter(message=post).update(attempts=6, reason="answer_lost", due_at=timezone.now())
    return Delivery.objects.get(message=post)


def test_sending_again_is_a_new_attempt_with_the_same_key(campaign: Campaign, unclear: Delivery, bo: User) -> None:
    key = PostPart.objects.get().key
    control.decide(unclear, bo, "resend")
    unclear.refresh_from_db()
    assert (unclear.status, unclear.attempts, unclear.reason, unclear.claim_id) == (DeliveryStatus.PENDING, 0, "", None)
    assert unclear.due_at <= timezone.now()
    part = PostPart.objects.get()
    assert (part.step, part.key, part.prepared) == (PartStep.WAITING, key, {})
    assert part.first_commit_at is not None
    post = post_of(campaign)
    assert (post.status, post.finished_at) == (MessageStatus.SENDING, None)
    assert check_counts(post) == []
    assert AuditEntry.objects.get(action="decided_resend").user == bo


def test_saying_that_it_was_sent(campaign: Campaign, unclear: Delivery, bo: User) -> None:
    control.decide(unclear, bo, "sent")
    unclear.refresh_from_db()
    assert unclear.status == DeliveryStatus.SENT and unclear.sent_at is not None
    assert PostPart.objects.get().step == PartStep.COMMITTED
    assert post_of(campaign).status == MessageStatus.FINISHED
    assert figures(post_of(campaign))["sent"] == 1 and check_counts(post_of(campaign)) == []


def test_saying_that_it_was_not_sent_and_then_sending_again(campaign: Campaign, unclear: Delivery, bo: User) -> None:
    control.decide(unclear, bo, "failed")
    assert Delivery.objects.get(pk=unclear.pk).status == DeliveryStatus.FAILED
    assert check_counts(post_of(campaign)) == []
    control.decide(unclear, bo, "resend")
    assert Delivery.objects.get(pk=unclear.pk).status == DeliveryStatus.PENDING
    assert PostPart.objects.get().step == PartStep.WAITING


def test_two_people_decide_and_one_of_them_is_told(campaign: Campaign, unclear: Delivery, bo: User, olga: User) -> None:
    page = Delivery.objects.get(pk=unclear.pk)
    control.decide(unclear, bo, "sent")
    with pytest.raises(InputError):
        control.decide(page, olga, "resend")
    assert post_of(campaign).status == MessageStatus.FINISHED
    assert check_counts(post_of(campaign)) == []


def test_a_page_that_shows_an_older_state_decides_nothing(campaign: Campaign, unclear: Delivery, bo: User) -> None:
    """From either state sending again is declared; the figures must follow the one that it was."""
    page = Delivery.objects.get(pk=unclear.pk)
    control.decide(unclear, bo, "failed")
    with pytest.raises(InputError):
        control.decide(page, bo, "resend")
    assert figures(post_of(campaign))["failed"] == 1 and check_counts(post_of(campaign)) == []


def test_nothing_of_a_cancelled_message_is_sent_again(campaign: Campaign, bo: User) -> None:
    begin(mail_of(campaign))
    hand_over(mail_of(campaign), DeliveryStatus.FAILED)
    control.cancel_message(mail_of(campaign), bo)
    failed = Delivery.objects.get(message=mail_of(campaign), status=DeliveryStatus.FAILED)
    with pytest.raises(InputError):
        control.decide(failed, bo, "resend")
    assert figures(mail_of(campaign))["failed"] == 1 and check_counts(mail_of(campaign)) == []


@pytest.mark.parametrize(("status", "action"), [("sent", "resend"), ("pending", "sent"), ("suppressed", "resend")])
def test_only_what_is_unclear_or_failed_is_decided(campaign: Campaign, bo: User, status: str, action: str) -> None:
    delivery = Delivery.objects.filter(message=mail_of(campaign))[0]
    Delivery.objects.filter(pk=delivery.pk).update(status=status)
    delivery.refresh_from_db()
    with pytest.raises(TransitionError):
        control.decide(delivery, bo, action)


def test_an_unknown_decision_is_refused_in_words(unclear: Delivery, bo: User) -> None:
    with pytest.raises(InputError):
        control.decide(unclear, bo, "perhaps")
