"""The automatic path: what a rule takes up, what it leaves, what it makes, and what it tells whom."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from publisher.compose.drafts import create_campaign
from publisher.models import (
    Account,
    Area,
    Campaign,
    Delivery,
    Item,
    Message,
    Newsletter,
    Notice,
    Organisation,
    Rule,
    RuleMatch,
    Sighting,
    Slot,
    Source,
    Topic,
    User,
)
from publisher.review.approval import cancel
from publisher.rules.matching import apply_rules
from publisher.rules.wanted import matches
from publisher.vocabulary import CampaignStatus, ItemState, MessageStatus, NoticeKind, Outlet, RuleMode, RuleTiming
from tests.review.send_outs import mail_of, post_of
from tests.rules.news import HOUR, news

pytestmark = pytest.mark.database


@pytest.fixture
def rule(secretariat: Organisation, newsletter: Newsletter, practice_account: Account) -> Rule:
    """Everything new, as a mail and a post, first looked at by a person."""
    rule = Rule.objects.create(organisation=secretariat, name="Alt nyt", newsletter=newsletter, daily_cap=3)
    rule.accounts.add(practice_account)
    return rule


def apply() -> list[Campaign]:
    return [Campaign.objects.get(pk=pk) for pk in apply_rules(timezone.now())]


def automatic(rule: Rule, **fields: object) -> None:
    Rule.objects.filter(pk=rule.pk).update(mode=RuleMode.AUTOMATIC, **fields)


# --- What it takes up -------------------------------------------------------------------------------------------


def test_a_new_item_becomes_a_draft_that_waits_for_a_person(rule: Rule, secretariat: Organisation, bo: User) -> None:
    item = news(secretariat, "Åben øvelse")
    (campaign,) = apply()
    assert (campaign.status, campaign.rule) == (CampaignStatus.IN_REVIEW, rule)
    assert [chosen.item for chosen in campaign.chosen.all()] == [item]
    assert {message.outlet for message in campaign.messages.all()} == {Outlet.EMAIL, Outlet.POST}
    assert {message.status for message in campaign.messages.all()} == {MessageStatus.DRAFT}
    notice = Notice.objects.get()
    assert (notice.kind, notice.user, notice.subject_id) == (NoticeKind.NEW_ITEM, bo, campaign.pk)
    assert RuleMatch.objects.get().outcome == "in_review"
    assert not Delivery.objects.exists()


def test_an_item_is_taken_up_once_ever(rule: Rule, secretariat: Organisation) -> None:
    item = news(secretariat, "Åben øvelse")
    assert len(apply()) == 1
    Campaign.objects.all().delete()
    Item.objects.filter(pk=item.pk).update(revision=2, title="Åben øvelse flyttet")
    assert apply() == []


def test_of_two_rules_the_second_leaves_out_what_is_there_already(
    rule: Rule, secretariat: Organisation, newsletter: Newsletter, practice_account: Account
) -> None:
    also = Rule.objects.create(organisation=secretariat, name="Også", newsletter=newsletter)
    also.accounts.add(practice_account)
    news(secretariat, "Åben øvelse")
    assert len(apply()) == 1
    assert RuleMatch.objects.get(rule=also).outcome == "already"


@pytest.mark.parametrize("status", [CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED])
def test_a_rule_does_not_post_beside_what_a_colleague_has_begun(
    rule: Rule, secretariat: Organisation, practice_account: Account, status: CampaignStatus
) -> None:
    mine = create_campaign(secretariat, [news(secretariat, "Åben øvelse")], accounts=[practice_account])
    Campaign.objects.filter(pk=mine.pk).update(status=status)
    (made,) = apply()
    assert set(made.messages.values_list("outlet", flat=True)) == {Outlet.EMAIL}, "it is to be posted already"


def test_a_colleagues_draft_for_all_of_it_leaves_the_rule_nothing_and_it_says_so(
    rule: Rule, secretariat: Organisation, newsletter: Newsletter, practice_account: Account, anna: User
) -> None:
    item = news(secretariat, "Åben øvelse")
    create_campaign(secretariat, [item], newsletter=newsletter, accounts=[practice_account], user=anna)
    assert apply() == []
    with translation.override("en"):
        assert RuleMatch.objects.get().get_outcome_display() == "Left out: a colleague has begun a send-out of it"


def test_a_draft_that_was_cancelled_leaves_the_item_to_the_rule(
    rule: Rule, secretariat: Organisation, newsletter: Newsletter, practice_account: Account, anna: User
) -> None:
    item = news(secretariat, "Åben øvelse")
    mine = create_campaign(secretariat, [item], newsletter=newsletter, accounts=[practice_account], user=anna)
    cancel(mine, anna)
    (made,) = apply()
    assert made.messages.count() == 2


def test_the_oldest_goes_first(rule: Rule, secretariat: Organisation) -> None:
    news(secretariat, "ny", published=HOUR)
    news(secretariat, "gammel", published=5 * HOUR)
    news(secretariat, "uden dato", published=None, seen=3 * HOUR)
    assert [campaign.title for campaign in apply()] == ["gammel", "uden dato", "ny"]


@pytest.mark.parametrize(
    ("seen", "published", "taken"),
    [
        (1, 1, True),
        (1, 71, True),
        (1, 73, False),
        (1, None, True),
        (71, None, True),
        (73, None, False),
        (400, 1, False),
    ],
)
def test_nothing_older_than_the_limit(
    rule: Rule, secretariat: Organisation, seen: int, published: int | None, taken: bool
) -> None:
    """The limit is 72 hours; the last case was seen long before the rule was made, and got its date later."""
    news(secretariat, "Nyhed", seen=seen * HOUR, published=None if published is None else published * HOUR)
    assert bool(apply()) is taken


def test_an_item_seen_since_the_rule_was_made_counts_by_its_date(rule: Rule, secretariat: Organisation) -> None:
    Rule.objects.filter(pk=rule.pk).update(created_at=timezone.now() - timedelta(days=60))
    news(secretariat, "kommende", seen=400 * HOUR, published=HOUR)
    assert len(apply()) == 1


def test_the_back_catalogue_is_left_alone(rule: Rule, secretariat: Organisation) -> None:
    item = news(secretariat, "Fra før")
    Item.objects.filter(pk=item.pk).update(state=ItemState.SEEN)
    assert apply() == []
    Item.objects.filter(pk=item.pk).update(state=ItemState.NEW)
    assert len(apply()) == 1


def test_another_organisations_news_is_left_alone(rule: Rule, elsewhere: Organisation) -> None:
    news(elsewhere, "Museets")
    assert apply() == []


def test_only_the_chosen_sources(rule: Rule, secretariat: Organisation, source: Source) -> None:
    other = Source.objects.create(organisation=secretariat, kind="feed", name="Anden")
    ours, theirs, both = (news(secretariat, title) for title in ("vores", "deres", "begges"))
    for origin, item in ((source, ours), (other, theirs), (source, both), (other, both)):
        Sighting.objects.create(source=origin, item=item, external_key=f"{origin.pk}-{item.pk}")
    rule.sources.add(source)
    assert {campaign.title for campaign in apply()} == {"vores", "begges"}
    assert matches(rule, ours) and matches(rule, both) and not matches(rule, theirs)


def test_topics_and_areas_must_both_be_met_by_any_of_those_chosen(rule: Rule, secretariat: Organisation) -> None:
    music, art = (Topic.objects.create(organisation=secretariat, name=name, slug=name) for name in ("musik", "kunst"))
    aero, fyn = (Area.objects.create(organisation=secretariat, name=name, slug=name) for name in ("aeroe", "fyn"))
    rule.topics.add(music, art)
    rule.areas.add(aero)
    for title, topics, areas in (
        ("passer", [music], [aero]),
        ("begge", [music, art], [aero, fyn]),
        ("emne alene", [art], [fyn]),
        ("sted alene", [], [aero]),
        ("intet", [], []),
    ):
        item = news(secretariat, title)
        item.topics.set(topics)
        item.areas.set(areas)
    assert {campaign.title for campaign in apply()} == {"passer", "begge"}


def test_a_rule_that_is_off_or_leads_nowhere_does_nothing(rule: Rule, secretariat: Organisation) -> None:
    Rule.objects.create(organisation=secretariat, name="Uden mål")
    Rule.objects.filter(pk=rule.pk).update(active=False)
    news(secretariat, "Nyhed")
    assert apply() == []
    assert not RuleMatch.objects.exists()


# --- The daily limit --------------------------------------------------------------------------------------------


def test_over_the_daily_limit_items_are_noted_and_left(rule: Rule, secretariat: Organisation) -> None:
    for number in range(5):
        news(secretariat, f"Nyhed {number}", published=(10 - number) * HOUR)
    assert [campaign.title for campaign in apply()] == ["Nyhed 0", "Nyhed 1", "Nyhed 2"]
    assert RuleMatch.objects.filter(outcome="capped", campaign=None).count() == 2
    assert apply() == []


def test_what_was_left_over_the_limit_does_not_use_it_up(rule: Rule, secretariat: Organisation) -> None:
    for number in range(5):
        news(secretariat, f"Nyhed {number}")
    assert len(apply()) == 3
    Rule.objects.filter(pk=rule.pk).update(daily_cap=4)
    news(secretariat, "endnu en")
    news(secretariat, "og en til")
    assert len(apply()) == 1


def test_the_limit_counts_by_the_organisations_day(rule: Rule, secretariat: Organisation) -> None:
    """22:30 UTC in July is half past midnight in Copenhagen: a new day."""
    Rule.objects.filter(pk=rule.pk).update(daily_cap=1, created_at=datetime(2027, 7, 1, tzinfo=UTC))
    with time_machine.travel(datetime(2027, 7, 5, 20, 0, tzinfo=UTC), tick=False):
        news(secretariat, "aften")
        news(secretariat, "aften igen")
        assert len(apply()) == 1
    with time_machine.travel(datetime(2027, 7, 5, 21, 30, tzinfo=UTC), tick=False):
        news(secretariat, "sen aften")
        assert apply() == []
    with time_machine.travel(datetime(2027, 7, 5, 22, 30, tzinfo=UTC), tick=False):
        news(secretariat, "efter midnat")
        assert [campaign.title for campaign in apply()] == ["efter midnat"]


# --- The automatic mode -----------------------------------------------------------------------------------------


def test_automatic_and_at_once(rule: Rule, secretariat: Organisation, bo: User) -> None:
    automatic(rule)
    news(secretariat, "Nyhed")
    before = timezone.now()
    (campaign,) = apply()
    assert (campaign.status, campaign.approved_by) == (CampaignStatus.APPROVED, None)
    assert campaign.scheduled_at is not None and before <= campaign.scheduled_at <= timezone.now()
    assert {message.status for message in campaign.messages.all()} == {MessageStatus.SCHEDULED}
    assert Delivery.objects.get().message == post_of(campaign)
    assert RuleMatch.objects.get().outcome == "approved"
    assert not Notice.objects.exists()


def test_automatic_after_some_minutes(rule: Rule, secretariat: Organisation) -> None:
    automatic(rule, timing=RuleTiming.AFTER_MINUTES, delay_minutes=30)
    news(secretariat, "Nyhed")
    now = timezone.now()
    (pk,) = apply_rules(now)
    assert Campaign.objects.get(pk=pk).scheduled_at == now + timedelta(minutes=30)


def test_automatic_at_each_channels_next_posting_time_and_the_mail_with_the_first(
    rule: Rule, secretariat: Organisation, practice_account: Account
) -> None:
    other = Account.objects.create(organisation=secretariat, kind="practice", name="Anden", credentials={"token": "x"})
    rule.accounts.add(other)
    automatic(rule, timing=RuleTiming.NEXT_SLOT)
    at = datetime(2027, 7, 5, 6, 0, tzinfo=UTC)
    with time_machine.travel(at, tick=False):
        Slot.objects.create(account=practice_account, weekday=0, time=time(16, 0))
        Slot.objects.create(account=other, weekday=1, time=time(9, 0))
        for title in ("første", "anden"):
            news(secretariat, title)
        first, second = apply()
    planned = {
        (m.campaign_id, m.account.name if m.account else "mail"): m.scheduled_at for m in Message.objects.all()
    }  # fmt: skip
    assert planned[first.pk, "Prøvekanal"] == planned[first.pk, "mail"] == datetime(2027, 7, 5, 14, 0, tzinfo=UTC)
    assert planned[first.pk, "Anden"] == datetime(2027, 7, 6, 7, 0, tzinfo=UTC)
    assert planned[second.pk, "Anden"] == datetime(2027, 7, 13, 7, 0, tzinfo=UTC)
    assert planned[second.pk, "Prøvekanal"] == planned[second.pk, "mail"] == datetime(2027, 7, 12, 14, 0, tzinfo=UTC)


def test_without_posting_times_the_next_one_is_now(rule: Rule, secretariat: Organisation) -> None:
    automatic(rule, timing=RuleTiming.NEXT_SLOT)
    news(secretariat, "Nyhed")
    now = timezone.now()
    (pk,) = apply_rules(now)
    assert {message.scheduled_at for message in Message.objects.filter(campaign=pk)} == {now}


def test_for_review_the_next_posting_time_is_a_suggestion(
    rule: Rule, secretariat: Organisation, practice_account: Account
) -> None:
    Rule.objects.filter(pk=rule.pk).update(timing=RuleTiming.NEXT_SLOT)
    with time_machine.travel(datetime(2027, 7, 5, 6, 0, tzinfo=UTC), tick=False):
        Slot.objects.create(account=practice_account, weekday=0, time=time(16, 0))
        news(secretariat, "Nyhed")
        (campaign,) = apply()
    assert campaign.status == CampaignStatus.IN_REVIEW
    assert campaign.scheduled_at == datetime(2027, 7, 5, 14, 0, tzinfo=UTC)
    assert (mail_of(campaign).scheduled_at, post_of(campaign).scheduled_at) == (None, None)


def test_what_the_checks_refuse_waits_for_a_person_who_is_told_why(
    rule: Rule, secretariat: Organisation, bo: User
) -> None:
    automatic(rule)
    Organisation.objects.filter(pk=secretariat.pk).update(postal_line="")
    news(secretariat, "Nyhed")
    (campaign,) = apply()
    assert campaign.status == CampaignStatus.IN_REVIEW
    assert {message.status for message in campaign.messages.all()} == {MessageStatus.DRAFT}
    notice = Notice.objects.get(user=bo)
    assert notice.kind == NoticeKind.REVIEW_READY
    assert notice.explanation["params"]["rule"] == "Alt nyt" and notice.explanation["params"]["why"]
    assert not Delivery.objects.exists()


# --- When something goes wrong ----------------------------------------------------------------------------------


def test_one_item_that_cannot_be_used_does_not_stop_the_others(
    rule: Rule, secretariat: Organisation, elsewhere: Organisation, bo: User
) -> None:
    """A rule cannot use another organisation's channel; its neighbour works on."""
    broken = Rule.objects.create(organisation=secretariat, name="Fremmed kanal")
    broken.accounts.add(Account.objects.create(organisation=elsewhere, kind="practice", name="Museets"))
    news(secretariat, "Nyhed")
    (campaign,) = apply()
    assert campaign.rule == rule
    match = RuleMatch.objects.get(rule=broken)
    assert (match.outcome, match.campaign) == ("failed", None)
    notice = Notice.objects.get(kind=NoticeKind.ALERT)
    assert (notice.user, notice.subject_kind, notice.subject_id) == (bo, "rule", broken.pk)
    assert notice.explanation["params"]["item"] == "Nyhed"
    assert apply() == [], "it is not tried again and again"
    assert Notice.objects.filter(kind=NoticeKind.ALERT).count() == 1


def test_failures_count_towards_the_daily_limit_so_that_alerts_do(
    secretariat: Organisation, elsewhere: Organisation, bo: User
) -> None:
    broken = Rule.objects.create(organisation=secretariat, name="Fremmed kanal", daily_cap=2)
    broken.accounts.add(Account.objects.create(organisation=elsewhere, kind="practice", name="Museets"))
    for number in range(5):
        news(secretariat, f"Nyhed {number}")
    assert apply() == []
    assert Notice.objects.filter(kind=NoticeKind.ALERT).count() == 2
    assert RuleMatch.objects.filter(outcome="capped").count() == 3
