"""What a rule makes of an item: a campaign that waits for a person or goes out by itself; a part of an issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.compose.drafts import create_campaign
from publisher.errors import Explanation, InputError
from publisher.models import Account, Campaign, Item, Message, Newsletter, Rule
from publisher.review.approval import approve, submit
from publisher.review.planned import planned
from publisher.rules.issues import has_mail, join_next_issue, locked
from publisher.rules.pacing import pace_of, takes_slots
from publisher.schedule.slots import next_slot
from publisher.vocabulary import CampaignStatus, MatchOutcome, MessageStatus, NoticeKind, RuleMail, RuleMode, RuleTiming

# How far back posts can be that share a day or a gap with one to be planned, gaps apart.
_SAME_DAY = timedelta(days=2)
_BEGUN = (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW)


@dataclass(frozen=True)
class Made:
    """What became of an item: a campaign, the issue that it joined, when it goes out if that is known."""

    outcome: MatchOutcome
    campaign: Campaign | None = None
    issue: Campaign | None = None
    goes_at: datetime | None = None


def make(rule: Rule, item: Item, now: datetime, goes_at: datetime) -> Made:
    """Make what the rule makes of one item, to go out at `goes_at` if it does so by itself. Call it in a transaction.

    At the channels' posting times each post gets its own instead.
    """
    issue = None
    accounts = _without_it(rule, item)
    newsletter = rule.newsletter
    if newsletter is not None and rule.mail_as == RuleMail.NEXT_ISSUE:
        issue = _into_issue(rule, newsletter, item, now)
        newsletter = None
    elif newsletter is not None:
        newsletter = None if has_mail(locked(newsletter), item) else newsletter
    if newsletter is None and not accounts:
        return Made(MatchOutcome.JOINED if issue else _why_nowhere(rule, item), issue=issue)
    campaign = create_campaign(rule.organisation, [item], newsletter=newsletter, accounts=accounts, rule=rule)
    return _hand_on(rule, campaign, issue, now, goes_at)


def _without_it(rule: Rule, item: Item) -> list[Account]:
    """The rule's channels on which the item neither is nor is to be, whoever saw to that, in a draft, too; locked, so
    that two rules never both find one free."""
    accounts = Account.objects.select_for_update().filter(rules=rule).order_by("pk")
    posts = Message.objects.filter(account__in=accounts, campaign__chosen__item=item)
    posts = posts.exclude(status=MessageStatus.CANCELLED).exclude(campaign__status=CampaignStatus.CANCELLED)
    there = set(posts.values_list("account", flat=True))
    return [account for account in accounts if account.pk not in there]


def _why_nowhere(rule: Rule, item: Item) -> MatchOutcome:
    """Why the rule makes nothing of an item: it has gone out, or will; or a colleague writes of it and may still
    decide otherwise."""
    outlets = Q(account__rules=rule) | Q(newsletter=rule.newsletter_id, newsletter__isnull=False)
    begun = Message.objects.filter(outlets, campaign__chosen__item=item, campaign__status__in=_BEGUN)
    theirs = begun.filter(campaign__rule=None).exclude(status=MessageStatus.CANCELLED)
    return MatchOutcome.IN_DRAFT if theirs.exists() else MatchOutcome.ALREADY


def _hand_on(rule: Rule, campaign: Campaign, issue: Campaign | None, now: datetime, goes_at: datetime) -> Made:
    refused = None
    if rule.mode == RuleMode.AUTOMATIC:
        refused = _approve(campaign, rule, now, goes_at)
        if refused is None:
            return Made(MatchOutcome.APPROVED, campaign, issue, campaign.scheduled_at)
    if rule.timing == RuleTiming.NEXT_SLOT:
        _suggest(campaign, _earliest(_slots(campaign, rule, now), now))
    if refused:
        submit(campaign, None, words=refused)
    else:
        submit(campaign, None, words=_asks(rule, campaign), kind=NoticeKind.NEW_ITEM)
    return Made(MatchOutcome.IN_REVIEW, campaign, issue)


def _asks(rule: Rule, campaign: Campaign) -> Explanation:
    msgid = gettext_noop("The rule “%(rule)s” has made a draft of “%(title)s”.")
    return Explanation(msgid, {"rule": rule.name, "title": campaign.title})


def _into_issue(rule: Rule, newsletter: Newsletter, item: Item, now: datetime) -> Campaign | None:
    """Whoever approves is told once, when an issue begins; not of each item that joins it."""
    joined = join_next_issue(rule, item, now)
    if joined is None:
        return None
    issue, is_new = joined
    if is_new and rule.mode == RuleMode.REVIEW:
        msgid = gettext_noop("The rule “%(rule)s” has begun the next issue of “%(newsletter)s” with “%(title)s”.")
        values = {"rule": rule.name, "newsletter": newsletter.name, "title": item.title}
        notify_approvers(rule.organisation, NoticeKind.NEW_ITEM, issue, Explanation(msgid, values))
    return issue


def _approve(campaign: Campaign, rule: Rule, now: datetime, goes_at: datetime) -> Explanation | None:
    """Approve it for the rule's time; if the checks refuse the draft, answers what the person who must look is told."""
    try:
        with transaction.atomic():
            approve(campaign, None, scheduled_at=_plan(campaign, rule, now) if takes_slots(rule) else goes_at)
        return None
    except InputError as error:
        campaign.refresh_from_db()
        return Explanation(
            gettext_noop("The rule “%(rule)s” made “%(title)s”, but it cannot go out by itself: %(why)s"),
            {"rule": rule.name, "title": campaign.title, "why": str(error)},
        )


def _plan(campaign: Campaign, rule: Rule, now: datetime) -> datetime:
    """Give each post its channel's next posting time; answers the campaign's instant, the first of them."""
    slots = _slots(campaign, rule, now)
    for message, at in slots.items():
        if at is not None:
            Message.objects.filter(pk=message.pk).update(**planned(at, campaign.organisation.timezone))
    return _earliest(slots, pace_of(rule).quiet.free_from(now))


def _slots(campaign: Campaign, rule: Rule, now: datetime) -> dict[Message, datetime | None]:
    """Each post's next posting time that the rule's pace allows on its channel; the accounts are locked, so that two
    rules never choose the same one."""
    list(Account.objects.select_for_update().filter(messages__campaign=campaign).order_by("pk"))
    posts = Message.objects.filter(campaign=campaign, account__isnull=False).select_related("account__organisation")
    return {message: _slot(message.account, rule, now) for message in posts if message.account is not None}


def _slot(account: Account, rule: Rule, now: datetime) -> datetime | None:
    pace = pace_of(rule)
    posts = Message.objects.filter(account=account, campaign__rule=rule).exclude(status=MessageStatus.CANCELLED)
    times = posts.annotate(at=Coalesce("scheduled_at", "campaign__scheduled_at"))
    taken = list(times.filter(at__gt=now - pace.gap - _SAME_DAY).values_list("at", flat=True))
    return next_slot(account, now, fits=lambda at: pace.fits(at, taken))


def _earliest(slots: dict[Message, datetime | None], otherwise: datetime) -> datetime:
    return min((at for at in slots.values() if at is not None), default=otherwise)


def _suggest(campaign: Campaign, at: datetime) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(**planned(at, campaign.organisation.timezone))
    campaign.refresh_from_db()
