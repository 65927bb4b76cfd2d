"""A rule looks at an item once: the tick asks for no look again until the item or the rule has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from publisher.items.quarantine import release
from publisher.items.withdrawing import restore, withdraw
from publisher.models import Account, Item, Organisation, Rule, RuleLook, RuleMatch, Sighting, Source, Topic
from publisher.models.probe import Probe
from publisher.rules import wanted
from publisher.rules.matching import apply_rules
from publisher.rules.switching import look_again, switch_off, switch_on
from publisher.vocabulary import ItemState, Withdrawal
from tests.items.by_hand import edit
from tests.rules.news import HOUR, news

pytestmark = pytest.mark.database


@pytest.fixture
def rule(secretariat: Organisation, practice_account: Account) -> Rule:
    """News about choirs."""
    rule = Rule.objects.create(organisation=secretariat, name="Kor", words=["kor"])
    rule.accounts.add(practice_account)
    return rule


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The headlines of what rules have read, in order."""
    titles: list[str] = []
    says_it = wanted.says_it

    def noted(rule: Rule, item: Item) -> bool:
        titles.append(item.title)
        return says_it(rule, item)

    monkeypatch.setattr(wanted, "says_it", noted)
    return titles


def is_asked_for() -> bool:
    return bool(Probe({"rules": wanted.with_work}).ask(timezone.now()))


def looks(times: int = 1) -> int:
    """As many ticks as that; gives how many of them woke the rules."""
    woken = 0
    for _tick in range(times):
        if is_asked_for():
            woken += 1
            apply_rules(timezone.now())
    return woken


def test_what_no_rule_wants_is_read_once(rule: Rule, secretariat: Organisation, read: list[str]) -> None:
    news(secretariat, "Marked")
    assert looks(5) == 1
    news(secretariat, "Fest")
    assert looks(5) == 1
    assert read == ["Marked", "Fest"]
    assert not RuleMatch.objects.exists()


def test_what_is_not_of_its_kind_is_not_even_read(rule: Rule, secretariat: Organisation, read: list[str]) -> None:
    rule.topics.add(Topic.objects.create(organisation=secretariat, name="Musik", slug="musik"))
    news(secretariat, "Kor i parken")
    assert (looks(3), read) == (0, [])


def labelled(item: Item, topic: Topic, source: Source) -> None:
    item.topics.add(topic)


def seen_by_its_source(item: Item, topic: Topic, source: Source) -> None:
    Sighting.objects.create(source=source, item=item, external_key="x")


@pytest.mark.parametrize("change", [labelled, seen_by_its_source])
def test_what_becomes_of_its_kind_is_read(
    rule: Rule, secretariat: Organisation, source: Source, change: Callable[[Item, Topic, Source], None]
) -> None:
    music = Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")
    if change is labelled:
        rule.topics.add(music)
    else:
        rule.sources.add(source)
    item = news(secretariat, "Kor i parken")
    assert looks(2) == 0
    change(item, music, source)
    assert looks(3) == 1
    assert RuleMatch.objects.get().item == item


def test_an_edit_is_read_once(rule: Rule, secretariat: Organisation, read: list[str]) -> None:
    item = news(secretariat, "Marked")
    looks()
    edit(item, title="Marked med boder")
    assert looks(3) == 1
    edit(item, title="Marked med kor")
    assert looks(3) == 1
    assert read == ["Marked", "Marked med boder", "Marked med kor"]
    assert RuleMatch.objects.get().item == item


def test_released_or_restored_news_is_read(rule: Rule, secretariat: Organisation) -> None:
    held, gone = news(secretariat, "Kor i hallen"), news(secretariat, "Kor i parken")
    Item.objects.filter(pk=held.pk).update(state=ItemState.HELD)
    withdraw(gone, Withdrawal.GONE)
    assert looks(2) == 0
    assert release(secretariat, [held.pk]) == 1
    restore(gone)
    assert looks(3) == 1
    assert RuleMatch.objects.count() == 2


def test_a_rule_that_has_changed_reads_everything_young_again(
    rule: Rule, secretariat: Organisation, read: list[str]
) -> None:
    news(secretariat, "Marked")
    looks()
    Rule.objects.filter(pk=rule.pk).update(words=["marked"])
    look_again(rule, timezone.now())
    assert looks(3) == 1
    assert read == ["Marked", "Marked"]
    assert RuleMatch.objects.get().item.title == "Marked"


def test_words_changed_while_it_read_are_not_mistaken_for_read(rule: Rule, secretariat: Organisation) -> None:
    item = news(secretariat, "Marked")
    Rule.objects.filter(pk=rule.pk).update(words=["marked"])
    wanted.remember(rule, {item.pk: item.revision}, timezone.now())
    assert not RuleLook.objects.exists() and is_asked_for()


def test_what_is_too_old_is_forgotten(rule: Rule, secretariat: Organisation) -> None:
    old = news(secretariat, "Marked")
    looks()
    Item.objects.filter(pk=old.pk).update(published_at=timezone.now() - 80 * HOUR)
    young = news(secretariat, "Fest")
    looks()
    assert [look.item for look in RuleLook.objects.all()] == [young]


def test_a_rule_that_leads_nowhere_asks_for_nothing(rule: Rule, secretariat: Organisation) -> None:
    rule.accounts.clear()
    news(secretariat, "Kor i parken")
    assert looks(2) == 0


def test_off_and_on_again_it_takes_what_it_did_not_take(rule: Rule, secretariat: Organisation) -> None:
    switch_off(rule)
    news(secretariat, "Kor i parken")
    assert looks(2) == 0
    switch_on(rule, timezone.now())
    assert looks(3) == 1
