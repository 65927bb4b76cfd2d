"""What a rule would have made last month: with its words, its limits and its pace."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine

from publisher.models import Account, Campaign, Item, Newsletter, Organisation, Rule, RuleMatch, Slot
from publisher.rules.past import would_have_made
from publisher.vocabulary import ItemState, RuleMode, RuleTiming
from tests.rules.news import HOUR, news

pytestmark = pytest.mark.database

DAY = timedelta(days=1)
NOW = datetime(2027, 7, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def rule(secretariat: Organisation, newsletter: Newsletter, practice_account: Account) -> Rule:
    rule = Rule.objects.create(organisation=secretariat, name="Alt nyt", newsletter=newsletter, daily_cap=3)
    rule.accounts.add(practice_account)
    return rule


def titles(rule: Rule, days: int = 30) -> list[str]:
    with time_machine.travel(NOW, tick=False):
        return [would.item.title for would in would_have_made(rule, days).made]


def test_what_it_would_have_made_last_month(rule: Rule, secretariat: Organisation) -> None:
    with time_machine.travel(NOW, tick=False):
        news(secretariat, "for gammel", seen=31 * DAY, published=31 * DAY)
        news(secretariat, "bagkatalog", seen=HOUR, published=29 * DAY)
        for number in range(3):
            news(secretariat, f"samme dag {number}", published=3 * DAY - number * HOUR / 60)
        news(secretariat, "over grænsen", published=3 * DAY - HOUR)
        news(secretariat, "på vej", published=-DAY)
        Item.objects.update(state=ItemState.SEEN)
        held = news(secretariat, "holdt tilbage", published=10 * DAY)
        withdrawn = news(secretariat, "trukket tilbage", published=11 * DAY)
        Item.objects.filter(pk=held.pk).update(state=ItemState.HELD)
        Item.objects.filter(pk=withdrawn.pk).update(withdrawn_at=NOW)
        assert would_have_made(rule).left_out == 1
    wanted = ["bagkatalog", "samme dag 0", "samme dag 1", "samme dag 2"]
    assert titles(rule) == wanted
    assert titles(rule, days=5) == wanted[1:]
    assert not RuleMatch.objects.exists() and not Campaign.objects.exists()


def test_words(rule: Rule, secretariat: Organisation) -> None:
    Rule.objects.filter(pk=rule.pk).update(words=["kor*", "dans"], without_words=["aflyst"])
    rule.refresh_from_db()
    with time_machine.travel(NOW, tick=False):
        news(secretariat, "Korsang", published=5 * DAY)
        news(secretariat, "Dans er aflyst", published=6 * DAY)
        news(secretariat, "Udstilling", published=7 * DAY)
        news(secretariat, "Fest", published=8 * DAY, body="Der er dans.")
    assert titles(rule) == ["Fest", "Korsang"]


def test_the_gap_and_the_quiet_hours(rule: Rule, secretariat: Organisation) -> None:
    """Published at 21.30 in Copenhagen, three of them: the night passes, then one an hour."""
    Rule.objects.filter(pk=rule.pk).update(
        mode=RuleMode.AUTOMATIC, min_gap_minutes=60, quiet_from=time(21), quiet_until=time(7), max_age_hours=11
    )
    rule.refresh_from_db()
    evening = NOW - datetime(2027, 7, 15, 19, 30, tzinfo=UTC)
    with time_machine.travel(NOW, tick=False):
        for number in range(3):
            news(secretariat, f"Nyhed {number}", published=evening)
        past = would_have_made(rule)
    assert [would.at for would in past.made] == [datetime(2027, 7, 16, 5 + hour, 0, tzinfo=UTC) for hour in (0, 1)]
    assert past.left_out == 1, "the third would be eleven and a half hours old at nine"


def test_at_posting_times(rule: Rule, secretariat: Organisation, practice_account: Account) -> None:
    Rule.objects.filter(pk=rule.pk).update(mode=RuleMode.AUTOMATIC, timing=RuleTiming.NEXT_SLOT, quiet_weekends=True)
    rule.refresh_from_db()
    for weekday in (0, 5):
        Slot.objects.create(account=practice_account, weekday=weekday, time=time(16))
    with time_machine.travel(NOW, tick=False):
        for number in range(4):
            news(secretariat, f"Nyhed {number}", published=7 * DAY)
        past = would_have_made(rule)
    mondays = [datetime(2027, 7, day, 14, 0, tzinfo=UTC) for day in (19, 26)]
    assert [would.at for would in past.made] == [*mondays, datetime(2027, 8, 2, 14, 0, tzinfo=UTC)]
    assert past.left_out == 1
