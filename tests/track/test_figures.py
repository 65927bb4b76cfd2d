"""What platforms count about our posts: asked in time and sparingly, by one at a time, kept without our own parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Min
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.models import Account, Operation, Organisation, PostFigures, StopStamp
from publisher.track import figures
from publisher.track.comments import unseen as new_in
from publisher.track.figure_times import OLDEST
from publisher.vocabulary import AccountStatus, OperationKind, OperationStatus
from tests.contract.linkedin import LinkedInServer
from tests.contract.mastodon import MastodonServer
from tests.contract.telegram import TelegramServer
from tests.contract.wire import Request, Response, answer, in_process
from tests.contract.x import XServer
from tests.deliver.posting import connected
from tests.track.social import asked, on_server, published, since, told

pytestmark = pytest.mark.database

READ = "GET /api/v1/statuses"
ME = "GET /api/v1/accounts/verify_credentials"


def reads(server: MastodonServer) -> int:
    return sum(call.startswith(READ) for call in server.calls)


@pytest.fixture
def x() -> Iterator[XServer]:
    running = XServer()
    with http.use_transport(in_process(running)):
        yield running


@pytest.fixture
def on_x(secretariat: Organisation, x: XServer) -> Account:
    return connect_account(secretariat, "x", {"access_token": x.token})


@pytest.mark.parametrize("kind", ["mastodon", "gotosocial"])
def test_what_a_post_has_got_is_kept(secretariat: Organisation, server: MastodonServer, kind: str) -> None:
    account = connected(secretariat, server, kind)
    delivery = published(account)
    status = on_server(server, delivery)
    status.likes, status.reposts, status.replies = 7, 3, 2
    assert asked(account) == 1
    row = told(delivery)
    assert (row.likes, row.reposts, row.replies, row.views) == (7, 3, 2, None)
    assert row.read_at and row.next_at and row.claim_id is None and row.attempts == 0
    assert (row.replies_seen, row.replies_mailed) == (0, 0)


def test_the_posts_of_a_thread_are_no_comments_on_each_other(account: Account, server: MastodonServer) -> None:
    delivery = published(account, "Dørene åbner klokken 19.", "Vi ses!")
    on_server(server, delivery, 1).replies += 4
    assert asked(account) == 3
    assert on_server(server, delivery).replies == 1, "the server counts our own"
    assert [told(delivery, position).replies for position in range(3)] == [0, 4, 0]


def test_what_we_took_down_is_not_subtracted_and_not_asked_about(account: Account, server: MastodonServer) -> None:
    delivery = published(account, "Dørene åbner klokken 19.")
    on_server(server, delivery).replies = 2
    asked(account)
    last = delivery.parts.get(position=1)
    done = {"kind": OperationKind.DELETE, "status": OperationStatus.DONE, "due_at": timezone.now()}
    Operation.objects.create(part=last, **done)
    assert asked(account) == 1
    assert told(delivery).replies == 2
    figures.settle(timezone.now())
    assert told(delivery, 1).next_at is None


def test_many_posts_are_asked_about_together(account: Account, server: MastodonServer) -> None:
    deliveries = [published(account, title=f"Nyhed {number}") for number in range(3)]
    before = reads(server)
    assert asked(account) == 3
    assert reads(server) == before + 1
    assert {told(delivery).likes for delivery in deliveries} == {0}


def test_a_post_is_asked_about_at_its_time_and_not_before(account: Account, server: MastodonServer) -> None:
    delivery, now = published(account), timezone.now()
    assert figures.begin(now) == 1 and figures.begin(now) == 0
    first = told(delivery).next_at
    assert first and figures.to_ask(first - timedelta(seconds=1)) == [] and figures.ask(account.pk) == 0
    assert figures.to_ask(first) == [account.pk]


def test_old_posts_are_left_alone(account: Account, server: MastodonServer) -> None:
    old, older = published(account, title="Gammel"), published(account, title="Ældre")
    since(old, OLDEST - timedelta(hours=1))
    since(older, OLDEST + timedelta(hours=1))
    assert asked(account) == 1
    assert told(old).next_at is None, "that was its last look"
    assert not PostFigures.objects.filter(part__delivery=older).exists()
    PostFigures.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    since(old, OLDEST)
    assert figures.settle(timezone.now()) == 1 and told(old).next_at is None


def test_comments_that_an_old_post_had_when_we_began_are_no_news(account: Account, server: MastodonServer) -> None:
    delivery = published(account)
    since(delivery, timedelta(days=8))
    on_server(server, delivery).replies = 5
    asked(account)
    assert (told(delivery).replies_seen, told(delivery).replies_mailed) == (5, 5)
    on_server(server, delivery).replies = 6
    asked(account)
    assert (told(delivery).replies, told(delivery).replies_seen) == (6, 5)


def test_deleted_comments_do_not_hide_new_ones(account: Account, server: MastodonServer) -> None:
    delivery = published(account)
    on_server(server, delivery).replies = 3
    asked(account)
    PostFigures.objects.update(replies_seen=3, replies_mailed=3)
    on_server(server, delivery).replies = 1
    asked(account)
    on_server(server, delivery).replies = 2
    asked(account)
    assert (told(delivery).replies, told(delivery).replies_seen, told(delivery).replies_mailed) == (2, 1, 1)


def test_where_reading_costs_only_first_posts_are_asked_about_and_seldom(on_x: Account, x: XServer) -> None:
    delivery = published(on_x, "Dørene åbner klokken 19.")
    x.figures[delivery.parts.get(position=0).remote_id] = {
        "like_count": 1, "retweet_count": 2, "reply_count": 3, "impression_count": 400,
    }  # fmt: skip
    now, spent = timezone.now(), x.spent
    assert figures.begin(now) == 1
    assert told(delivery).next_at == delivery.parts.get(position=0).published_at + timedelta(hours=6)
    assert asked(on_x) == 1 and x.spent == spent + Decimal("0.001")
    row = told(delivery)
    assert (row.likes, row.reposts, row.replies, row.views) == (1, 2, 2, 400)


def test_our_first_comment_is_no_comment_and_nobody_is_asked_about_it(secretariat: Organisation) -> None:
    server = LinkedInServer()
    with http.use_transport(in_process(server)):
        values = {"organisation": "urn:li:organization:1", "access_token": server.token}
        account = connect_account(secretariat, "linkedin", values)
        delivery = published(account, "Tilmelding på hjemmesiden.")
        told_there = {"likeCount": 1, "shareCount": 2, "commentCount": 4, "impressionCount": 400}
        server.figures[delivery.parts.get(position=0).remote_id] = told_there
        assert asked(account) == 1 and PostFigures.objects.count() == 1
    row = told(delivery)
    assert (row.likes, row.reposts, row.replies, row.views) == (1, 2, 3, 400)


def test_a_platform_that_tells_nothing_is_never_asked(secretariat: Organisation) -> None:
    server = TelegramServer()
    with http.use_transport(in_process(server)):
        account = connect_account(secretariat, "telegram", {"channel": "@kultur", "token": server.token})
        published(account)
        assert figures.begin(timezone.now()) == 0


# Trouble


@pytest.mark.parametrize("fault", ["429", "503_retry_after", "500", "drop_before_read"])
def test_a_question_that_fails_waits_with_all_others_of_its_channel(
    account: Account, server: MastodonServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(figures, "AT_ONCE", 1)
    first, second = published(account), published(account, title="Nyhed 2")
    server.faults.set(fault, on=READ)
    before, now = reads(server), timezone.now()
    assert asked(account) == 0
    assert reads(server) == before + (fault != "drop_before_read")
    row, other = told(first), told(second)
    assert row.attempts == 1 and row.last_error and row.claim_id is None and row.read_at is None
    assert row.next_at and other.next_at == row.next_at and row.next_at >= now + timedelta(minutes=10)
    assert figures.to_ask(now) == []
    assert asked(account) == 1 and told(first).last_error == {} and told(first).attempts == 0


def test_a_platform_that_names_a_time_is_left_alone_until_then(account: Account, server: MastodonServer) -> None:
    delivery, now = published(account), timezone.now()
    figures.begin(now)
    with http.use_transport(in_process(lambda _request: Response(429, b"{}", {"Retry-After": "7200"}))):
        assert asked(account) == 0
    next_at = told(delivery).next_at
    assert next_at and next_at >= now + timedelta(hours=2)


def test_failures_in_a_row_come_further_and_further_apart(account: Account, server: MastodonServer) -> None:
    delivery = published(account)
    server.faults.set("500", None, on=READ)
    pauses = []
    for _ in range(5):
        asked(account)
        next_at = told(delivery).next_at
        assert next_at
        pauses.append(round((next_at - timezone.now()) / timedelta(minutes=1)))
    assert pauses == [10, 60, 360, 1440, 1440]


def test_a_channel_that_refuses_us_is_found_out_about_and_left_alone(account: Account, server: MastodonServer) -> None:
    delivery = published(account)
    server.revoke(server.token)
    assert asked(account) == 0
    account.refresh_from_db()
    assert account.status == AccountStatus.NEEDS_RECONNECT and told(delivery).last_error
    before = len(server.calls)
    PostFigures.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert figures.to_ask(timezone.now()) == [] and figures.ask(account.pk) == 0 and len(server.calls) == before
    Account.objects.update(status=AccountStatus.CONNECTED)
    assert figures.to_ask(timezone.now()) == [account.pk], "connected again, it goes on"


def test_a_missing_permission_for_figures_stops_no_channel(account: Account, server: MastodonServer) -> None:
    delivery = published(account)

    def without_reading(request: Request) -> Response:
        if f"{request.method} {request.path}".startswith(READ):
            return answer({"error": "This action is outside the authorized scopes"}, 403)
        return server(request)

    with http.use_transport(in_process(without_reading)):
        assert asked(account) == 0
    account.refresh_from_db()
    assert account.status == AccountStatus.CONNECTED and told(delivery).last_error


@pytest.mark.parametrize("kind", ["mastodon", "gotosocial"])
def test_a_post_that_somebody_deleted_is_noticed_once(
    secretariat: Organisation, server: MastodonServer, kind: str
) -> None:
    account = connected(secretariat, server, kind)
    gone, there = published(account), published(account, title="Nyhed 2")
    on_server(server, gone).likes = 9
    asked(account)
    on_server(server, gone).deleted = True
    assert asked(account) == 1
    row = told(gone)
    assert row.gone_at and row.next_at is None and row.last_error == {} and row.likes == 9
    before = reads(server)
    assert asked(account) == 1 and told(there).gone_at is None
    assert reads(server) == before + 1, "and never asked about again"


def test_a_post_that_is_only_left_out_is_not_gone(
    account: Account, server: MastodonServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bluesky's index is behind now and then, and LinkedIn leaves out what nobody has seen."""
    delivery = published(account)
    monkeypatch.setattr(figures.platform_of(account).__class__, "figures", lambda *_arguments: {})
    assert asked(account) == 0
    row = told(delivery)
    assert row.gone_at is None and row.read_at is None and row.next_at and row.attempts == 0


def test_one_post_that_is_refused_does_not_hide_the_others(keyless: Account, server: MastodonServer) -> None:
    account = keyless
    bad, good = published(account), published(account, title="Nyhed 2")
    refused = bad.parts.get().remote_id

    def picky(request: Request) -> Response:
        if f"{request.method} {request.path}" == f"{READ}/{refused}":
            return answer({"error": "Unprocessable"}, 422)
        return server(request)

    with http.use_transport(in_process(picky)):
        assert asked(account) == 1
    assert told(good).read_at and told(good).last_error == {}
    assert told(bad).last_error and told(bad).next_at and told(bad).attempts == 1


# One at a time


def test_who_comes_second_asks_nothing(account: Account, server: MastodonServer) -> None:
    published(account)
    met: list[int] = []

    def meanwhile(request: Request) -> Response:
        if f"{request.method} {request.path}".startswith(READ):
            met.append(figures.ask(account.pk))
            assert figures.to_ask(timezone.now()) == []
        return server(request)

    with http.use_transport(in_process(meanwhile)):
        assert asked(account) == 1
    assert met == [0]


def test_of_one_server_one_channel_at_a_time(account: Account, server: MastodonServer, elsewhere: Organisation) -> None:
    other = connected(elsewhere, server)
    published(account)
    published(other)
    now = timezone.now()
    figures.begin(now)
    PostFigures.objects.update(next_at=now)
    assert figures.to_ask(now) == [account.pk]
    figures.ask(account.pk)
    assert figures.to_ask(now) == [other.pk]


def test_what_a_worker_died_with_is_let_go_and_the_late_one_changes_nothing(
    account: Account, server: MastodonServer
) -> None:
    delivery, now = published(account), timezone.now()

    def dies(request: Request) -> Response:
        if f"{request.method} {request.path}".startswith(READ):
            PostFigures.objects.update(next_at=now)
            assert figures.settle(timezone.now()) == 1
        return server(request)

    with http.use_transport(in_process(dies)):
        assert asked(account) == 0
    row = told(delivery)
    assert row.read_at is None and row.claim_id is None and row.last_error and row.attempts == 1
    assert row.next_at and row.next_at > now + timedelta(minutes=9)


@pytest.mark.parametrize("why", ["this installation sends nothing", "everything is stopped", "we are stopped"])
def test_nobody_is_asked_while_nothing_may_leave(
    account: Account, server: MastodonServer, settings: Any, why: str
) -> None:
    published(account)
    settings.OPSLAG_NEVER_SEND = why == "this installation sends nothing"
    if why != "this installation sends nothing":
        StopStamp.objects.create(organisation=account.organisation if why == "we are stopped" else None)
    before = len(server.calls)
    assert asked(account) == 0 and figures.to_ask(timezone.now()) == [] and len(server.calls) == before
    StopStamp.objects.all().delete()
    settings.OPSLAG_NEVER_SEND = False
    assert asked(account) == 1


def test_looking_costs_the_same_for_many_posts(account: Account, server: MastodonServer) -> None:
    published(account)
    now = timezone.now()
    costs = []
    for _ in range(2):
        figures.begin(now)
        PostFigures.objects.update(next_at=now)
        with CaptureQueriesContext(connection) as queries:
            figures.begin(now)
            figures.settle(now)
            assert figures.to_ask(now) == [account.pk]
        costs.append(len(queries))
        published(account, title="Nyhed 2")
    assert costs[0] == costs[1] <= 8


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads small tables as they are")
def test_no_look_reads_the_table_of_deliveries(account: Account) -> None:
    now = timezone.now()
    looks = {
        "account_id": figures.due(now).values_list("account").annotate(first=Min("next_at")).order_by("first"),
        "figures_unseen": new_in(account.organisation).select_related("part__delivery__message__campaign"),
        "delivery_account_once": figures.unasked(now, [account.pk], [account.pk]),
    }
    for index, rows in looks.items():
        plan = rows.explain()
        assert "SCAN publisher_delivery" not in plan and index in plan, plan
