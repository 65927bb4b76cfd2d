"""What waits for a rule's turn is seen where people plan: the item, the list, the first page, the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from publisher.models import Account, Campaign, Item, Newsletter, Organisation, Rule, RuleMatch
from publisher.review.approval import cancel
from publisher.rules.matching import apply_rules
from publisher.vocabulary import CampaignStatus, RuleMode
from tests.review.send_outs import send_out
from tests.rules.news import news
from tests.web.desk import questions
from tests.web.office import words

pytestmark = pytest.mark.database

EVENING = datetime(2026, 11, 26, 21, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)
WAITS = "The rule “Natten over” sends it to Prøvekanal (Practice channel) Friday 27 November at 07:00."


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is half past ten in the evening in Copenhagen, Thursday 26 November 2026."""
    with time_machine.travel(EVENING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def rule(clock: time_machine.Traveller, secretariat: Organisation, practice_account: Account) -> Rule:
    """Quiet from nine in the evening until seven."""
    rule = Rule.objects.create(
        organisation=secretariat, name="Natten over", mode=RuleMode.AUTOMATIC,
        quiet_from=time(21, 0), quiet_until=time(7, 0),
    )  # fmt: skip
    rule.accounts.add(practice_account)
    return rule


@pytest.fixture
def item(rule: Rule, secretariat: Organisation) -> Item:
    """It waits until the morning."""
    item = news(secretariat, "Åben øvelse")
    assert apply_rules(timezone.now()) == []
    assert RuleMatch.objects.get().outcome == "waiting"
    return item


def test_the_item_and_the_list_say_which_rule_sends_it_where_and_when(item: Item, annas: Client) -> None:
    page = words(annas.get(f"/news/{item.pk}"))
    assert page.count(WAITS) == 2 and "Not used yet" not in page and "Planned by a rule" in page
    assert WAITS in words(annas.get("/news?show=planned"))
    assert item.title not in words(annas.get("/news")), "it is not new: it is planned"


def test_the_first_page_and_the_calendar_have_it_at_its_time(item: Item, rule: Rule, annas: Client) -> None:
    page = words(annas.get("/"))
    assert (
        "Goes out next 07:00 Fri 27 Nov Åben øvelse Prøvekanal (Practice channel) "
        "· the rule “Natten over” Planned by a rule" in page
    )
    assert "Nothing is planned" not in page and "No unused news." in page
    day = words(annas.get("/calendar/2026/11"))
    assert "07:00 Åben øvelse Practice channel Planned by a rule" in day and "1 send-out." in day


def test_planning_it_by_hand_says_so(item: Item, newsletter: Newsletter, annas: Client) -> None:
    page = words(annas.get(f"/news/{item.pk}/plan"))
    assert WAITS in page and "the rule leaves that place to you" in page


def test_a_colleagues_draft_for_the_same_channel_keeps_the_rule_from_posting_beside_it(
    item: Item, practice_account: Account, annas: Client, clock: time_machine.Traveller
) -> None:
    draft = send_out(item, None, practice_account)
    page = words(annas.get(f"/news/{item.pk}"))
    assert "The rule “Natten over” does not send it: a colleague sees to it." in page
    assert "Planned by a rule" not in words(annas.get("/")) + words(annas.get("/calendar/2026/11"))
    clock.move_to(MORNING)
    assert apply_rules(timezone.now()) == []
    assert RuleMatch.objects.get().get_outcome_display() == "Left out: a colleague has begun a send-out of it"
    assert Campaign.objects.get() == draft


def test_cancelled_before_its_turn_the_rule_sends_it_after_all(
    item: Item, practice_account: Account, annas: Client, clock: time_machine.Traveller
) -> None:
    cancel(send_out(item, None, practice_account), None)
    assert WAITS in words(annas.get(f"/news/{item.pk}"))
    clock.move_to(MORNING)
    (made,) = apply_rules(timezone.now())
    assert Campaign.objects.get(pk=made).status == CampaignStatus.APPROVED


def test_a_draft_for_the_newsletter_leaves_the_channel_to_the_rule(
    item: Item, rule: Rule, newsletter: Newsletter, annas: Client
) -> None:
    Rule.objects.update(newsletter=newsletter)
    both = "sends it to Kulturnyt and Prøvekanal (Practice channel) Friday"
    assert both in words(annas.get(f"/news/{item.pk}"))
    send_out(item, newsletter)
    assert WAITS in words(annas.get(f"/news/{item.pk}"))


def test_while_the_rule_asks_nothing_is_planned_by_it(item: Item, annas: Client) -> None:
    Rule.objects.update(held_at=timezone.now())
    assert "holds itself: it sends it to Prøvekanal (Practice channel) once somebody lets it go on." in words(
        annas.get(f"/news/{item.pk}")
    )
    assert item.title in words(annas.get("/news"))
    assert "Planned by a rule" not in words(annas.get("/"))


def test_withdrawn_or_switched_off_nothing_waits(item: Item, annas: Client) -> None:
    Item.objects.update(withdrawn_at=timezone.now(), withdrawn_why="gone")
    assert "Natten over" not in words(annas.get(f"/news/{item.pk}")) + words(annas.get("/calendar/2026/11"))
    Item.objects.update(withdrawn_at=None)
    Rule.objects.update(active=False)
    assert "Natten over" not in words(annas.get(f"/news/{item.pk}"))


def test_more_that_wait_ask_no_more_questions(item: Item, rule: Rule, secretariat: Organisation, annas: Client) -> None:
    pages = ("/", "/news?show=planned", "/calendar/2026/11")
    before = [questions(annas, page) for page in pages]
    other = Rule.objects.create(
        organisation=secretariat, name="Også", mode=RuleMode.AUTOMATIC, daily_cap=9,
        quiet_from=time(21, 0), quiet_until=time(7, 0), newsletter=None,
    )  # fmt: skip
    other.accounts.add(*rule.accounts.all())
    for number in range(2):
        news(secretariat, f"Mere {number}")
    apply_rules(timezone.now())
    assert RuleMatch.objects.filter(outcome="waiting").count() == 6
    assert [questions(annas, page) for page in pages] == before
