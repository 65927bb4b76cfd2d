"""A send-out that waits and whose news changes: decided by a person, told once, approved anew."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from publisher.access.audit import timeline
from publisher.errors import InputError
from publisher.items.withdrawing import restore, withdraw
from publisher.models import Account, Campaign, Item, Message, Newsletter, Notice, User
from publisher.review import approval, control
from publisher.review.renewal import keep, renewed_since_approval, send_anyway, take, tell_of_changes
from publisher.schedule.dispatch import begin, hold_withdrawn
from publisher.vocabulary import CampaignStatus, DeliveryStatus, HoldReason, MessageStatus, NoticeKind, Withdrawal
from tests.items.by_hand import edit
from tests.review.send_outs import begin as begin_by_hand
from tests.review.send_outs import freeze, hand_over, mail_of, post_of, send_out, soon

pytestmark = pytest.mark.database


@pytest.fixture
def campaign(item: Item, newsletter: Newsletter, practice_account: Account) -> Campaign:
    """A mail and a post."""
    return send_out(item, newsletter, practice_account)


@pytest.fixture
def approved(campaign: Campaign, bo: User) -> Campaign:
    """Planned for in an hour."""
    approval.approve(campaign, bo, scheduled_at=soon())
    return campaign


def read(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


def test_those_who_approve_are_told_once(approved: Campaign, item: Item, bo: User, olga: User) -> None:
    now = timezone.now()
    assert tell_of_changes(now) == 0
    edit(item, title="Flyttet")
    assert (tell_of_changes(now), tell_of_changes(now)) == (1, 0)
    edit(item, title="Flyttet igen")
    assert tell_of_changes(now) == 0
    assert {notice.user for notice in Notice.objects.filter(kind=NoticeKind.ALERT)} == {bo, olga}
    keep(read(approved), item.pk, bo)
    assert tell_of_changes(now) == 0
    edit(item, title="Flyttet for sidste gang")
    assert tell_of_changes(now) == 1


def test_nobody_is_told_of_drafts_or_of_what_is_sent(campaign: Campaign, item: Item) -> None:
    edit(item, title="Flyttet")
    assert tell_of_changes(timezone.now()) == 0


def test_taking_the_new_words_of_an_approved_one_asks_for_approval_again(
    approved: Campaign, item: Item, bo: User, olga: User
) -> None:
    at = read(approved).scheduled_at
    edit(item, title="Flyttet", lead="Til hallen.")
    assert take(read(approved), item.pk, bo)
    stored = read(approved)
    assert (stored.status, stored.scheduled_at, stored.title) == (CampaignStatus.IN_REVIEW, at, "Flyttet")
    assert {message.status for message in Message.objects.all()} == {MessageStatus.DRAFT}
    assert {notice.user for notice in Notice.objects.filter(kind=NoticeKind.REVIEW_READY)} == {olga}
    (renewed,) = renewed_since_approval(stored)
    assert [each.name for each in renewed.changes] == ["title", "lead"]
    assert [entry.action for entry in timeline(stored)][-3:] == ["taken_back", "news_renewed", "submitted"]
    approval.approve(stored, olga, scheduled_at=soon())
    assert renewed_since_approval(read(approved)) == []
    assert post_of(approved).text.startswith("Flyttet")


def test_taking_them_into_a_draft_leaves_it_a_draft(campaign: Campaign, item: Item, anna: User) -> None:
    edit(item, title="Flyttet")
    take(campaign, item.pk, anna)
    assert read(campaign).status == CampaignStatus.DRAFT
    with pytest.raises(InputError):
        take(read(campaign), item.pk, anna)


def test_anna_decides_about_drafts_and_reviews_but_nothing_approved(
    campaign: Campaign, item: Item, anna: User, bo: User, sven: User
) -> None:
    edit(item, title="Flyttet")
    with pytest.raises(PermissionDenied):
        take(campaign, item.pk, sven)
    approval.submit(campaign, anna)
    take(read(campaign), item.pk, anna)
    assert read(campaign).status == CampaignStatus.IN_REVIEW
    approval.approve(read(campaign), bo, scheduled_at=soon())
    edit(item, title="Flyttet igen")
    for refused in (take, keep):
        with pytest.raises(PermissionDenied):
            refused(read(campaign), item.pk, anna)
    assert read(campaign).status == CampaignStatus.APPROVED


def test_what_has_begun_keeps_its_words(approved: Campaign, item: Item, bo: User) -> None:
    begin_by_hand(post_of(approved))
    edit(item, title="Flyttet")
    with pytest.raises(InputError):
        take(read(approved), item.pk, bo)
    assert mail_of(approved).subject == item.title
    assert read(approved).status == CampaignStatus.APPROVED


# --- Withdrawn ----------------------------------------------------------------------------------------------------


def test_what_waits_is_held_and_goes_when_a_person_says_so(approved: Campaign, item: Item, bo: User) -> None:
    withdraw(item, Withdrawal.GONE)
    assert hold_withdrawn(timezone.now()) == 2
    held = post_of(approved)
    assert (held.status, held.hold_reason) == (MessageStatus.HELD, HoldReason.WITHDRAWN)
    assert item.title in held.last_error["params"]["title"]
    assert Notice.objects.filter(kind=NoticeKind.ALERT, user=bo).count() == 2
    control.release(held, bo)
    assert hold_withdrawn(timezone.now()) == 0
    assert post_of(approved).status == MessageStatus.SCHEDULED
    control.release(mail_of(approved), bo)
    restore(item)
    withdraw(item, Withdrawal.GONE)
    assert hold_withdrawn(timezone.now()) == 2


def test_at_its_instant_it_is_looked_at_once_more(approved: Campaign, item: Item) -> None:
    """Withdrawn since the last look, and due now."""
    Message.objects.update(scheduled_at=timezone.now())
    withdraw(item, Withdrawal.GONE)
    assert not begin(post_of(approved), timezone.now())
    assert post_of(approved).hold_reason == HoldReason.WITHDRAWN


def test_a_mail_in_the_middle_is_held_but_not_one_that_is_through(approved: Campaign, item: Item) -> None:
    mail = mail_of(approved)
    freeze(mail, waiting=2)
    begin_by_hand(mail)
    hand_over(mail, DeliveryStatus.SENT)
    withdraw(item, Withdrawal.GONE)
    hold_withdrawn(timezone.now())
    assert mail_of(approved).status == MessageStatus.HELD
    Message.objects.filter(pk=mail.pk).update(status=MessageStatus.SENDING, hold_reason="")
    hand_over(mail, DeliveryStatus.SENT)
    hold_withdrawn(timezone.now())
    assert mail_of(approved).status == MessageStatus.SENDING


def test_a_draft_with_withdrawn_news_is_approved_only_on_a_persons_word(
    campaign: Campaign, item: Item, bo: User, anna: User
) -> None:
    withdraw(item, Withdrawal.BY_HAND, anna)
    with pytest.raises(InputError):
        approval.approve(campaign, bo, scheduled_at=soon())
    send_anyway(read(campaign), item.pk, bo)
    with pytest.raises(InputError):
        send_anyway(read(campaign), item.pk, bo)
    approval.approve(read(campaign), bo, scheduled_at=soon())
    assert hold_withdrawn(timezone.now()) == 0


def test_one_word_lets_everything_go_that_was_held_for_that_news(
    approved: Campaign, item: Item, bo: User, anna: User
) -> None:
    withdraw(item, Withdrawal.GONE)
    hold_withdrawn(timezone.now())
    with pytest.raises(PermissionDenied):
        send_anyway(read(approved), item.pk, anna)
    send_anyway(read(approved), item.pk, bo)
    assert {message.status for message in Message.objects.all()} == {MessageStatus.SCHEDULED}
    assert hold_withdrawn(timezone.now()) == 0
