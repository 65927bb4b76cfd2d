"""A newsletter's next issue: begun by a rule, joined until it is handed in, each item once, at the suggested time."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
import time_machine
from django.utils import timezone

from publisher.compose.drafts import arrange_blocks, create_campaign
from publisher.models import Account, Campaign, Newsletter, Notice, Organisation, Rule, RuleMatch, User
from publisher.review.approval import approve, cancel, submit, to_draft
from publisher.rules.matching import apply_rules
from publisher.schedule.issues import next_issue_time
from publisher.vocabulary import BlockKind, CampaignStatus, NoticeKind, Outlet, RuleMail, RuleMode
from tests.review.send_outs import mail_of, soon
from tests.rules.news import news

pytestmark = pytest.mark.database

# A Wednesday.
NOW = datetime(2027, 3, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def rule(secretariat: Organisation, newsletter: Newsletter) -> Rule:
    return Rule.objects.create(
        organisation=secretariat, name="Til næste nummer", newsletter=newsletter, mail_as=RuleMail.NEXT_ISSUE
    )


def apply() -> list[int]:
    return apply_rules(timezone.now())


def issue() -> Campaign:
    found = Newsletter.objects.get().open_issue
    assert found is not None
    return found


def stories(campaign: Campaign) -> list[tuple[str, str]]:
    return [(block.kind, block.content["title"]) for block in mail_of(campaign).blocks.all()]


def test_items_gather_in_one_draft(rule: Rule, secretariat: Organisation, bo: User) -> None:
    news(secretariat, "Et")
    assert apply() == [], "an issue that gathers is no send-out yet"
    begun = issue()
    assert (begun.status, begun.rule, begun.title) == (CampaignStatus.DRAFT, rule, "Kulturnyt: Et")
    news(secretariat, "To")
    news(secretariat, "Tre")
    apply()
    assert issue() == begun and Campaign.objects.count() == 1
    assert stories(begun) == [
        (BlockKind.LEAD_STORY, "Et"), (BlockKind.STORY, "To"), (BlockKind.STORY, "Tre"),
    ]  # fmt: skip
    assert [chosen.item.title for chosen in begun.chosen.all()] == ["Et", "To", "Tre"]
    assert issue().revision == 3, "nobody approves what they did not see"
    assert set(RuleMatch.objects.values_list("outcome", "issue")) == {("joined", begun.pk)}
    notice = Notice.objects.get()
    assert (notice.kind, notice.user, notice.subject_id) == (NoticeKind.NEW_ITEM, bo, begun.pk), "one for an issue"


@pytest.mark.parametrize("how", ["submitted", "approved", "cancelled", "without its mail"])
def test_once_it_is_handed_in_the_next_one_begins(
    rule: Rule, secretariat: Organisation, newsletter: Newsletter, anna: User, bo: User, how: str
) -> None:
    news(secretariat, "Et")
    apply()
    first = issue()
    if how == "submitted":
        submit(first, anna)
    elif how == "approved":
        approve(first, bo, scheduled_at=soon())
    elif how == "cancelled":
        cancel(first, anna)
    else:
        mail_of(first).delete()
    news(secretariat, "To")
    apply()
    assert issue() != first and stories(issue()) == [(BlockKind.LEAD_STORY, "To")]


def test_taken_back_to_draft_it_is_the_open_one_again(rule: Rule, secretariat: Organisation, anna: User) -> None:
    news(secretariat, "Et")
    apply()
    first = issue()
    submit(first, anna)
    to_draft(Campaign.objects.get(pk=first.pk), anna)
    news(secretariat, "To")
    apply()
    assert issue() == first and len(stories(first)) == 2


def test_what_a_person_took_out_of_an_issue_no_other_rule_puts_in_again(rule: Rule, secretariat: Organisation) -> None:
    for title in ("Et", "To"):
        news(secretariat, title)
    apply()
    message = mail_of(issue())
    arrange_blocks(message, [message.blocks.get(item__title="To").pk])
    Rule.objects.create(
        organisation=secretariat, name="Senere", newsletter=rule.newsletter, mail_as=RuleMail.NEXT_ISSUE
    )
    apply()
    assert stories(issue()) == [(BlockKind.LEAD_STORY, "To")]


def test_readers_get_an_item_once_whoever_put_it_there(
    rule: Rule, secretariat: Organisation, newsletter: Newsletter, anna: User
) -> None:
    """A second rule, and a person."""
    Rule.objects.create(organisation=secretariat, name="Også", newsletter=newsletter, mail_as=RuleMail.NEXT_ISSUE)
    news(secretariat, "Et")
    by_hand = news(secretariat, "I hånden")
    create_campaign(secretariat, [by_hand], newsletter=newsletter)
    apply()
    assert stories(issue()) == [(BlockKind.LEAD_STORY, "Et")]
    assert sorted(RuleMatch.objects.values_list("outcome", flat=True)) == ["already", "in_draft", "in_draft", "joined"]
    submit(issue(), anna)
    Rule.objects.create(organisation=secretariat, name="Senere", newsletter=newsletter, mail_as=RuleMail.NEXT_ISSUE)
    apply()
    assert Campaign.objects.count() == 2


def test_both_the_issue_and_posts(rule: Rule, secretariat: Organisation, practice_account: Account, bo: User) -> None:
    """The posts go out by themselves; the issue always waits for a person."""
    rule.accounts.add(practice_account)
    Rule.objects.update(mode=RuleMode.AUTOMATIC, min_gap_minutes=60)
    for title in ("Et", "To"):
        news(secretariat, title)
    (made,) = apply()
    posts = Campaign.objects.get(pk=made)
    assert posts.status == CampaignStatus.APPROVED
    assert [message.outlet for message in posts.messages.all()] == [Outlet.POST]
    assert issue().status == CampaignStatus.DRAFT and stories(issue()) == [(BlockKind.LEAD_STORY, "Et")]
    match = RuleMatch.objects.get(campaign=posts)
    assert (match.outcome, match.issue) == ("approved", issue())
    assert not Notice.objects.exists()


def test_the_daily_limit_holds_and_neither_gap_nor_quiet_hours_matter_to_a_draft(
    rule: Rule, secretariat: Organisation
) -> None:
    Rule.objects.update(
        mode=RuleMode.AUTOMATIC, min_gap_minutes=600, daily_cap=2, quiet_from=time(0, 1), quiet_until=time(0)
    )
    for title in ("Et", "To", "Tre"):
        news(secretariat, title)
    apply()
    assert len(stories(issue())) == 2
    assert sorted(RuleMatch.objects.values_list("outcome", flat=True)) == ["capped", "joined", "joined"]


# --- The cadence -------------------------------------------------------------------------------------------------


def cadence(newsletter: Newsletter, *days: int, at: time = time(8)) -> None:
    newsletter.issue_days, newsletter.issue_time = list(days), at
    newsletter.save()


def test_the_next_time_of_the_cadence(newsletter: Newsletter) -> None:
    assert next_issue_time(newsletter, NOW) is None
    cadence(newsletter, 3, 0)
    thursday, monday = datetime(2027, 3, 25, 7, 0, tzinfo=UTC), datetime(2027, 3, 29, 6, 0, tzinfo=UTC)
    assert next_issue_time(newsletter, NOW) == thursday
    assert next_issue_time(newsletter, thursday) == monday, "the clocks go forward between them"
    cadence(newsletter, 6, at=time(2, 30))
    assert next_issue_time(newsletter, NOW) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "there is no half past two"


def test_an_issue_is_suggested_for_a_time_that_no_other_has(
    rule: Rule, secretariat: Organisation, newsletter: Newsletter, bo: User
) -> None:
    cadence(newsletter, 3)
    with time_machine.travel(NOW, tick=False):
        news(secretariat, "Et")
        apply()
        first = issue()
        assert first.scheduled_at == datetime(2027, 3, 25, 7, 0, tzinfo=UTC)
        approve(first, bo, scheduled_at=first.scheduled_at)
        news(secretariat, "To")
        apply()
        assert issue().scheduled_at == datetime(2027, 4, 1, 6, 0, tzinfo=UTC)
