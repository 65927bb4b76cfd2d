"""An automatic rule's pace: what comes too soon waits for its turn; what then becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.errors import InputError
from publisher.items.label_care import remove_label
from publisher.items.sources import remove_source
from publisher.models import Account, Campaign, Item, Notice, Organisation, Rule, RuleMatch, Slot, Source, Topic
from publisher.models.probe import Probe
from publisher.rules.matching import apply_rules
from publisher.rules.switching import go_on, look_again, switch_off, switch_on
from publisher.rules.wanted import with_work
from publisher.vocabulary import ItemState, MatchOutcome, RuleMode, RuleTiming
from tests.rules.news import HOUR, news

pytestmark = pytest.mark.database

# A Wednesday, ten in the morning in Copenhagen.
TEN = datetime(2027, 2, 3, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(TEN, tick=False) as traveller:
        yield traveller


@pytest.fixture
def rule(clock: time_machine.Traveller, secretariat: Organisation, practice_account: Account) -> Rule:
    """Posts by itself, an hour apart at least, never at night."""
    rule = Rule.objects.create(
        organisation=secretariat, name="Alt nyt", mode=RuleMode.AUTOMATIC, daily_cap=9, min_gap_minutes=60,
        quiet_from=time(22), quiet_until=time(7),
    )  # fmt: skip
    rule.accounts.add(practice_account)
    return rule


def tick() -> list[datetime | None]:
    """When what the rules made now goes out."""
    return [Campaign.objects.get(pk=pk).scheduled_at for pk in apply_rules(timezone.now())]


def waiting() -> list[datetime | None]:
    return list(RuleMatch.objects.filter(outcome=MatchOutcome.WAITING).order_by("pk").values_list("due", flat=True))


def outcomes() -> list[str]:
    return list(RuleMatch.objects.order_by("pk").values_list("outcome", flat=True))


def has_work() -> bool:
    return bool(Probe({"rules": with_work}).ask(timezone.now()))


def three(organisation: Organisation) -> list[Item]:
    """Published in this order, all at once."""
    return [news(organisation, f"Nyhed {n}", published=(9 - n) * MINUTE, seen=MINUTE) for n in range(3)]


def test_what_comes_too_soon_waits_for_its_turn(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    three(secretariat)
    assert tick() == [TEN]
    assert waiting() == [TEN + HOUR, TEN + 2 * HOUR]
    assert tick() == [] and not has_work()
    clock.move_to(TEN + HOUR)
    assert has_work()
    assert tick() == [TEN + HOUR]
    clock.move_to(TEN + 2 * HOUR - MINUTE)
    assert tick() == []
    clock.move_to(TEN + 2 * HOUR + MINUTE)
    assert tick() == [TEN + 2 * HOUR + MINUTE]
    assert [campaign.title for campaign in Campaign.objects.order_by("pk")] == ["Nyhed 0", "Nyhed 1", "Nyhed 2"]
    assert outcomes() == ["approved"] * 3 and not has_work()


def test_what_comes_at_night_waits_for_the_morning(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    night = TEN + timedelta(hours=13)
    clock.move_to(night)
    three(secretariat)
    morning = datetime(2027, 2, 4, 6, 0, tzinfo=UTC)
    assert tick() == []
    assert waiting() == [morning, morning + HOUR, morning + 2 * HOUR]
    clock.move_to(morning)
    assert tick() == [morning]


def test_a_delay_is_time_to_look_and_the_pace_is_kept_by_what_goes_out(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    Rule.objects.update(timing=RuleTiming.AFTER_MINUTES, delay_minutes=30)
    clock.move_to(datetime(2027, 2, 3, 20, 15, tzinfo=UTC))
    three(secretariat)
    assert tick() == [datetime(2027, 2, 3, 20, 45, tzinfo=UTC)]
    morning = datetime(2027, 2, 4, 6, 0, tzinfo=UTC)
    assert waiting() == [morning - 30 * MINUTE, morning + 30 * MINUTE]
    clock.move_to(morning - 30 * MINUTE)
    assert tick() == [morning]


def test_after_a_standstill_the_pace_is_kept(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    """Nothing ran from ten to half past two; the two that waited do not go out together."""
    three(secretariat)
    tick()
    late = TEN + timedelta(hours=4, minutes=30)
    clock.move_to(late)
    assert tick() == [late]
    assert waiting() == [late + HOUR]
    clock.move_to(late + 12 * HOUR)
    assert tick() == [], "it is night"
    assert waiting() == [datetime(2027, 2, 4, 6, 0, tzinfo=UTC)]


def test_nobody_overtakes(rule: Rule, secretariat: Organisation, clock: time_machine.Traveller) -> None:
    """A turn that fell free is not for what comes then: others have waited longer, and go first."""
    three(secretariat)
    tick()
    Item.objects.filter(title="Nyhed 1").update(withdrawn_at=timezone.now())
    clock.move_to(TEN + HOUR)
    news(secretariat, "Den sidste", published=MINUTE, seen=MINUTE)
    assert tick() == [] and waiting() == [TEN + 2 * HOUR, TEN + 3 * HOUR]
    for hours in (2, 3):
        clock.move_to(TEN + hours * HOUR)
        tick()
    assert [each.title for each in Campaign.objects.order_by("pk")] == ["Nyhed 0", "Nyhed 2", "Den sidste"]


def test_what_would_be_too_old_by_its_turn_is_left_out(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    Rule.objects.update(max_age_hours=1)
    three(secretariat)
    assert len(tick()) == 1
    assert outcomes() == ["approved", "too_old", "too_old"]
    assert Rule.objects.update(max_age_hours=3, min_gap_minutes=90) and news(secretariat, "Ny", published=MINUTE)
    assert tick() == [] and waiting() == [TEN + 90 * MINUTE]
    clock.move_to(TEN + 4 * HOUR)
    assert tick() == [] and outcomes()[-1] == "too_old"


def test_the_day_that_counts_is_the_one_on_which_it_goes_out(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    Rule.objects.update(daily_cap=2)
    news(secretariat, "i dag")
    assert len(tick()) == 1
    clock.move_to(TEN + timedelta(hours=13))
    three(secretariat)
    assert tick() == []
    assert outcomes() == ["approved", "waiting", "waiting", "capped"]


def test_what_changed_while_it_waited(rule: Rule, secretariat: Organisation, clock: time_machine.Traveller) -> None:
    """Withdrawn, held back, or no longer what the rule wants: left out, and the next one need not wait for it."""
    Rule.objects.update(without_words=["aflyst"])
    three(secretariat)
    news(secretariat, "Nyhed 3", published=5 * MINUTE)
    last = news(secretariat, "Nyhed 4", published=MINUTE)
    tick()
    Item.objects.filter(title="Nyhed 1").update(withdrawn_at=timezone.now())
    Item.objects.filter(title="Nyhed 2").update(title="Nyhed 2 er aflyst")
    Item.objects.filter(title="Nyhed 3").update(state=ItemState.HELD)
    Item.objects.filter(pk=last.pk).update(title="Nyhed 4, rettet")
    for hours in range(1, 5):
        clock.move_to(TEN + hours * HOUR)
        tick()
    assert outcomes() == ["approved", "withdrawn", "unwanted", "withdrawn", "approved"]
    assert Campaign.objects.order_by("pk").last().title == "Nyhed 4, rettet"  # type: ignore[union-attr]


def test_switched_off_what_waits_is_left_out_for_good(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    three(secretariat)
    tick()
    assert switch_off(rule) == 2
    switch_on(rule, timezone.now())
    clock.move_to(TEN + 5 * HOUR)
    assert tick() == []
    assert outcomes() == ["approved", "switched_off", "switched_off"]


@pytest.mark.parametrize("was_on", [True, False])
def test_a_rule_that_lost_its_only_topic_is_not_switched_on_without_another(
    rule: Rule, secretariat: Organisation, source: Source, was_on: bool
) -> None:
    """It would take everything; and so it would without its source, whichever went first."""
    music, art = (Topic.objects.create(organisation=secretariat, name=name, slug=name) for name in ("musik", "kunst"))
    rule.topics.add(music)
    rule.sources.add(source)
    if not was_on:
        switch_off(rule)
    remove_source(source)
    remove_label(music)
    rule.refresh_from_db()
    assert not rule.active
    with pytest.raises(InputError):
        switch_on(rule, timezone.now())
    rule.topics.add(art)
    with pytest.raises(InputError):
        switch_on(rule, timezone.now())
    rule.sources.add(Source.objects.create(organisation=secretariat, kind="feed", name="Den anden"))
    switch_on(rule, timezone.now())
    rule.refresh_from_db()
    assert (rule.active, rule.lost) == (True, [])


def test_a_changed_rule_looks_again_at_what_waits(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    three(secretariat)
    tick()
    Rule.objects.update(min_gap_minutes=10)
    assert look_again(rule, timezone.now()) == 2
    assert tick() == [] and waiting() == [TEN + 10 * MINUTE, TEN + 20 * MINUTE]
    Rule.objects.update(mode=RuleMode.REVIEW)
    look_again(rule, timezone.now())
    assert len(tick()) == 2 and outcomes() == ["approved", "in_review", "in_review"]


def test_a_rule_that_holds_itself_makes_nothing_and_loses_nothing(
    rule: Rule, secretariat: Organisation, clock: time_machine.Traveller
) -> None:
    three(secretariat)
    tick()
    Rule.objects.update(held_at=timezone.now())
    clock.move_to(TEN + 3 * HOUR)
    assert tick() == [] and not has_work() and len(waiting()) == 2
    assert go_on(rule, timezone.now()) and not go_on(rule, timezone.now())
    assert tick() == [TEN + 3 * HOUR]


def test_one_that_fails_when_its_turn_comes_is_told_once_and_the_next_goes_on(
    rule: Rule, secretariat: Organisation, elsewhere: Organisation, bo: object, clock: time_machine.Traveller
) -> None:
    three(secretariat)
    tick()
    foreign = Account.objects.create(organisation=elsewhere, kind="practice", name="Museets")
    rule.accounts.add(foreign)
    clock.move_to(TEN + HOUR)
    assert tick() == [] and tick() == []
    assert Notice.objects.filter(kind="alert").count() == 1
    rule.accounts.remove(foreign)
    clock.move_to(TEN + 2 * HOUR)
    assert tick() == [TEN + 2 * HOUR]
    assert outcomes() == ["approved", "failed", "approved"]


def test_posting_times_in_the_quiet_are_passed_over(
    rule: Rule, secretariat: Organisation, practice_account: Account
) -> None:
    Rule.objects.update(timing=RuleTiming.NEXT_SLOT, quiet_weekends=True, min_gap_minutes=90, daily_cap=5)
    for weekday, at in ((2, time(23)), (3, time(6)), (5, time(12)), (6, time(12)), (0, time(8)), (0, time(9))):
        Slot.objects.create(account=practice_account, weekday=weekday, time=at)
    three(secretariat)
    eights = [datetime(2027, 2, 8 + 7 * week, 7, 0, tzinfo=UTC) for week in range(3)]
    assert tick() == eights, "nine is too soon after eight"


def test_posting_times_never_all_in_the_quiet_is_not_now(
    rule: Rule, secretariat: Organisation, practice_account: Account, clock: time_machine.Traveller
) -> None:
    """Only at noon on Saturdays, which are quiet: then as soon as it is not quiet."""
    Rule.objects.update(timing=RuleTiming.NEXT_SLOT, quiet_weekends=True)
    Slot.objects.create(account=practice_account, weekday=5, time=time(12))
    clock.move_to(TEN + timedelta(hours=13))
    news(secretariat, "Nyhed")
    assert tick() == [datetime(2027, 2, 4, 6, 0, tzinfo=UTC)]
