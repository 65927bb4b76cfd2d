"""Figures on pages: numbers where a platform tells them, a dash and a reason where not; new comments and “Seen”."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from publisher.models import Account, Delivery, Message, PostFigures, PostPart, User
from publisher.track.posted import posted
from tests.contract.mastodon import MastodonServer
from tests.track.social import asked, on_server, published, told
from tests.web.desk import questions
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database


@pytest.fixture
def commented(account: Account, server: MastodonServer) -> Delivery:
    """A post with 1,234 likes and three comments."""
    delivery = published(account)
    status = on_server(server, delivery)
    status.likes, status.reposts, status.replies = 1234, 1, 3
    asked(account)
    return delivery


def page_of(delivery: Delivery) -> str:
    return f"/sendouts/{delivery.message.campaign_id}"


def test_the_receipt_says_what_each_post_has_got(commented: Delivery, annas: Client) -> None:
    page = words(annas.get(page_of(commented)))
    assert "How the posts do" in page and "figures as of" in page
    assert "Likes 1,234 Shares 1 Comments 3 Views – not told" in page
    assert "Mastodon does not tell: views." in page


def test_an_open_page_asks_for_new_figures_now_and_then(commented: Delivery, annas: Client, sven: User) -> None:
    def asks() -> tuple[str, int]:
        found = re.search(r'hx-get="([^"]*/figures[^"]*)" hx-trigger="every (\d+)s"', shown())
        return (found[1], int(found[2])) if found else ("", 0)

    def shown() -> str:
        return annas.get(page_of(commented)).content.decode()

    now = timezone.now()
    PostFigures.objects.update(next_at=now + timedelta(hours=3))
    address, seldom = asks()
    assert address.startswith(f"{page_of(commented)}/figures?seen=") and seldom >= 120
    assert annas.get(address).status_code == 204
    assert signed_in(sven).get(address).status_code == 404
    PostFigures.objects.update(next_at=now + timedelta(seconds=20))
    assert 15 <= asks()[1] < seldom, "an answer is about to come"
    PostFigures.objects.update(likes=1235)
    answer = annas.get(address)
    assert "Likes 1,235" in words(answer) and 'id="figures"' in answer.content.decode()
    PostFigures.objects.update(next_at=now - timedelta(days=1))
    assert asks()[1] == seldom, "everything is stopped"
    PostFigures.objects.update(next_at=None)
    assert asks() == ("", 0)
    PostFigures.objects.all().delete()
    Message.objects.update(finished_at=now)
    assert 15 <= asks()[1] < seldom, "it is out since a moment ago, and will be asked about"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gone_at": timezone.now(), "next_at": None}, "The post is no longer there"),
        ({"last_error": {"msgid": "It rests.", "params": {}}}, "They could not be read last time: It rests."),
        ({"read_at": None, "likes": None}, "Read for the first time"),
        ({"read_at": None, "next_at": None}, "Nothing has been told about it yet."),
        ({"likes": None}, "Not told about this post: likes."),
    ],
)
def test_it_says_why_there_is_no_number(
    commented: Delivery, annas: Client, changes: dict[str, object], said: str
) -> None:
    PostFigures.objects.update(**changes)
    assert said in words(annas.get(page_of(commented)))


def test_before_the_first_look_nothing_is_called_untold(commented: Delivery, annas: Client) -> None:
    PostFigures.objects.update(read_at=None, likes=None, reposts=None, views=None)
    page = words(annas.get(page_of(commented)))
    assert "not told" not in page and "Read for the first time" in page


def test_it_says_so_where_a_platform_tells_nothing_or_is_not_connected(commented: Delivery, annas: Client) -> None:
    Account.objects.update(status="needs_reconnect")
    assert "must be connected again before its figures" in words(annas.get(page_of(commented)))
    Account.objects.update(status="connected")
    PostPart.objects.update(remote_id="")
    assert "It is not known where the post is" in words(annas.get(page_of(commented)))
    Account.objects.update(kind="telegram")
    assert "Telegram does not tell how posts do." in words(annas.get(page_of(commented)))


def test_a_thread_s_figures_are_those_of_all_its_posts(
    account: Account,
    server: MastodonServer,
) -> None:
    delivery = published(account, "Dørene åbner klokken 19.")
    for position, likes in ((0, 5), (1, 2)):
        on_server(server, delivery, position).likes = likes
    asked(account)
    PostFigures.objects.update(views=10)
    (post,) = posted([delivery.message])
    assert post.figures == {"likes": 7, "reposts": 0, "replies": 0, "views": 10}


def test_new_comments_are_on_the_first_page_until_seen(commented: Delivery, annas: Client) -> None:
    page = annas.get("/")
    permalink = commented.parts.get().permalink
    assert "3 new comments" in words(page) and f'href="{permalink}"' in source_of(page)
    marks = {"seen": [f"{told(commented).pk}-3"], "next": "/"}
    assert f'name="seen" value="{marks["seen"][0]}"' in source_of(page)
    assert annas.get("/comments/seen").status_code == 405
    answer = annas.post("/comments/seen", marks)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "new comments" not in words(annas.get("/"))


@pytest.mark.parametrize("marks", [[], ["x"], ["-"], ["1"], ["-3"], ["9" * 30 + "-" + "9" * 30], ["1-2-3"], ["٣-٣"]])
def test_marks_that_are_none_change_nothing(commented: Delivery, annas: Client, marks: list[str]) -> None:
    answer = annas.post("/comments/seen", {"seen": marks, "next": "https://evil.example.org/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert told(commented).replies_seen == 0


def test_readers_and_strangers_mark_nothing(commented: Delivery, sven: User) -> None:
    marks = {"seen": [f"{told(commented).pk}-3"]}
    reader = signed_in(reader_in(commented.message.campaign.organisation))
    assert "3 new comments" in words(reader.get("/")) and "comments/seen" not in source_of(reader.get("/"))
    assert reader.post("/comments/seen", marks).status_code == 403
    signed_in(sven).post("/comments/seen", marks)
    assert told(commented).replies_seen == 0


def test_a_channel_s_page_has_its_last_posts_and_its_comments(
    commented: Delivery,
    account: Account,
    annas: Client,
) -> None:
    address = f"/channels/{account.pk}"
    page = words(annas.get(address))
    assert "Last posts" in page and "Likes 1,234 Shares 1 Comments 3" in page and "3 new comments" in page
    assert "3 new comments" in words(annas.get("/channels"))
    marks = {"seen": [f"{told(commented).pk}-3"], "next": address}
    assert annas.post("/comments/seen", marks)["Location"] == address
    assert "new comments" not in words(annas.get("/channels"))
    before = questions(annas, address)
    published(account, title="Nyhed 2")
    asked(account)
    assert questions(annas, address) == before
    page = words(annas.get(address))
    assert page.index("Nyhed 2") < page.index("Åben øvelse"), "the latest first"


def test_mails_about_comments_are_switched_on_where_the_channel_has_comments(
    commented: Delivery,
    account: Account,
    annas: Client,
) -> None:
    address = f"/channels/{account.pk}/habits"
    assert "Send us a mail a day about new comments" in words(annas.get(address))
    assert annas.post(address, {"language": "da", "visibility": "public", "tells_of_comments": "on"}).status_code == 302
    account.refresh_from_db()
    assert account.tells_of_comments and account.comments_mailed_on is not None
    assert "once a day, at 8 in the morning" in words(annas.get(f"/channels/{account.pk}"))
    Account.objects.update(kind="telegram")
    assert "Send us a mail a day" not in words(annas.get(address))
    annas.post(address, {})
    account.refresh_from_db()
    assert account.tells_of_comments, "what is not asked is not changed"


def test_the_first_page_asks_as_often_for_many_comments(
    commented: Delivery,
    account: Account,
    server: MastodonServer,
    annas: Client,
) -> None:
    before = questions(annas, "/")
    PostFigures.objects.update(replies=9)
    other = published(account, title="Nyhed 2")
    on_server(server, other).replies = 2
    asked(account, timezone.now() + timedelta(seconds=1))
    assert "2 new comments" in words(annas.get("/"))
    assert questions(annas, "/") == before


def test_what_our_access_does_not_let_us_read_is_told_apart_from_what_nobody_tells(
    commented: Delivery, annas: Client, account: Account
) -> None:
    Account.objects.update(kind="facebook", facts={"scopes": ["pages_manage_posts"]})
    account.refresh_from_db()
    page = words(annas.get(page_of(commented)))
    assert "Facebook does not tell" not in page
    assert f"Our access to “{account}” lacks the permission for: views. Connect the channel again." in page
    PostFigures.objects.update(views=41)
    page = words(annas.get(page_of(commented)))
    assert "Views 41" in page and "lacks the permission" not in page, "read before the permission was taken away"
