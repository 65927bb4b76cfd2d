"""Rules choose by words, too; what is held, withdrawn or back catalogue they never take."""

from __future__ import annotations

import pytest
from django.utils import timezone

from publisher.models import Account, Campaign, Item, Organisation, Rule, RuleMatch
from publisher.models.probe import Probe
from publisher.rules.matching import apply_rules
from publisher.rules.wanted import matches, with_work
from publisher.vocabulary import ItemState
from tests.items.by_hand import edit
from tests.rules.news import news

pytestmark = pytest.mark.database


@pytest.fixture
def rule(secretariat: Organisation, practice_account: Account) -> Rule:
    rule = Rule.objects.create(organisation=secretariat, name="Kor", words=["kor", "sang*"], without_words=["aflyst"])
    rule.accounts.add(practice_account)
    return rule


def taken() -> set[str]:
    return {campaign.title for campaign in Campaign.objects.filter(pk__in=apply_rules(timezone.now()))}


def test_one_of_the_words_and_none_of_the_others(rule: Rule, secretariat: Organisation) -> None:
    news(secretariat, "Kor i parken")
    news(secretariat, "Fest", body="Med sangerinder.")
    news(secretariat, "Korrektur")
    news(secretariat, "Kor i hallen er aflyst")
    assert taken() == {"Kor i parken", "Fest"}
    assert not RuleMatch.objects.filter(item__title="Korrektur").exists(), "an edit may still make it fit"
    edit(Item.objects.get(title="Korrektur"), title="Korrektur: kor")
    assert taken() == {"Korrektur: kor"}
    assert not matches(rule, Item.objects.get(title="Kor i hallen er aflyst"))


@pytest.mark.parametrize(
    "fields", [{"state": ItemState.HELD}, {"state": ItemState.SEEN}, {"withdrawn_at": timezone.now()}]
)
def test_what_no_rule_takes(rule: Rule, secretariat: Organisation, fields: dict[str, object]) -> None:
    item = news(secretariat, "Kor i parken")
    Item.objects.filter(pk=item.pk).update(**fields)
    assert taken() == set()
    assert Probe({"rules": with_work}).ask(timezone.now()) == set()
