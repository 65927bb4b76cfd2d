"""No sequence of edits of a feed makes a rule send an item twice, nor makes it new twice; and no news is swallowed.

The machine edits a website's articles in every way that websites do: other guids, none, shared, another's; other
addresses; other headlines, dates and words; articles that go, come back, stand there twice; a move that gives all of
them new keys; headlines and texts that come back. Meanwhile a colleague words what came in. Each article has an author
of its own, which nothing is recognised by. What would be sent twice may be held instead.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from publisher.items.identity import normalise_link, title_key
from publisher.items.quarantine import dismiss
from publisher.items.writing import Words, correct
from publisher.models import Block, Campaign, Item, Newsletter, Rule, Source, User
from publisher.rules.matching import apply_rules
from publisher.sources.contract import Candidate
from publisher.vocabulary import ItemState
from tests.items.by_hand import SITE, Hand, hand

__all__ = ["hand"]
pytestmark = [pytest.mark.database, pytest.mark.one_database]


@dataclass(frozen=True)
class Article:
    """One article as its website gives it now."""

    number: int
    guid: str
    link: str
    title: str
    body: str
    published: datetime | None

    def candidate(self) -> Candidate:
        return Candidate(
            self.guid, self.title, self.link, body_html=f"<p>{self.body}</p>", author=f"a{self.number}",
            published_at=self.published,
        )  # fmt: skip


def fresh(number: int, now: datetime) -> Article:
    return Article(number, f"g{number}", f"{SITE}/n/{number}", f"Nyhed nummer {number}", words(number, "a"),
                   now + timedelta(minutes=5 * number))  # fmt: skip


def words(number: int, version: str) -> str:
    return " ".join(f"ord{number}{version}{place}" for place in range(20))


def is_another(now: Article, before: Article, shown: list[Article]) -> bool:
    """Whether nothing is left of it: what changed guid, address, headline and text in one go is another article."""
    guid = bool(now.guid) and [each.number for each in shown if each.guid == now.guid] == [now.number]
    link = normalise_link(now.link) == normalise_link(before.link)
    title = title_key(now.title) == title_key(before.title)
    return not ((guid and now.guid == before.guid) or link or title or now.body.split()[0] == before.body.split()[0])


KINDS = (
    "guid",
    "no_guid",
    "anothers",
    "link",
    "track",
    "http",
    "title",
    "date",
    "no_date",
    "ahead",
    "body",
    "word",
    "go",
    "back",
    "twice",
)
STANDING = (
    "Dagsordenen er lagt på hjemmesiden. Læs den her, og se mødet direkte fra byrådssalen klokken 17 eller siden."
)


class Website(RuleBasedStateMachine):
    """The website, the look at it, the rule, and the clock."""

    hand: Hand
    newsletter: Newsletter
    colleague: User

    @initialize()
    def empty(self) -> None:
        for rows in (Campaign, Item, Source, Rule):
            rows.objects.all().delete()
        self.clock = timezone.now()
        self.now: dict[int, Article] = {}
        self.seen: dict[int, Article] = {}
        self.published = 0
        # As they were published, until a look has shown them.
        self.fresh: dict[int, Article] = {}
        self.away: set[int] = set()
        self.twice: set[int] = set()
        self.new: Counter[str] = Counter()
        self.source = self.hand.again("Nyheder")
        organisation, newsletter = self.newsletter.organisation, self.newsletter
        Rule.objects.create(
            organisation=organisation, name="Alt", newsletter=newsletter, daily_cap=999, max_age_hours=99_999
        )
        # The first look finds nothing, so that all that comes is new.
        self.look()
        for _number in range(3):
            self.publish()
        self.look()

    @rule(standing=st.sampled_from([{}, {"body": STANDING}, {"title": "Vejarbejde"}]))
    def publish(self, standing: dict[str, str] | None = None) -> None:
        number, self.published = self.published, self.published + 1
        self.now[number] = self.fresh[number] = replace(fresh(number, self.clock), **standing or {})

    @rule(data=st.data(), kinds=st.sets(st.sampled_from(KINDS), min_size=1, max_size=4), then_look=st.booleans())
    def edit(self, data: st.DataObject, kinds: set[str], then_look: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.now)))
        other = self.now[data.draw(st.sampled_from(sorted(self.now)))]
        article, turn = self.now[number], data.draw(st.integers(1, 3))
        changed: dict[str, dict[str, Any]] = {
            "guid": {"guid": f"g{number}-{turn}"},
            "no_guid": {"guid": ""},
            "anothers": {"guid": other.guid},
            "link": {"link": f"{SITE}/ny/{turn}/{number}"},
            "track": {"link": f"{article.link}?utm_source=rss{turn}"},
            "http": {"link": article.link.replace("https://", "http://www.")},
            "title": {"title": f"Opdateret {turn}: nyhed {number}"},
            "date": {"published": self.clock - timedelta(days=5 * turn - 8)},
            "no_date": {"published": None},
            "ahead": {"published": self.clock + timedelta(days=20 * turn)},
            "body": {"body": words(number, f"b{turn}")},
            "word": {"body": f"{article.body} udsolgt{turn}"},
        }
        for kind in sorted(kinds & set(changed)):
            self.now[number] = replace(self.now[number], **changed[kind])
        self.away = (self.away | ({number} if "go" in kinds else set())) - ({number} if "back" in kinds else set())
        self.twice ^= {number} if "twice" in kinds else set()
        if then_look:
            self.look()

    @rule(turn=st.integers(1, 3))
    def move_everything(self, turn: int) -> None:
        for number, article in self.now.items():
            self.now[number] = replace(
                article, guid=f"node/{turn}/{number}", link=f"https://ny{turn}.example.org/{number}"
            )

    @rule()
    def share_one_guid(self) -> None:
        self.now = {number: replace(article, guid="nyheder") for number, article in self.now.items()}

    @rule(hours=st.sampled_from([1, 10, 30, 200]))
    def time_passes(self, hours: int) -> None:
        self.clock += timedelta(hours=hours)

    @rule(reverse=st.booleans())
    def look(self, reverse: bool = False) -> None:
        shown = [article for number, article in sorted(self.now.items()) if number not in self.away]
        for article in shown:
            before = self.seen.get(article.number)
            if before and is_another(article, before, shown):
                del self.now[article.number]
                number, self.published = self.published, self.published + 1
                self.now[number] = replace(article, number=number)
        shown = [article for number, article in sorted(self.now.items()) if number not in self.away]
        given = [copy for article in shown for copy in [article] * (2 if article.number in self.twice else 1)]
        states = dict(Item.objects.values_list("pk", "state"))
        with time_machine.travel(self.clock, tick=False):
            collected = self.source.gives(*(each.candidate() for each in (reversed(given) if reverse else given)))
        assert collected.error is None
        self.seen |= {article.number: article for article in shown}
        for article in shown:
            if self.fresh.pop(article.number, None) == article:
                assert Item.objects.filter(author=f"a{article.number}", link=article.link).exists(), "swallowed"
        assert {pk: state for pk, state in Item.objects.values_list("pk", "state") if pk in states} == states
        self.new.update(Item.objects.filter(pk__in=collected.new).values_list("author", flat=True))
        assert not [author for author, times in self.new.items() if times > 1], "new twice"

    @rule()
    def apply_the_rules(self) -> None:
        with time_machine.travel(self.clock, tick=False):
            apply_rules(timezone.now())
        sent = Counter(content["author"] for content in Block.objects.values_list("content", flat=True))
        assert not [author for author, times in sent.items() if times > 1], "sent twice"

    @rule(data=st.data(), title=st.booleans(), days=st.sampled_from([0, 2]))
    def a_colleague_words_it(self, data: st.DataObject, title: bool, days: int) -> None:
        item = data.draw(st.sampled_from(list(Item.objects.order_by("pk"))))
        at = item.published_at and item.published_at - timedelta(days=days)
        said = Words("Vores overskrift" if title else item.title, body="Vores egne ord om det.", author=item.author,
                     link=item.link, published_at=at)  # fmt: skip
        correct(item, said, self.colleague, revision=item.revision)

    @rule()
    def lay_aside_what_is_held(self) -> None:
        held = Item.objects.filter(state=ItemState.HELD).values_list("pk", flat=True)
        dismiss(self.newsletter.organisation, list(held))


def test_no_edit_of_a_feed_sends_an_item_twice(hand: Hand, newsletter: Newsletter, anna: User) -> None:
    Website.hand, Website.newsletter, Website.colleague = hand, newsletter, anna
    run_state_machine_as_test(
        Website,
        settings=settings(
            max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


# What is left of an article when all else of it changes: each is enough to know it by, or to ask.
LEFT: dict[str, tuple[str, ...]] = {
    "guid": ("guid",),
    "address": ("link",),
    "headline and time": ("title", "published"),
    "text": ("body",),
}


@pytest.mark.parametrize("kept", LEFT.values(), ids=LEFT)
def test_one_thing_that_stays_is_enough(hand: Hand, newsletter: Newsletter, kept: tuple[str, ...]) -> None:
    site = published_once(hand, newsletter)
    elsewhen = site.clock - timedelta(days=40)
    other = Article(0, "helt-ny", f"{SITE}/flyttet/hen", "Et andet hoved", words(77, "z"), elsewhen)
    site.now[0] = replace(other, **{name: getattr(site.now[0], name) for name in kept})
    # Each of these asserts that nothing is new or sent twice.
    site.look()
    site.time_passes(10)
    site.look(reverse=True)
    site.apply_the_rules()
    assert site.new == Counter({f"a{number}": 1 for number in range(3)})


def test_a_guid_that_is_given_to_other_news_is_asked_about_and_changes_nothing(
    hand: Hand, newsletter: Newsletter
) -> None:
    site = published_once(hand, newsletter)
    site.time_passes(10)
    site.now[3] = replace(fresh(3, site.clock), guid=site.now[0].guid)
    del site.now[0]
    site.look()
    assert Item.objects.get(author="a3").state == ItemState.HELD
    assert Item.objects.get(author="a0").title == "Nyhed nummer 0"


def published_once(hand: Hand, newsletter: Newsletter) -> Website:
    """Three articles, taken up by the rule."""
    Website.hand, Website.newsletter = hand, newsletter
    site = Website()
    site.empty()
    site.apply_the_rules()
    return site
