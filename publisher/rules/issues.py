"""A newsletter's next issue: the draft that rules gather items in until somebody hands it in."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.compose.drafts import TITLE_LENGTH, add_story, create_campaign
from publisher.compose.values import one_line, shorten
from publisher.models import Campaign, Item, Message, Newsletter, Rule
from publisher.review.planned import planned
from publisher.schedule.issues import next_issue_time
from publisher.vocabulary import CampaignStatus, MessageStatus


@transaction.atomic
def join_next_issue(rule: Rule, item: Item, now: datetime) -> tuple[Campaign, bool] | None:
    """Put an item into the next issue of the rule's newsletter; answers the issue and whether it began with it.

    None if a mail of that newsletter has the item already, whoever put it there: its readers get it once.
    """
    assert rule.newsletter is not None, "it goes into a newsletter's issue"
    # One at a time for a newsletter: so it has one open issue, and an item joins once.
    newsletter = locked(rule.newsletter)
    if has_mail(newsletter, item):
        return None
    message = _open_mail(newsletter)
    if message is None:
        return _begin(newsletter, rule, item, now), True
    add_story(message, item)
    _note(rule, message.campaign, item)
    return message.campaign, False


def locked(newsletter: Newsletter) -> Newsletter:
    """The newsletter's row, which nobody else changes until this transaction ends."""
    rows = Newsletter.objects.select_for_update(of=("self",)).select_related("organisation")
    return rows.get(pk=newsletter.pk)


def has_mail(newsletter: Newsletter, item: Item) -> bool:
    """Whether a mail of the newsletter has the item, one that is still written included; or a person has taken out
    again what a rule had put in."""
    has_it = Q(campaign__chosen__item=item) | Q(campaign__joined_by__item=item)
    mails = Message.objects.filter(has_it, newsletter=newsletter)
    return mails.exclude(status=MessageStatus.CANCELLED).exclude(campaign__status=CampaignStatus.CANCELLED).exists()


def _open_mail(newsletter: Newsletter) -> Message | None:
    """The mail of the open issue, locked; None if there is none that is still a draft."""
    if newsletter.open_issue_id is None:
        return None
    issues = Campaign.objects.select_for_update().filter(status=CampaignStatus.DRAFT)
    issue = issues.filter(pk=newsletter.open_issue_id).first()
    mails = Message.objects.filter(campaign=issue, newsletter=newsletter, status=MessageStatus.DRAFT)
    return mails.select_related("campaign__organisation").first() if issue else None


def _begin(newsletter: Newsletter, rule: Rule, item: Item, now: datetime) -> Campaign:
    title = shorten(one_line(f"{newsletter.name}: {item.title}"), TITLE_LENGTH)
    issue = create_campaign(rule.organisation, [item], newsletter=newsletter, rule=rule, title=title)
    if at := next_issue_time(newsletter, now):
        Campaign.objects.filter(pk=issue.pk).update(**planned(at, newsletter.organisation.timezone))
        issue.refresh_from_db()
    Newsletter.objects.filter(pk=newsletter.pk).update(open_issue=issue)
    _note(rule, issue, item)
    return issue


def _note(rule: Rule, issue: Campaign, item: Item) -> None:
    words = gettext_noop("The rule “%(rule)s” put “%(item)s” in")
    record(rule.organisation, None, "item_joined", issue, words, rule=rule.name, item=item.title)
