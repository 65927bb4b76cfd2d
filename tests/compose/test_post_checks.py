"""The checks of a post's words: lines that were to cut a thread, and the limits of what follows it."""

from __future__ import annotations

import pytest
from django.utils import translation

from publisher.compose.post_checks import words_findings
from publisher.compose.social import follow_up_length, published
from publisher.models import Account, Item, Message
from publisher.web.more_form import MoreForm
from tests.review.send_outs import post_of, send_out

pytestmark = pytest.mark.database


@pytest.fixture
def post(item: Item, practice_account: Account) -> Message:
    return post_of(send_out(item, None, practice_account))


def found(post: Message, kind: str, text: str, *follow_ups: str) -> list[tuple[str, str, str]]:
    """Level, field and first words of what is found about such a post on a channel of `kind`."""
    assert post.account is not None
    post.account.kind, post.text, post.follow_ups = kind, text, list(follow_ups)
    return [(level, field, said.msgid[:40]) for level, said, field in words_findings(post, post.account)]


def test_a_line_of_hyphens_must_be_cut_where_there_are_threads(post: Message) -> None:
    uncut = ("error", "text", "A line --- says where the text for “%(na")
    empty = ("warning", "text", "A line --- has no text on one side of it")
    assert found(post, "mastodon", "Først\n---\nså") == [uncut]
    assert found(post, "mastodon", "Først\n---") == [("error", *empty[1:])], "there is nothing to cut"
    assert found(post, "mastodon", "Først\n---\n\n ---- \nså") == [uncut, empty]
    assert found(post, "mastodon", "Først --- så", "En - to") == []


def test_a_line_of_hyphens_has_no_place_where_there_are_no_threads(post: Message) -> None:
    assert found(post, "facebook", "Først\n---\nså") == [("error", "text", "A line --- says where a thread is cut, a")]


def test_a_line_of_hyphens_in_what_follows_is_not_cut(post: Message) -> None:
    assert found(post, "mastodon", "Først", "Så", "Til\n---\nsidst") == [
        ("error", "follow_up", "“%(part)s” has a line ---, which would b")
    ]


def test_a_comment_has_a_limit_of_its_own(post: Message) -> None:
    mention = "@[Køge Bibliotek](urn:li:organization:7) "
    assert found(post, "linkedin", "Hej", mention + "x" * 1235) == []
    assert follow_up_length(post, mention + "x" * 1235) == (1250, 1250)
    assert found(post, "linkedin", "Hej", mention + "x" * 1236) == [
        ("error", "follow_up", "“%(part)s” has %(length)s characters; th")
    ]
    assert found(post, "facebook", "Hej", "x" * 1251) == []


def test_who_is_mentioned_on_linkedin_is_read_by_name(post: Message) -> None:
    found(post, "linkedin", "Tak til @[Køge Bibliotek](urn:li:organization:7)!", "Og @[Koret](urn:li:organization:8)")
    shown = published(post)
    assert (shown.text, shown.follow_ups) == ("Tak til Køge Bibliotek!", ("Og Koret",))


@pytest.mark.parametrize(
    ("kind", "said"), [("mastodon", "“Post 2 of the thread” is empty."), ("facebook", "“First comment” is empty.")]
)
def test_what_follows_is_called_as_above_its_field(post: Message, kind: str, said: str) -> None:
    found(post, kind, "Hej", "")
    assert post.account is not None
    with translation.override("en"):
        (finding,) = words_findings(post, post.account)
        assert str(finding.explanation).startswith(said)
        (field,) = (str(field.label) for field, _used in MoreForm(post, None).texts())
        assert f"“{field}”" in str(finding.explanation)
