"""The review of a send-out: hand in, approve, take back, cancel. Approval freezes exactly what was looked at."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.notices import notify_approvers
from publisher.access.roles import require
from publisher.compose.already_out import already_words, sent_again
from publisher.compose.post_pictures import settle
from publisher.compose.preflight import checks
from publisher.compose.social import limits_of, link_of, parts_of
from publisher.errors import Explanation, InputError
from publisher.life_cycles import sources_of
from publisher.models import Account, Campaign, Delivery, Message, Newsletter, PostPart, User
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.review.moves import move
from publisher.review.planned import PlannedTime, planned
from publisher.review.withdraw import UNPREPARED, back_to_draft, cancel_one, forget_freeze
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus, NoticeKind, Outlet

# A form that was open for a while may name a minute that has just passed; anything older is a wrong date.
JUST_PASSED = timedelta(minutes=5)


def submit(
    campaign: Campaign,
    user: User | None,
    *,
    words: Explanation | None = None,
    kind: NoticeKind = NoticeKind.REVIEW_READY,
) -> None:
    """Hand a draft in for approval; everyone who may approve it, except `user`, gets a notice (saying `words`)."""
    _may(user, "edit", campaign)
    with transaction.atomic():
        move(campaign, CampaignStatus, CampaignStatus.IN_REVIEW)
        record(campaign.organisation, user, "submitted", campaign, gettext_noop("Sent for approval"))
        ready = Explanation(gettext_noop("“%(title)s” is ready for approval."), {"title": campaign.title})
        notify_approvers(campaign.organisation, kind, campaign, words or ready, but=user)


def approve(
    campaign: Campaign, user: User | None, *, scheduled_at: datetime, wall: datetime | None = None, zone: str = ""
) -> None:
    """Approve the revision that `campaign` was read at, for the instant `scheduled_at` (aware).

    `wall` (naive) and `zone` say how a person meant it; default the organisation's clock. A message whose own time is
    still ahead keeps it. Posts are frozen here: delivery, part and key. `user` is None when a rule approves.

    Raises InputError with the first error of the checks, for a time that has passed, or if someone was faster;
    PermissionDenied if `user` may not approve.
    """
    _may(user, "approve", campaign)
    now = timezone.now()
    if scheduled_at < now - JUST_PASSED:
        raise InputError(gettext_noop("That time has passed; choose a later one."))
    _refuse_errors(campaign, scheduled_at)
    time = planned(scheduled_at, zone or campaign.organisation.timezone, wall)
    with transaction.atomic():
        _refuse_again(campaign)
        if campaign.status == CampaignStatus.DRAFT:
            move(campaign, CampaignStatus, CampaignStatus.IN_REVIEW)
        move(
            campaign,
            CampaignStatus,
            CampaignStatus.APPROVED,
            {"approved_revision": campaign.revision, "approved_at": now, "approved_by": user, **time},
            only={"revision": campaign.revision},
        )
        _schedule_messages(campaign, time, now)
        record(campaign.organisation, user, "approved", campaign, gettext_noop("Approved"))


def send_now(campaign: Campaign, user: User | None) -> None:
    """Approve it for as soon as Undo has had its time (OPSLAG_UNDO_SECONDS). Raises what `approve` raises."""
    _may(user, "send", campaign)
    approve(campaign, user, scheduled_at=timezone.now() + timedelta(seconds=settings.OPSLAG_UNDO_SECONDS))


def to_draft(campaign: Campaign, user: User | None) -> None:
    """Take a campaign back for changes, before anything of it has begun. Its planned time stays as a suggestion.

    Raises InputError once something has begun, waits for a decision, or if someone was faster.
    """
    _take_back(campaign, user, "taken_back", gettext_noop("Taken back for changes"))


def undo(campaign: Campaign, user: User | None) -> None:
    """The Undo button: `to_draft` of what was just approved, under its own name. Raises what that raises."""
    _take_back(campaign, user, "undone", gettext_noop("Undone"))


def _take_back(campaign: Campaign, user: User | None, action: str, words: str) -> None:
    approved = campaign.status == CampaignStatus.APPROVED
    _may(user, "approve" if approved else "edit", campaign)
    with transaction.atomic():
        # Exactly the status that was read: taking back a review must not take back an approval given meanwhile.
        move(campaign, CampaignStatus, CampaignStatus.DRAFT, only={"status": campaign.status})
        if approved:
            back_to_draft(campaign)
        record(campaign.organisation, user, action, campaign, words)


def cancel(campaign: Campaign, user: User | None) -> None:
    """Cancel a campaign and every message of it that has not finished.

    Raises InputError if all of it has gone out, or if someone was faster.
    """
    _may(user, "edit" if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW) else "approve", campaign)
    with transaction.atomic():
        move(campaign, CampaignStatus, CampaignStatus.CANCELLED, only={"status": campaign.status})
        # In the order in which erasing a person locks them, so that the two cannot deadlock.
        messages = Message.objects.select_for_update(no_key=True).filter(campaign=campaign).order_by("pk")
        open_ones = [m for m in messages if m.status in sources_of(MessageStatus, MessageStatus.CANCELLED)]
        if not open_ones and any(message.status == MessageStatus.FINISHED for message in messages):
            raise InputError(gettext_noop("It has already gone out and cannot be cancelled."))
        for message in open_ones:
            cancel_one(message)
        record(campaign.organisation, user, "cancelled", campaign, gettext_noop("Cancelled"))


def part_key(message: Message, position: int) -> str:
    """The idempotency key of one part of a post: derived from the message, so it is the same on every attempt."""
    return hashlib.sha256(f"{message.public_id}:{position}".encode()).hexdigest()


def _may(user: User | None, action: str, campaign: Campaign) -> None:
    if user is not None:
        require(user, action, campaign.organisation)


def _refuse_errors(campaign: Campaign, at: datetime) -> None:
    for check in checks(campaign, at):
        cancelled = check.message is not None and check.message.status == MessageStatus.CANCELLED
        if check.level == "error" and not cancelled:
            raise InputError(check.explanation.msgid, **check.explanation.params)


def _refuse_again(campaign: Campaign) -> None:
    """Ask once more whether the news is known where it is to go, now that nobody else can approve anything for there.

    Channels are locked before newsletters, as where a rule makes something (rules.making).
    """
    ours = Message.objects.filter(campaign=campaign)
    for outlets in (
        Account.objects.filter(pk__in=ours.values("account")),
        Newsletter.objects.filter(pk__in=ours.values("newsletter")),
    ):
        list(outlets.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    for again in sent_again(campaign):
        words = already_words(again.earlier, again.chosen.item.title)
        raise InputError(words.msgid, **words.params)


def _schedule_messages(campaign: Campaign, time: PlannedTime, now: datetime) -> None:
    messages = list(Message.objects.filter(campaign=campaign).exclude(status=MessageStatus.CANCELLED))
    if not messages:
        raise InputError(gettext_noop("There is nothing to send: add a mail or a channel."))
    # A compiling that Undo overtook may have left its result behind.
    forget_freeze(messages)
    for message in messages:
        own = message.scheduled_at is not None and message.scheduled_at > now
        frozen = {"frozen_at": now, "frozen_count": 1} if message.outlet == Outlet.POST else {}
        move(message, MessageStatus, MessageStatus.SCHEDULED, {**UNPREPARED, **frozen, **({} if own else time)})
        if message.outlet == Outlet.POST:
            _freeze_post(message)


def _freeze_post(message: Message) -> None:
    """A post goes to exactly one recipient, the account; its texts and keys are final from here on."""
    assert message.scheduled_at is not None
    assert message.account is not None
    settle(message, limits_of(message.account).pictures)
    delivery = Delivery.objects.create(message=message, account=message.account, due_at=message.scheduled_at)
    PostPart.objects.bulk_create(
        PostPart(
            delivery=delivery,
            position=position,
            key=part_key(message, position),
            text=text,
            link="" if position else link_of(message),
        )
        for position, text in enumerate(parts_of(message))
    )
    move_counts(message.pk, COMMON_LANE, {DeliveryStatus.PENDING: 1})
