"""What a rule makes of an item: a campaign that waits for a person, or one that goes out at the rule's time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.compose.drafts import create_campaign
from publisher.errors import Explanation, InputError
from publisher.models import Account, Campaign, Item, Message, Rule
from publisher.review.approval import approve, submit
from publisher.review.planned import planned
from publisher.schedule.slots import next_slot
from publisher.vocabulary import RuleMode, RuleTiming

APPROVED = "approved"
IN_REVIEW = "in_review"


def make(rule: Rule, item: Item, now: datetime) -> tuple[Campaign, str]:
    """Make the campaign for one item; answers it with what became of it. Call it inside a transaction."""
    campaign = create_campaign(
        rule.organisation, [item], newsletter=rule.newsletter, accounts=list(rule.accounts.all()), rule=rule
    )
    refused = None
    if rule.mode == RuleMode.AUTOMATIC:
        refused = _approve(campaign, rule, now)
        if refused is None:
            return campaign, APPROVED
    if rule.timing == RuleTiming.NEXT_SLOT:
        _suggest(campaign, _earliest(_slots(campaign, now), now))
    submit(campaign, None, words=refused)
    return campaign, IN_REVIEW


def _approve(campaign: Campaign, rule: Rule, now: datetime) -> Explanation | None:
    """Approve it for the rule's time; if the checks refuse the draft, answers what the person who must look is told."""
    try:
        with transaction.atomic():
            approve(campaign, None, scheduled_at=_plan(campaign, rule, now))
        return None
    except InputError as error:
        campaign.refresh_from_db()
        return Explanation(
            gettext_noop("The rule “%(rule)s” made “%(title)s”, but it cannot go out by itself: %(why)s"),
            {"rule": rule.name, "title": campaign.title, "why": str(error)},
        )


def _plan(campaign: Campaign, rule: Rule, now: datetime) -> datetime:
    """The campaign's instant; at the channels' posting times each post gets its own."""
    if rule.timing == RuleTiming.AFTER_MINUTES:
        return now + timedelta(minutes=rule.delay_minutes)
    if rule.timing == RuleTiming.AT_ONCE:
        return now
    slots = _slots(campaign, now)
    for message, at in slots.items():
        if at is not None:
            Message.objects.filter(pk=message.pk).update(**planned(at, campaign.organisation.timezone))
    return _earliest(slots, now)


def _slots(campaign: Campaign, now: datetime) -> dict[Message, datetime | None]:
    """Each post's next posting time; the accounts are locked, so that two rules never choose the same one."""
    list(Account.objects.select_for_update().filter(messages__campaign=campaign).order_by("pk"))
    posts = Message.objects.filter(campaign=campaign, account__isnull=False).select_related("account__organisation")
    return {message: next_slot(message.account, now) for message in posts if message.account is not None}


def _earliest(slots: dict[Message, datetime | None], now: datetime) -> datetime:
    return min((at for at in slots.values() if at is not None), default=now)


def _suggest(campaign: Campaign, at: datetime) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(**planned(at, campaign.organisation.timezone))
    campaign.refresh_from_db()
