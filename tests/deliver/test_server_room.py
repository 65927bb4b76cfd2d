"""A slow server keeps some workers, never all: what is due on other channels goes out meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from publisher.accounts.connect import connect_account
from publisher.deliver import post, post_turns, server_room
from publisher.models import Account, Organisation
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import begun, scheduled, state

HERE, ELSEWHERE = "https://mastodon.example.org", "https://social.example.net"


@pytest.fixture(autouse=True)
def four_workers() -> Iterator[None]:
    server_room.share(4)
    yield
    server_room.share(1)


@pytest.mark.parametrize(("processes", "most"), [(1, 1), (2, 1), (3, 2), (4, 2), (8, 4)])
def test_half_of_the_workers_may_be_at_one_server(processes: int, most: int) -> None:
    server_room.share(processes)
    with ExitStack() as held:
        places = [held.enter_context(server_room.room_at("x")) for _ in range(most + 1)]
        assert places == [True] * most + [False]
        assert held.enter_context(server_room.room_at("threads"))
    with server_room.room_at("x") as again:
        assert again


def test_where_no_file_can_be_made_nobody_waits(settings: object, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.OPSLAG_HOME = tmp_path / "file"  # type: ignore[attr-defined]
    with ExitStack() as held:
        assert all(held.enter_context(server_room.room_at("x")) for _ in range(5))


def test_each_server_has_its_turn() -> None:
    servers = {1: "a", 2: "a", 3: "a", 4: "b", 5: "c", 6: "b"}
    assert server_room.in_turn([1, 2, 3, 4, 5, 6], servers) == [1, 4, 5, 2, 6, 3]


def test_who_stands_still_keeps_no_place_for_ever(settings: Any) -> None:
    server_room.share(2)
    long_ago = time.time() - server_room.STANDS_AFTER_S - 1
    with server_room.room_at("x") as one, server_room.room_at("x") as none:
        assert (one, none) == (True, False)
        for place in (settings.OPSLAG_HOME / server_room.FOLDER).iterdir():
            os.utime(place, (long_ago, long_ago))
        with server_room.room_at("x") as instead, server_room.room_at("x") as no_third:
            assert (instead, no_third) == (True, False)


@pytest.mark.database
def test_behind_a_crowd_for_one_channel_others_are_seen(
    account: Account, server: MastodonServer, secretariat: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long its own line is: a look takes so many, and no more."""
    monkeypatch.setattr(post, "_AT_ONCE", 3)
    other = connect_account(secretariat, "mastodon", {"server": ELSEWHERE, "access_token": server.token})
    crowd, free = [begun(scheduled(account)).pk for _ in range(4)], begun(scheduled(other)).pk
    assert post.to_publish(timezone.now()) == [crowd[0], free, crowd[1]]


@pytest.mark.database
def test_a_full_server_holds_up_its_own_posts_alone(
    account: Account, server: MastodonServer, secretariat: Organisation
) -> None:
    other = connect_account(secretariat, "mastodon", {"server": ELSEWHERE, "access_token": server.token})
    waiting = [scheduled(account, timezone.now()) for _ in range(post_turns.FIRST + 2)]
    free = scheduled(other)
    with server_room.room_at(f"mastodon {HERE}"), server_room.room_at(f"mastodon {HERE}"):
        post_turns.work_on_posts()
        assert state(free)[0] == "sent"
        assert {state(each)[0] for each in waiting} == {"pending"}
    while post_turns.work_on_posts():
        pass
    assert {state(each)[0] for each in waiting} == {"sent"}
