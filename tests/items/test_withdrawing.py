"""Withdrawal: what the source names, what is missing from all it has, what vanished from a feed; and coming back."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from django.utils import timezone

from publisher.http import use_transport
from publisher.items import page_facts
from publisher.items.history import history_of
from publisher.items.withdrawing import PAGES_A_LOOK, restore, withdraw
from publisher.models import AuditEntry, Item, Rule, User
from publisher.rules.matching import apply_rules
from publisher.vocabulary import ItemState, Withdrawal
from tests.items.by_hand import SITE, Hand, story

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("english")]

OLD = tuple(story(number) for number in range(8))


class Pages:
    """The website's pages: all are there, except `gone` (path → status)."""

    def __init__(self, **gone: int) -> None:
        self.gone = {path.replace("_", "/"): status for path, status in gone.items()}
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        status = self.gone.get(request.url.path, 200)
        if not status:
            raise httpx.ConnectError("away")
        return httpx.Response(status, content=b"<html>")


@pytest.fixture(autouse=True)
def no_look_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is asked here because of a withdrawal is counted."""
    monkeypatch.setattr(page_facts, "PAGES_PER_POLL", 0)


def withdrawn() -> dict[str, str]:
    return dict(Item.objects.filter(withdrawn_at__isnull=False).values_list("title", "withdrawn_why"))


def test_what_the_source_takes_back_is_withdrawn(hand: Hand) -> None:
    hand.gives(*OLD)
    assert hand.gives(*OLD[1:], withdrawn=("guid-0", "guid-unknown", "")).withdrawn == 1
    assert withdrawn() == {"Nyhed nummer 0": Withdrawal.DELETED}
    hand.gives(*OLD[1:], withdrawn=("guid-0",))
    assert AuditEntry.objects.filter(action="item_withdrawn").count() == 1


def test_what_is_missing_from_all_there_is_is_withdrawn(hand: Hand) -> None:
    hand.gives(*OLD, complete=True)
    assert hand.gives(*OLD[2:], complete=True).withdrawn == 2
    assert set(withdrawn().values()) == {Withdrawal.UNPUBLISHED}


def test_a_source_that_suddenly_lacks_most_of_it_is_not_believed(hand: Hand) -> None:
    hand.gives(*OLD, complete=True)
    assert hand.gives(OLD[0], complete=True).withdrawn == 0
    assert hand.gives(complete=True).withdrawn == 0
    assert hand.gives(complete=True, unchanged=True).withdrawn == 0


def test_a_rekeyed_item_is_not_missing(hand: Hand) -> None:
    hand.gives(*OLD, complete=True)
    hand.gives(*(replace(each, external_key=f"ny-{each.external_key}") for each in OLD), complete=True)
    assert withdrawn() == {}


def test_what_vanished_from_between_others_is_asked_for_once(hand: Hand) -> None:
    pages = Pages(_nyheder_5=404, _nyheder_6=200)
    with use_transport(httpx.MockTransport(pages.answer)):
        hand.gives(*OLD)
        assert pages.asked == []
        assert hand.gives(*(OLD[n] for n in (0, 1, 2, 3, 4, 7))).withdrawn == 1
        hand.gives(*(OLD[n] for n in (0, 1, 2, 3, 4, 7)))
    assert sorted(pages.asked) == ["/nyheder/5", "/nyheder/6"]
    assert withdrawn() == {"Nyhed nummer 5": Withdrawal.GONE}


def test_what_leaves_at_the_end_of_a_feed_is_only_old(hand: Hand) -> None:
    pages = Pages(_nyheder_0=404, _nyheder_1=410)
    with use_transport(httpx.MockTransport(pages.answer)):
        hand.gives(*OLD)
        hand.gives(*OLD[2:], story(9))
    assert (pages.asked, withdrawn()) == ([], {})


def test_few_pages_are_asked_at_once_and_none_is_withdrawn_for_a_fault(hand: Hand) -> None:
    pages = Pages(**{f"_nyheder_{n}": status for n, status in ((1, 500), (2, 403), (3, 0), (4, 410), (5, 301))})
    with use_transport(httpx.MockTransport(pages.answer)):
        hand.gives(*OLD)
        for _look in range(3):
            before = len(pages.asked)
            hand.gives(OLD[0], OLD[7])
            assert len(pages.asked) - before <= PAGES_A_LOOK
    assert len(pages.asked) == 6
    assert withdrawn() == {"Nyhed nummer 4": Withdrawal.GONE}


def test_what_comes_back_is_news_again_and_the_history_says_so(hand: Hand) -> None:
    hand.gives(*OLD, complete=True)
    hand.gives(*OLD[1:], complete=True)
    hand.gives(*OLD, complete=True)
    item = Item.objects.get(title="Nyhed nummer 0")
    assert (item.withdrawn_at, item.withdrawn_why, item.state) == (None, "", ItemState.SEEN)
    assert [line.words for line in history_of(item)] == [
        "found it in the source again",
        "found it no longer published in the source: the news item is withdrawn",
    ]


def test_what_vanishes_twice_is_asked_for_twice(hand: Hand) -> None:
    pages = Pages()
    with use_transport(httpx.MockTransport(pages.answer)):
        for entries in (OLD, OLD[:3] + OLD[4:], OLD, OLD[:3] + OLD[4:]):
            hand.gives(*entries)
    assert pages.asked == ["/nyheder/3", "/nyheder/3"]


def test_a_colleagues_word_stands_whatever_the_source_gives(hand: Hand, anna: User) -> None:
    hand.gives(*OLD)
    item = Item.objects.get(title="Nyhed nummer 0")
    assert withdraw(item, Withdrawal.BY_HAND, anna)
    assert not withdraw(item, Withdrawal.BY_HAND, anna)
    hand.gives(*OLD)
    assert withdrawn() == {item.title: Withdrawal.BY_HAND}
    assert restore(item, anna)
    assert not restore(item, anna)
    assert [(line.who, line.words) for line in history_of(item)] == [
        (anna, "took the withdrawal back"),
        (anna, "withdrew the news item"),
    ]


def test_a_source_that_does_not_speak_for_an_item_withdraws_nothing(hand: Hand) -> None:
    hand.gives(*OLD, complete=True)
    other = hand.again("Andet")
    other.gives(*OLD, complete=True)
    assert other.gives(*OLD[1:], withdrawn=("guid-0",), complete=True).withdrawn == 0


def test_no_rule_takes_up_what_is_withdrawn(hand: Hand, newsletter: object) -> None:
    Rule.objects.create(organisation=hand.row.organisation, name="Alt", newsletter=newsletter)
    hand.gives(*OLD)
    hand.gives(*OLD, story(50, published_at=timezone.now(), link=f"{SITE}/ny"), complete=True)
    hand.gives(*OLD, complete=True)
    assert Item.objects.get(state=ItemState.NEW).withdrawn_at is not None
    assert apply_rules(timezone.now()) == []
