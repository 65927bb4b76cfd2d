"""Approval freezes what was looked at; taking back forgets it again; nobody overtakes anybody."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from publisher.access.audit import timeline
from publisher.errors import InputError, TransitionError
from publisher.models import (
    Account,
    AuditEntry,
    Campaign,
    CompiledMail,
    Delivery,
    DeliveryCount,
    Item,
    Message,
    Newsletter,
    Notice,
    PostPart,
    User,
)
from publisher.models.agreement import check_counts
from publisher.review import approval
from publisher.track.counters import figures
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus, NoticeKind
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, outcome, post_of, send_out, soon

pytestmark = pytest.mark.database


@pytest.fixture
def campaign(item: Item, newsletter: Newsletter, practice_account: Account) -> Campaign:
    """A draft with a mail and a post."""
    return send_out(item, newsletter, practice_account)


def read(campaign: Campaign) -> Campaign:
    """As another person's page has it."""
    return Campaign.objects.get(pk=campaign.pk)


def test_handing_in_tells_those_who_may_approve(
    campaign: Campaign, anna: User, bo: User, olga: User, sven: User
) -> None:
    approval.submit(campaign, anna)
    assert read(campaign).status == CampaignStatus.IN_REVIEW
    notices = Notice.objects.filter(kind=NoticeKind.REVIEW_READY)
    assert {notice.user for notice in notices} == {bo, olga}
    assert {(notice.subject_kind, notice.subject_id, notice.address) for notice in notices} == {
        ("campaign", campaign.pk, bo.email), ("campaign", campaign.pk, olga.email),
    }  # fmt: skip
    assert campaign.title in notices[0].explanation["params"]["title"]


def test_who_hands_in_gets_no_notice(campaign: Campaign, bo: User, olga: User) -> None:
    approval.submit(campaign, bo)
    assert [notice.user for notice in Notice.objects.all()] == [olga]


def test_approving_pins_the_revision_and_plans_each_message(campaign: Campaign, bo: User) -> None:
    approval.submit(campaign, bo)
    at = soon()
    approval.approve(campaign, bo, scheduled_at=at)
    stored = read(campaign)
    assert (stored.status, stored.approved_revision, stored.approved_by) == ("approved", stored.revision, bo)
    assert stored.approved_at is not None
    for row in (stored, mail_of(campaign), post_of(campaign)):
        assert (row.scheduled_at, row.scheduled_zone) == (at, "Europe/Copenhagen")
    assert {m.status for m in Message.objects.all()} == {MessageStatus.SCHEDULED}
    assert AuditEntry.objects.filter(action="approved", subject_id=campaign.pk, user=bo).exists()


def test_approving_freezes_posts_and_leaves_mails_to_the_freeze(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    mail, post = mail_of(campaign), post_of(campaign)
    delivery = Delivery.objects.get()
    assert (delivery.message, delivery.account, delivery.status) == (post, post.account, DeliveryStatus.PENDING)
    assert (delivery.due_at, delivery.domain) == (post.scheduled_at, "")
    part = PostPart.objects.get()
    assert (part.delivery, part.position, part.text) == (delivery, 0, post.text)
    assert part.key == hashlib.sha256(f"{post.public_id}:0".encode()).hexdigest()
    assert post.frozen_count == 1 and post.frozen_at is not None and check_counts(post) == []
    assert mail.frozen_count is None and mail.frozen_at is None


def test_the_wall_clock_is_kept_as_it_was_meant(campaign: Campaign, bo: User) -> None:
    wall = datetime(2030, 3, 31, 3, 30)
    approval.approve(
        campaign, bo, scheduled_at=datetime(2030, 3, 31, 1, 30, tzinfo=UTC), wall=wall, zone="Europe/Paris"
    )
    stored = read(campaign)
    assert stored.scheduled_wall is not None and stored.scheduled_wall.replace(tzinfo=None) == wall
    assert stored.scheduled_zone == "Europe/Paris"


def test_without_a_wall_clock_it_is_the_organisations_own(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=datetime(2030, 7, 1, 6, 0, tzinfo=UTC))
    stored = read(campaign)
    assert stored.scheduled_wall is not None
    assert stored.scheduled_wall.replace(tzinfo=None) == datetime(2030, 7, 1, 8, 0)


@pytest.mark.parametrize("who", ["anna", "sven"])
def test_only_who_may_approve_approves(campaign: Campaign, who: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(PermissionDenied):
        approval.approve(campaign, request.getfixturevalue(who), scheduled_at=soon())
    with pytest.raises(PermissionDenied):
        approval.send_now(campaign, request.getfixturevalue(who))
    assert read(campaign).status == CampaignStatus.DRAFT


def test_the_first_error_of_the_checks_stops_approval(campaign: Campaign, bo: User) -> None:
    Message.objects.filter(pk=mail_of(campaign).pk).update(subject="")
    with pytest.raises(InputError) as caught:
        approval.approve(campaign, bo, scheduled_at=soon())
    assert str(caught.value)
    assert read(campaign).status == CampaignStatus.DRAFT
    assert not Delivery.objects.exists()


def test_a_time_that_has_passed_is_refused(campaign: Campaign, bo: User) -> None:
    with pytest.raises(InputError):
        approval.approve(campaign, bo, scheduled_at=timezone.now() - timedelta(hours=1))
    approval.approve(campaign, bo, scheduled_at=timezone.now() - timedelta(seconds=30))


def test_an_empty_send_out_is_refused(item: Item, bo: User) -> None:
    empty = Campaign.objects.create(organisation=item.organisation, title="Tom")
    with pytest.raises(InputError):
        approval.approve(empty, bo, scheduled_at=soon())
    assert read(empty).status == CampaignStatus.DRAFT


def test_a_message_keeps_its_own_time_while_that_is_ahead(campaign: Campaign, bo: User) -> None:
    at, own = soon(), soon() + timedelta(days=1)
    Message.objects.filter(pk=post_of(campaign).pk).update(scheduled_at=own)
    approval.approve(campaign, bo, scheduled_at=at)
    assert (mail_of(campaign).scheduled_at, post_of(campaign).scheduled_at) == (at, own)
    assert Delivery.objects.get().due_at == own


def test_a_message_whose_own_time_has_passed_follows_the_campaign(campaign: Campaign, bo: User) -> None:
    Message.objects.filter(pk=post_of(campaign).pk).update(scheduled_at=timezone.now() - timedelta(days=1))
    at = soon()
    approval.approve(campaign, bo, scheduled_at=at)
    assert post_of(campaign).scheduled_at == at


def test_send_now_leaves_time_for_undo(campaign: Campaign, bo: User, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_UNDO_SECONDS = 45
    before = timezone.now()
    approval.send_now(campaign, bo)
    stored = read(campaign)
    assert stored.scheduled_at is not None
    assert before + timedelta(seconds=45) <= stored.scheduled_at <= timezone.now() + timedelta(seconds=45)


def test_what_changed_since_the_page_was_loaded_is_not_approved(campaign: Campaign, bo: User) -> None:
    page = read(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(revision=campaign.revision + 1)
    with pytest.raises(InputError):
        approval.approve(page, bo, scheduled_at=soon())
    assert read(campaign).status == CampaignStatus.DRAFT
    assert not Delivery.objects.exists()


def test_the_second_of_two_who_approve_is_told(campaign: Campaign, bo: User, olga: User) -> None:
    approval.submit(campaign, bo)
    pages = read(campaign), read(campaign)
    approval.approve(pages[0], bo, scheduled_at=soon())
    with pytest.raises(InputError):
        approval.approve(pages[1], olga, scheduled_at=soon())
    assert read(campaign).approved_by == bo
    assert Delivery.objects.count() == 1


def test_what_is_not_declared_is_a_fault_of_ours(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    with pytest.raises(TransitionError):
        approval.submit(campaign, bo)
    with pytest.raises(TransitionError):
        approval.approve(campaign, bo, scheduled_at=soon())


def test_undo_forgets_the_freeze_and_keeps_the_time(campaign: Campaign, bo: User) -> None:
    at = soon()
    approval.approve(campaign, bo, scheduled_at=at)
    freeze(mail_of(campaign), waiting=3, skipped=2)
    CompiledMail.objects.create(message=mail_of(campaign), segments=[])
    approval.undo(read(campaign), bo)
    stored = read(campaign)
    assert (stored.status, stored.scheduled_at) == (CampaignStatus.DRAFT, at)
    for message in Message.objects.all():
        assert (message.status, message.frozen_at, message.frozen_count) == (MessageStatus.DRAFT, None, None)
        assert (message.scheduled_at, message.started_at, message.composed_html) == (None, None, "")
    for rows in (Delivery, DeliveryCount, PostPart, CompiledMail):
        assert not rows.objects.exists()


def test_an_undo_stands_in_the_history_as_one(campaign: Campaign, bo: User) -> None:
    approval.send_now(campaign, bo)
    approval.undo(campaign, bo)
    approval.submit(campaign, bo)
    approval.to_draft(campaign, bo)
    assert [entry.action for entry in timeline(campaign)][-3:] == ["undone", "submitted", "taken_back"]


def test_after_undo_everything_follows_the_new_time(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    key = PostPart.objects.get().key
    approval.undo(campaign, bo)
    later = soon() + timedelta(days=3)
    approval.approve(campaign, bo, scheduled_at=later)
    assert {m.scheduled_at for m in Message.objects.all()} == {later}
    assert (Delivery.objects.get().due_at, PostPart.objects.get().key) == (later, key)
    assert figures(post_of(campaign))["pending"] == 1


def test_undo_keeps_a_messages_own_time(campaign: Campaign, bo: User) -> None:
    own = soon() + timedelta(days=1)
    Message.objects.filter(pk=post_of(campaign).pk).update(scheduled_at=own)
    approval.approve(campaign, bo, scheduled_at=soon())
    approval.undo(campaign, bo)
    assert post_of(campaign).scheduled_at == own


def test_undo_comes_too_late_once_something_is_being_sent(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    begin(post_of(campaign))
    with pytest.raises(InputError) as caught:
        approval.undo(read(campaign), bo)
    assert caught.value.explanation.msgid == "It is already being sent; stop it instead."
    assert read(campaign).status == CampaignStatus.APPROVED
    assert mail_of(campaign).status == MessageStatus.SCHEDULED
    assert Delivery.objects.count() == 1


def test_undo_never_forgets_to_whom_it_went(campaign: Campaign, bo: User) -> None:
    """Held in the middle and released as scheduled: some have it, so it is no draft any more."""
    approval.approve(campaign, bo, scheduled_at=soon())
    freeze(mail_of(campaign), waiting=2)
    hand_over(mail_of(campaign), DeliveryStatus.SENT)
    with pytest.raises(InputError):
        approval.undo(read(campaign), bo)
    assert Delivery.objects.filter(message=mail_of(campaign)).count() == 2


def test_undo_waits_for_what_a_person_must_decide_first(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    Message.objects.filter(pk=mail_of(campaign).pk).update(status=MessageStatus.HELD)
    with pytest.raises(InputError) as caught:
        approval.undo(read(campaign), bo)
    assert "held back" in caught.value.explanation.msgid


def test_an_editor_takes_back_what_waits_for_approval_and_no_more(campaign: Campaign, anna: User, bo: User) -> None:
    approval.submit(campaign, anna)
    page = read(campaign)
    approval.to_draft(campaign, anna)
    assert read(campaign).status == CampaignStatus.DRAFT
    approval.submit(campaign, anna)
    approval.approve(campaign, bo, scheduled_at=soon())
    with pytest.raises(InputError):
        approval.to_draft(page, anna)
    with pytest.raises(PermissionDenied):
        approval.to_draft(read(campaign), anna)
    assert mail_of(campaign).status == MessageStatus.SCHEDULED


def test_cancelling_cancels_what_waits(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    freeze(mail_of(campaign), waiting=3, skipped=1)
    begin(mail_of(campaign))
    hand_over(mail_of(campaign), DeliveryStatus.SENT)
    outcome(mail_of(campaign), DeliveryStatus.PENDING, DeliveryStatus.SENDING)
    approval.cancel(read(campaign), bo)
    mail, post = mail_of(campaign), post_of(campaign)
    assert {mail.status, post.status} == {MessageStatus.CANCELLED}
    shown = {status: number for status, number in figures(mail).items() if number}
    assert shown == {"sent": 1, "sending": 1, "suppressed": 1, "cancelled": 1}
    assert figures(post)["cancelled"] == 1
    assert check_counts(mail) == check_counts(post) == []


def test_cancelling_leaves_what_has_gone_out(campaign: Campaign, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    begin(post_of(campaign))
    hand_over(post_of(campaign), DeliveryStatus.SENT)
    finish(post_of(campaign))
    approval.cancel(read(campaign), bo)
    assert (post_of(campaign).status, mail_of(campaign).status) == (MessageStatus.FINISHED, MessageStatus.CANCELLED)


def test_what_has_gone_out_cannot_be_cancelled(item: Item, practice_account: Account, bo: User) -> None:
    campaign = send_out(item, None, practice_account)
    approval.approve(campaign, bo, scheduled_at=soon())
    begin(post_of(campaign))
    finish(post_of(campaign))
    with pytest.raises(InputError):
        approval.cancel(read(campaign), bo)
    assert read(campaign).status == CampaignStatus.APPROVED


def test_an_editor_cancels_a_draft_but_nothing_approved(campaign: Campaign, anna: User, bo: User) -> None:
    page = read(campaign)
    approval.approve(campaign, bo, scheduled_at=soon())
    with pytest.raises(PermissionDenied):
        approval.cancel(read(campaign), anna)
    with pytest.raises(InputError):
        approval.cancel(page, anna)
    assert read(campaign).status == CampaignStatus.APPROVED


def test_anna_cancels_her_draft(campaign: Campaign, anna: User) -> None:
    approval.cancel(campaign, anna)
    assert {m.status for m in Message.objects.all()} == {MessageStatus.CANCELLED}
