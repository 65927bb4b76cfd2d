"""A rule that misfires holds itself and asks: what is unusual, what is not, and going on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.items.quarantine import release
from publisher.models import Account, AuditEntry, Campaign, Item, Notice, Organisation, Rule, RuleMatch, User
from publisher.rules.matching import apply_rules
from publisher.rules.switching import go_on, switch_off, switch_on
from publisher.vocabulary import ItemState, NoticeKind, RuleMode
from tests.rules.news import news

pytestmark = pytest.mark.database

NOON = datetime(2027, 2, 3, 11, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def rule(clock: time_machine.Traveller, secretariat: Organisation, practice_account: Account) -> Rule:
    """At work for two months; two items on its busiest day, a week ago."""
    rule = Rule.objects.create(organisation=secretariat, name="Alt nyt", mode=RuleMode.AUTOMATIC, daily_cap=50)
    rule.accounts.add(practice_account)
    Rule.objects.update(created_at=NOON - 60 * DAY)
    for number, days in enumerate((40, 40, 40, 40, 10, 7, 7)):
        match = RuleMatch.objects.create(rule=rule, item=news(secretariat, f"før {number}"), outcome="approved")
        RuleMatch.objects.filter(pk=match.pk).update(at=NOON - days * DAY)
    rule.refresh_from_db()
    return rule


def burst(organisation: Organisation, number: int) -> None:
    for n in range(number):
        news(organisation, f"Nyhed {RuleMatch.objects.count()}-{n}")


def apply() -> int:
    return len(apply_rules(timezone.now()))


def test_an_ordinary_busy_day(rule: Rule, secretariat: Organisation) -> None:
    burst(secretariat, 6)
    assert apply() == 6
    assert not Rule.objects.get().held_at


def test_far_more_than_usual_is_held_before_any_of_it_is_made(rule: Rule, secretariat: Organisation, bo: User) -> None:
    burst(secretariat, 7)
    assert apply() == 0
    rule.refresh_from_db()
    assert rule.active and rule.held_at == NOON and rule.held_why["params"]["busiest"] == "2"
    notice = Notice.objects.get()
    assert (notice.kind, notice.user, notice.subject_kind, notice.subject_id) == (NoticeKind.ALERT, bo, "rule", rule.pk)
    assert AuditEntry.objects.get(action="rule_held").user is None
    assert apply() == 0 and Notice.objects.count() == 1 and not Campaign.objects.exists()


def test_drop_by_drop_counts_as_well(rule: Rule, secretariat: Organisation) -> None:
    for _ in range(4):
        burst(secretariat, 2)
        apply()
    assert Campaign.objects.count() == 6 and Rule.objects.get().held_at


def test_let_go_on_it_makes_what_came_and_is_watched_again_tomorrow(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    burst(secretariat, 7)
    apply()
    go_on(rule, timezone.now())
    assert apply() == 7
    burst(secretariat, 9)
    assert apply() == 9, "whoever let it go on has answered for today"
    clock.move_to(NOON + DAY)
    burst(secretariat, 48)
    assert apply() == 48, "three times sixteen"
    assert not Rule.objects.get().held_at
    burst(secretariat, 1)
    assert apply() == 0 and Rule.objects.get().held_at


def test_without_history_nobody_knows_what_is_usual(rule: Rule, secretariat: Organisation) -> None:
    RuleMatch.objects.all().delete()
    Rule.objects.update(created_at=NOON - DAY)
    burst(secretariat, 20)
    assert apply() == 20 + 7


@pytest.fixture
def new_rule(clock: time_machine.Traveller, secretariat: Organisation, practice_account: Account) -> Rule:
    """Made and switched on this morning."""
    rule = Rule.objects.create(organisation=secretariat, name="Ny regel", mode=RuleMode.AUTOMATIC, daily_cap=3)
    rule.accounts.add(practice_account)
    switch_on(rule, NOON - timedelta(hours=2))
    rule.refresh_from_db()
    return rule


def test_a_new_rule_asks_before_most_of_a_day_is_left_out_without_a_word(
    new_rule: Rule, secretariat: Organisation, bo: User
) -> None:
    burst(secretariat, 10)
    assert apply() == 3, "its daily limit"
    burst(secretariat, 1)
    assert apply() == 0
    rule = Rule.objects.get()
    assert rule.held_at and "%(busiest)s" not in rule.held_why["msgid"]
    assert rule.held_why["params"] == {"rule": "Ny regel", "number": "11"}
    assert Notice.objects.get().user == bo


def test_let_go_on_a_new_rule_asks_no_more_that_day(
    new_rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    burst(secretariat, 14)
    apply()
    go_on(new_rule, timezone.now())
    assert apply() == 3 and not Rule.objects.get().held_at
    clock.move_to(NOON + DAY)
    burst(secretariat, 3 * 14 + 1)
    assert apply() == 0 and Rule.objects.get().held_at, "three times its busiest day so far"


def test_a_rule_that_may_make_many_a_day_is_given_more(new_rule: Rule, secretariat: Organisation) -> None:
    Rule.objects.update(daily_cap=8)
    burst(secretariat, 24)
    assert apply() == 8
    burst(secretariat, 1)
    assert apply() == 0 and Rule.objects.get().held_at


def test_what_a_person_releases_from_quarantine_counts_as_well(new_rule: Rule, secretariat: Organisation) -> None:
    burst(secretariat, 25)
    Item.objects.update(state=ItemState.HELD)
    assert apply() == 0 and not Rule.objects.get().held_at
    assert release(secretariat, Item.objects.values_list("pk", flat=True)) == 25
    assert apply() == 0 and Rule.objects.get().held_why["params"]["number"] == "25"


def test_switched_on_again_an_old_rule_is_watched_by_both_measures(rule: Rule, secretariat: Organisation) -> None:
    Rule.objects.update(daily_cap=4)
    switch_off(rule)
    switch_on(rule, NOON - timedelta(minutes=1))
    burst(secretariat, 12)
    assert apply() == 4, "more than three times its busiest day: what came while it was off"
    burst(secretariat, 1)
    assert apply() == 0 and Rule.objects.get().held_at


def test_a_rule_that_never_meets_anything_and_then_many(rule: Rule, secretariat: Organisation) -> None:
    RuleMatch.objects.all().delete()
    assert apply() == 0 and Rule.objects.get().held_at


def test_a_rule_switched_on_yesterday_is_new(rule: Rule, secretariat: Organisation) -> None:
    RuleMatch.objects.all().delete()
    Rule.objects.update(on_since=NOON - DAY)
    assert apply() == 7


def test_three_failures_in_a_row(rule: Rule, secretariat: Organisation, elsewhere: Organisation, bo: User) -> None:
    foreign = Account.objects.create(organisation=elsewhere, kind="practice", name="Museets")
    rule.accounts.add(foreign)
    burst(secretariat, 5)
    assert apply() == 0
    rule.refresh_from_db()
    assert rule.held_at and rule.held_why["params"]["number"] == "3"
    assert RuleMatch.objects.filter(outcome="failed").count() == 3
    assert Notice.objects.count() == 4, "one for each failure, and the question"
    rule.accounts.remove(foreign)
    go_on(rule, timezone.now())
    assert apply() == 2


def test_two_failures_and_a_success(rule: Rule, secretariat: Organisation, elsewhere: Organisation) -> None:
    foreign = Account.objects.create(organisation=elsewhere, kind="practice", name="Museets")
    for broken in (True, False, True):
        (rule.accounts.add if broken else rule.accounts.remove)(foreign)
        burst(secretariat, 2 if broken else 1)
        apply()
    assert not Rule.objects.get().held_at
