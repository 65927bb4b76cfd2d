"""A rule in automatic mode over a week, with a feed that changes in nasty ways: exactly the right send-outs.

The week is that of Easter 2027, in which the clocks go forward. News comes through the real collecting path; each
quarter of an hour the workers do what they would: look at what is due (once an hour), then let the rules work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from itertools import pairwise

import pytest
import time_machine

from publisher.items.quarantine import held_in, release
from publisher.models import Account, Campaign, Delivery, Item, Organisation, Rule, RuleMatch, Source
from publisher.vocabulary import RuleMode
from tests.items.website import HOST, Story, website
from tests.rules.week import COPENHAGEN, OTHER_FEED, Week, story, wall

pytestmark = [pytest.mark.database, pytest.mark.one_database]

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(22, 29)


@pytest.fixture
def rule(secretariat: Organisation, practice_account: Account) -> Rule:
    """At most three a day, an hour and a half apart, never at night, on Sundays or on holidays."""
    rule = Rule.objects.create(
        organisation=secretariat, name="Alt nyt", mode=RuleMode.AUTOMATIC, daily_cap=3, min_gap_minutes=90,
        quiet_from=time(21), quiet_until=time(7), quiet_weekends=True, quiet_holidays=True, max_age_hours=72,
        without_words=["intern"],
    )  # fmt: skip
    rule.accounts.add(practice_account)
    return rule


@pytest.fixture
def week(secretariat: Organisation, source: Source) -> Iterator[Week]:
    Source.objects.create(organisation=secretariat, kind="feed", name="Kommunen", config={"url": OTHER_FEED})
    with time_machine.travel(wall(MONDAY, "06:00"), tick=False) as clock, website() as site:
        week = Week(site, clock)
        for number in range(5):
            week.feed[f"arkiv {number}"] = story(f"arkiv {number}", wall(MONDAY - 1 - number, "12:00"))
        week.show()
        yield week


def test_exactly_the_right_send_outs(week: Week, rule: Rule, secretariat: Organisation) -> None:
    Rule.objects.filter(pk=rule.pk).update(created_at=week.now)

    # Monday: the back catalogue stays where it is, edits of it too; one story.
    week.until(wall(MONDAY, "08:55"), lambda week: week.change("arkiv 0", title="arkiv 0, opdateret"))
    week.until(wall(MONDAY, "09:55"), lambda week: week.publish("mandag"))
    week.until(wall(MONDAY, "12:00"), lambda week: week.change("mandag", guid="helt-nyt", title="mandag, rettet"))
    week.until(wall(MONDAY, "13:00"), lambda week: week.change("mandag", published=week.now + timedelta(days=2)))
    week.until(wall(MONDAY, "14:00"), lambda week: setattr(week, "feed", dict(reversed(week.feed.items()))))

    # Monday night: a burst of five; the morning has room for three of them.
    def burst(week: Week) -> None:
        for number in range(5):
            week.publish(f"nat {number}", timedelta(seconds=10 - number))

    week.until(wall(MONDAY, "23:00"), burst)

    # So much at once may be a website that is moved: it waits for a person, who says before the morning that it is new.
    def look(week: Week) -> None:
        assert release(secretariat, held_in(secretariat).values_list("pk", flat=True)) == 5

    week.until(wall(TUESDAY, "06:40"), look)

    # Tuesday: while two of them wait, one is edited, its neighbour's link moves, and all change places.
    def nasty(week: Week) -> None:
        week.change("nat 1", title="nat 1, rettet", body="<p>Nu med tid og sted.</p>")
        week.change("nat 2", link=f"{HOST}/nyheder/nat-to?utm_source=rss")
        week.feed = dict(sorted(week.feed.items()))

    week.until(wall(TUESDAY, "07:40"), nasty)

    # Wednesday: one in both feeds (the same page), one that goes away and comes back, one from the past, one ahead of
    # its time, and one that the rule does not want until it is edited.
    def wednesday(week: Week) -> None:
        week.publish("begge")
        week.other["begge"] = replace(week.feed["begge"], guid="kommunens-egen", link=f"{HOST}/nyheder/begge/")
        week.feed["bagud"] = story("bagud", week.now - timedelta(days=10))
        week.other["hos os selv"] = story("hos os selv", week.now - timedelta(days=20))

    week.until(wall(WEDNESDAY, "09:55"), wednesday)
    gone: dict[str, Story] = {}
    week.until(wall(WEDNESDAY, "12:55"), lambda week: week.publish("frem og tilbage"))
    week.until(wall(WEDNESDAY, "15:00"), lambda week: gone.update(retur=week.feed.pop("frem og tilbage")))
    week.until(wall(WEDNESDAY, "18:00"), lambda week: week.feed.update({"frem og tilbage": gone["retur"]}))
    week.until(
        wall(WEDNESDAY, "18:25"), lambda week: week.feed.update(forud=story("forud", week.now + timedelta(days=9)))
    )

    week.until(wall(WEDNESDAY, "20:00"), lambda week: week.publish("møde, kun intern"))

    # Maundy Thursday and Good Friday are quiet, and so is the weekend; what is too old by Tuesday is left out.
    week.until(wall(THURSDAY, "10:00"), lambda week: week.publish("skærtorsdag"))
    week.until(wall(FRIDAY, "10:00"), lambda week: week.publish("langfredag"))
    week.until(wall(SATURDAY, "10:00"), lambda week: week.publish("påskelørdag"))
    week.until(wall(SUNDAY, "00:55"), lambda week: week.publish("i nat kl. tre"))
    week.until(wall(SUNDAY, "02:20"), lambda week: week.publish("fandtes ikke"))
    week.until(wall(SUNDAY, "04:00"), lambda week: week.publish("kun intern"))
    week.until(wall(SUNDAY + 2, "06:50"))
    week.until(wall(SUNDAY + 2, "11:40"), lambda week: week.change("kun intern", title="for alle", body="<p>Kom.</p>"))
    week.until(wall(SUNDAY + 2, "23:55"))

    assert [(title, at.astimezone(COPENHAGEN).strftime("%d. %H:%M")) for title, at in week.sent] == [
        ("mandag", "22. 10:15"),
        ("nat 0", "23. 07:00"),
        ("nat 1, rettet", "23. 08:30"),
        ("nat 2", "23. 10:00"),
        ("begge", "24. 10:15"),
        ("frem og tilbage", "24. 13:15"),
        ("forud", "24. 19:15"),
        ("påskelørdag", "30. 07:00"),
        ("i nat kl. tre", "30. 08:30"),
        ("fandtes ikke", "30. 10:00"),
    ]
    _limits_hold(week, rule)
    _each_once(week, secretariat)


def _limits_hold(week: Week, rule: Rule) -> None:
    times = [at for _title, at in week.sent]
    assert times == sorted(times)
    assert all(after - before >= timedelta(minutes=90) for before, after in pairwise(times))
    assert max(Counter(at.astimezone(COPENHAGEN).date() for at in times).values()) == 3
    left = dict(RuleMatch.objects.filter(rule=rule).exclude(outcome="approved").values_list("item__title", "outcome"))
    assert left == {
        "nat 3": "capped",
        "nat 4": "capped",
        "skærtorsdag": "too_old",
        "langfredag": "too_old",
        "for alle": "capped",
    }


def _each_once(week: Week, organisation: Organisation) -> None:
    """One send-out an item, one post a send-out; nothing of the archive, nothing of the past."""
    assert Campaign.objects.count() == len(week.sent) == Delivery.objects.count()
    used = Item.objects.filter(organisation=organisation, chosen_for__isnull=False)
    assert used.count() == used.distinct().count() == len(week.sent)
    titles = list(Item.objects.values_list("title", flat=True))
    assert sum(title.startswith("arkiv") for title in titles) == 5
    unmet = Item.objects.filter(rule_matches=None).exclude(title__startswith="arkiv")
    assert set(unmet.values_list("title", flat=True)) == {"bagud", "hos os selv", "møde, kun intern"}
