"""Drafts as people make them: one per press of a button, who wrote it on the timeline, and when they want it sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.compose.drafts import create_campaign
from publisher.errors import InputError
from publisher.models import Account, AuditEntry, Campaign, Item, Message, Newsletter, Organisation, User
from publisher.review.moves import CHANGED_MEANWHILE
from publisher.review.planned import UNPLANNED, planned
from publisher.vocabulary import CampaignStatus, MessageStatus

# The same untouched draft asked for again within this time is a second press of the same button.
SAME_PRESS = timedelta(minutes=2)
CREATED, EDITED = "created", "edited"


@transaction.atomic
def start_draft(
    organisation: Organisation,
    items: Sequence[Item],
    user: User,
    *,
    newsletter: Newsletter | None = None,
    accounts: Sequence[Account] = (),
) -> Campaign:
    """Make a draft for `user`; asked twice in a row for the same, it answers the first one.

    Raises PermissionDenied, and InputError as `create_campaign` does.
    """
    require(user, "edit", organisation)
    # Two presses wait for each other here.
    User.objects.select_for_update().get(pk=user.pk)
    again = _same_press(organisation, items, user, newsletter, accounts)
    if again is not None:
        return again
    campaign = create_campaign(organisation, items, newsletter=newsletter, accounts=accounts, user=user)
    record(organisation, user, CREATED, campaign, gettext_noop("Draft made"))
    return campaign


def _same_press(
    organisation: Organisation,
    items: Sequence[Item],
    user: User,
    newsletter: Newsletter | None,
    accounts: Sequence[Account],
) -> Campaign | None:
    fresh = Campaign.objects.filter(
        organisation=organisation,
        created_by=user,
        status=CampaignStatus.DRAFT,
        revision=1,
        created_at__gte=timezone.now() - SAME_PRESS,
    ).prefetch_related("chosen", "messages")
    outlets: set[tuple[int | None, int | None]] = {(None, account.pk) for account in accounts}
    if newsletter:
        outlets.add((newsletter.pk, None))
    for campaign in fresh:
        same_outlets = {(message.newsletter_id, message.account_id) for message in campaign.messages.all()} == outlets
        if same_outlets and [each.item_id for each in campaign.chosen.all()] == [item.pk for item in items]:
            return campaign
    return None


@transaction.atomic
def open_for_change(campaign: Campaign, user: User) -> Campaign:
    """Lock a draft for a change by `user` and note on the timeline that they wrote; answers it as stored now.

    A person who goes on writing is noted once. Raises PermissionDenied, or InputError if it is no draft any more.
    """
    require(user, "edit", campaign.organisation)
    stored = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if stored.status != CampaignStatus.DRAFT:
        raise InputError(CHANGED_MEANWHILE)
    last = AuditEntry.objects.filter(subject_kind="campaign", subject_id=campaign.pk).last()
    if last is None or (last.action, last.user_id) not in {(EDITED, user.pk), (CREATED, user.pk)}:
        record(campaign.organisation, user, EDITED, campaign, gettext_noop("Draft changed"))
    return stored


def last_hand(campaign: Campaign) -> User | None:
    """Who last did something to the campaign."""
    last = AuditEntry.objects.filter(subject_kind="campaign", subject_id=campaign.pk).select_related("user").last()
    return last.user if last else None


def suggest_time(campaign: Campaign, at: datetime | None, wall: datetime | None = None) -> None:
    """Keep the instant that the writer has in mind (None: as soon as it is approved) with the draft.

    `wall` (naive) is how they meant it in the organisation's zone. Raises InputError if it is no draft any more.
    """
    time = planned(at, campaign.organisation.timezone, wall) if at else UNPLANNED
    if not Campaign.objects.filter(pk=campaign.pk, status=CampaignStatus.DRAFT).update(**time):
        raise InputError(CHANGED_MEANWHILE)
    for name, value in time.items():
        setattr(campaign, name, value)


def suggest_own_times(campaign: Campaign, times: Mapping[int, datetime | None]) -> None:
    """Keep a time of its own with each of a draft's messages (by id); None lets it follow the send-out's.

    Call it after `suggest_time`, in the same transaction.
    """
    drafts = Message.objects.filter(campaign=campaign, status=MessageStatus.DRAFT)
    for pk, at in times.items():
        drafts.filter(pk=pk).update(**(planned(at, campaign.organisation.timezone) if at else UNPLANNED))
