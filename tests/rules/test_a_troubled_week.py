"""Two rules over a week in which their source is in trouble: exactly the right posts, exactly the right issues.

One rule posts all news by itself, the other gathers concerts in the newsletter's next issue. The website withdraws
news, is down for hours, gives an old guid to other news, moves to another system twice, and publishes more in a morning
than the rule has met on any day of a month.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta

import httpx
import pytest
import time_machine

from publisher.items.quarantine import dismiss, held_in, release
from publisher.models import (
    Account,
    Campaign,
    Delivery,
    Item,
    Newsletter,
    Notice,
    Organisation,
    Rule,
    RuleMatch,
    Source,
    User,
)
from publisher.review.approval import submit
from publisher.rules.switching import go_on
from publisher.vocabulary import NoticeKind, RuleMail, RuleMode
from tests.items.website import FEED, website
from tests.review.send_outs import mail_of
from tests.rules.week import COPENHAGEN, Week, story, wall

pytestmark = [pytest.mark.database, pytest.mark.one_database]

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(8, 15)
ARCHIVE = 20


@pytest.fixture
def posts(secretariat: Organisation, practice_account: Account) -> Rule:
    """Posts by itself, at most three a day, an hour apart, never at night; at work for a month already."""
    rule = Rule.objects.create(
        organisation=secretariat, name="Alt nyt", mode=RuleMode.AUTOMATIC, daily_cap=3, min_gap_minutes=60,
        quiet_from=time(21), quiet_until=time(7), max_age_hours=48,
    )  # fmt: skip
    rule.accounts.add(practice_account)
    return rule


@pytest.fixture
def issues(secretariat: Organisation, newsletter: Newsletter) -> Rule:
    """Gathers concerts in the next issue."""
    return Rule.objects.create(
        organisation=secretariat, name="Koncerter", newsletter=newsletter, mail_as=RuleMail.NEXT_ISSUE,
        words=["koncert*"], daily_cap=9,
    )  # fmt: skip


@pytest.fixture
def week(source: Source, posts: Rule, issues: Rule, bo: User) -> Iterator[Week]:
    with time_machine.travel(wall(MONDAY, "06:00"), tick=False) as clock, website() as site:
        Rule.objects.update(created_at=wall(MONDAY - 30, "06:00"))
        week = Week(site, clock)
        for number in range(ARCHIVE):
            week.feed[f"arkiv {number}"] = story(f"arkiv {number}", wall(MONDAY - 1 - number, "12:00"))
        week.show()
        yield week


def test_exactly_the_right_posts_and_issues(
    week: Week, posts: Rule, issues: Rule, secretariat: Organisation, newsletter: Newsletter, anna: User
) -> None:
    # Monday: a concert is posted and gathered; the second is taken back before its turn, in the quiet of the night.
    week.until(wall(MONDAY, "08:55"), lambda week: week.publish("koncert mandag"))
    week.until(wall(MONDAY, "22:00"), lambda week: week.publish("koncert, der aflyses"))
    week.until(wall(TUESDAY, "00:00"), lambda week: week.feed.pop("koncert, der aflyses"))

    # Tuesday: the website is down from ten to one; what it published meanwhile comes late, and once.
    week.until(wall(TUESDAY, "09:50"))
    week.publish("tirsdag")
    broken = httpx.Response(200, content=b"<rss><chan")
    for hour, answer in ((11, httpx.Response(503)), (12, broken), (13, httpx.Response(403))):
        week.site.pages[FEED] = answer
        week.until(wall(TUESDAY, f"{hour}:00"))
    week.show()
    week.until(wall(TUESDAY, "18:00"))
    _hand_in(newsletter, anna)

    # Wednesday: an old guid for other news waits for a person, as does a second one, which is old.
    def reuse(week: Week) -> None:
        for name, days in (("koncert onsdag", 0), ("gammel onsdag", 1)):
            week.publish(name, timedelta(days=days))
            week.change(name, guid=f"guid-arkiv {days}", body=f"<p>{name} på rådhuset, helt andre ord.</p>")
            del week.feed[f"arkiv {days}"]

    week.until(wall(WEDNESDAY, "08:50"), reuse)
    week.until(wall(WEDNESDAY, "11:00"))
    held = dict(held_in(secretariat).values_list("title", "pk"))
    assert release(secretariat, [held.pop("koncert onsdag")]) == dismiss(secretariat, held.values()) == 1

    # Thursday: a new system, first with other guids and addresses, then with everything else in other words, too.
    def move(week: Week) -> None:
        for name, old in week.feed.items():
            week.change(name, guid=f"node/{name}", link=f"https://ny.example.org/{name}", title=old.title.upper())

    def reword(week: Week) -> None:
        for number, name in enumerate(week.feed):
            week.change(
                name, guid=f"uuid-{number}", link=f"https://ny.example.org/artikel/{number}", title=f"Artikel {number}",
                body=f"<p>Skrevet om fra ende til anden, nu som nummer {number}.</p>",
                published=week.now - timedelta(minutes=number),
            )  # fmt: skip

    week.until(wall(WEDNESDAY, "23:00"), move)
    week.until(wall(THURSDAY, "09:50"), lambda week: week.publish("torsdag"))
    week.until(wall(THURSDAY, "12:00"), reword)
    week.until(wall(THURSDAY, "14:00"))
    assert dismiss(secretariat, list(held_in(secretariat).values_list("pk", flat=True))) == len(week.feed)

    # Friday: seven in a morning, where two a day were most: one rule holds itself, the other finds two concerts.
    def burst(week: Week) -> None:
        for number, kind in enumerate(("koncert", *5 * ["fredag"], "koncert")):
            week.publish(f"{kind} nummer {number}", timedelta(seconds=10 - number))

    week.until(wall(FRIDAY, "08:50"), burst)
    week.until(wall(FRIDAY, "11:00"))
    posts.refresh_from_db()
    assert posts.held_at == wall(FRIDAY, "09:15") and posts.held_why["params"]["number"] == "7"
    assert go_on(posts, week.now)

    # Saturday: as always, and Sunday the page of something that has gone out is taken back.
    week.until(wall(SATURDAY, "09:50"), lambda week: week.publish("koncert lørdag"))
    week.until(wall(SUNDAY, "10:00"), lambda week: week.feed.pop("koncert lørdag"))
    week.until(wall(SUNDAY, "12:00"))

    assert [(title, at.astimezone(COPENHAGEN).strftime("%d. %H:%M")) for title, at in week.sent] == [
        ("koncert mandag", "08. 09:15"),
        ("tirsdag", "09. 13:15"),
        ("koncert onsdag", "10. 11:15"),
        ("torsdag", "11. 10:15"),
        ("koncert nummer 0", "12. 11:15"),
        ("fredag nummer 1", "12. 12:15"),
        ("fredag nummer 2", "12. 13:15"),
        ("koncert lørdag", "13. 10:15"),
    ]
    assert _issues(newsletter) == [
        ["koncert mandag", "koncert, der aflyses"],
        ["koncert onsdag", "koncert nummer 0", "koncert nummer 6", "koncert lørdag"],
    ]
    left = RuleMatch.objects.filter(rule=posts).exclude(outcome="approved").values_list("item__title", "outcome")
    assert dict(left) == {"koncert, der aflyses": "withdrawn"} | {
        f"{kind} nummer {number}": "capped"
        for number, kind in ((3, "fredag"), (4, "fredag"), (5, "fredag"), (6, "koncert"))
    }
    _nothing_else_happened(week, secretariat)


def _nothing_else_happened(week: Week, organisation: Organisation) -> None:
    """Nothing of the archive was used, whatever became of its keys; people were asked what needs a person, and once."""
    used = Item.objects.filter(organisation=organisation, chosen_for__campaign__messages__account__isnull=False)
    assert used.count() == used.distinct().count() == Delivery.objects.count() == len(week.sent)
    assert sum(title.lower().startswith("arkiv") for title in Item.objects.values_list("title", flat=True)) == ARCHIVE
    assert not Item.objects.filter(rule_matches__isnull=False, title__istartswith="a").exists()
    assert set(Item.objects.exclude(withdrawn_at=None).values_list("title", flat=True)) == {
        "koncert, der aflyses", "koncert lørdag", "arkiv 0", "arkiv 1",
    }  # fmt: skip
    assert list(Notice.objects.order_by("pk").values_list("kind", "subject_kind")) == [
        (NoticeKind.NEW_ITEM, "campaign"),
        (NoticeKind.REVIEW_READY, "campaign"),
        (NoticeKind.ALERT, "source"),
        (NoticeKind.NEW_ITEM, "campaign"),
        (NoticeKind.ALERT, "source"),
        (NoticeKind.ALERT, "rule"),
    ]


def _hand_in(newsletter: Newsletter, user: User) -> None:
    """Somebody hands in the open issue, so that the next news begins another."""
    newsletter.refresh_from_db()
    assert newsletter.open_issue is not None
    submit(newsletter.open_issue, user)


def _issues(newsletter: Newsletter) -> list[list[str]]:
    """The headlines of each issue, in their order."""
    issues = Campaign.objects.filter(messages__newsletter=newsletter).order_by("pk")
    return [[block.content["title"] for block in mail_of(issue).blocks.all()] for issue in issues]
