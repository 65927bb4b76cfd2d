"""What Meta's headers say about our use of its calls, and what becomes of calls that can wait."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import http
from publisher.errors import ThrottledError
from publisher.platforms.contract import Figures
from publisher.platforms.facebook import FacebookConfig, FacebookPlatform
from publisher.platforms.instagram import InstagramConfig, InstagramPlatform
from publisher.platforms.meta_replies import wait_s
from publisher.platforms.meta_usage import LONGEST_HEADER, LONGEST_WAIT_S, Usage, usage_of
from publisher.platforms.threads import ThreadsConfig, ThreadsPlatform
from tests.contract.facebook import FacebookServer
from tests.contract.instagram import InstagramServer
from tests.contract.meta_server import GraphServer
from tests.contract.threads import ThreadsServer
from tests.contract.wire import in_process
from tests.platforms.platform_contract import a_post

NAMES = ("X-App-Usage", "X-Page-Usage", "X-Business-Use-Case-Usage")
HIGH = {"call_count": 28, "total_time": 93, "total_cputime": 25}


@pytest.mark.parametrize(
    ("name", "told", "usage"),
    [
        ("X-App-Usage", HIGH, Usage(93)),
        ("X-Page-Usage", HIGH, Usage(93)),
        ("X-Page-Usage", HIGH | {"estimated_time_to_regain_access": 5}, Usage(93, 300)),
        ("X-Business-Use-Case-Usage", {"1": [HIGH], "2": [{"call_count": 97.5}]}, Usage(97.5)),
        ("X-Business-Use-Case-Usage", {"1": [{"estimated_time_to_regain_access": 5}]}, Usage(0, 300)),
        ("X-App-Usage", {"call_count": True, "total_time": "99", "total_cputime": -1}, Usage()),
        ("X-App-Usage", [HIGH], Usage()),
        ("X-Business-Use-Case-Usage", {"1": HIGH, "2": [7]}, Usage()),
        ("X-App-Usage", HIGH | {"more": "x" * LONGEST_HEADER}, Usage()),
        ("X-Page-Usage", {"estimated_time_to_regain_access": 10**400}, Usage(0, LONGEST_WAIT_S)),
        ("X-Page-Usage", {"estimated_time_to_regain_access": float("inf")}, Usage(0, LONGEST_WAIT_S)),
    ],
)
def test_each_header_is_read(name: str, told: object, usage: Usage) -> None:
    assert usage_of(httpx.Headers({name: json.dumps(told)})) == usage


@pytest.mark.parametrize("name", NAMES)
@given(said=st.text(max_size=60) | st.integers(1, LONGEST_HEADER).map("[".__mul__) | st.just("9" * 5000))
def test_what_is_no_usage_says_nothing(name: str, said: str) -> None:
    assert usage_of({name: said}) == Usage()


def test_all_headers_count_together_and_the_longest_wait_is_kept() -> None:
    regain = {"estimated_time_to_regain_access": 3}
    headers = {"X-App-Usage": json.dumps({"call_count": 12}), "X-Page-Usage": json.dumps(HIGH | regain)}
    reply = http.Reply(403, httpx.Headers(headers | {"Retry-After": "90"}), b"", "https://graph.example.org")
    assert usage_of(reply.headers) == Usage(93, 180)
    assert wait_s(reply, 600) == 180


def staged(kind: str) -> tuple[GraphServer, Any, Any]:
    server: GraphServer
    if kind == "facebook":
        server = FacebookServer()
        return server, FacebookPlatform(), FacebookConfig(server.token, page_id="1001")
    if kind == "instagram":
        server = InstagramServer()
        return server, InstagramPlatform(), InstagramConfig(server.token, account_id="17841")
    server = ThreadsServer()
    return server, ThreadsPlatform(), ThreadsConfig(server.token)


@pytest.fixture(params=["facebook", "instagram", "threads"])
def on(request: pytest.FixtureRequest) -> Iterator[tuple[GraphServer, Any, Any]]:
    """The server, the plug-in and its credentials."""
    server, platform, config = staged(request.param)
    with http.use_transport(in_process(server)):
        yield server, platform, config


@pytest.mark.parametrize(("fault", "wait"), [("app_used", 600), ("page_used", 600), ("business_used", 420)])
def test_figures_wait_while_little_is_left(on: tuple[GraphServer, Any, Any], fault: str, wait: float) -> None:
    server, platform, config = on
    server.faults.set(fault, times=None)
    with pytest.raises(ThrottledError, match="91 %") as busy:
        platform.figures(config, {}, ["1001_1"])
    assert busy.value.retry_after == wait
    assert len(server.calls) == 1


def test_posts_have_what_is_left() -> None:
    server, platform, config = staged("facebook")
    with http.use_transport(in_process(server)):
        server.faults.set("app_used", times=None)
        facts = platform.verify(config).facts
        platform.commit(config, facts, a_post(), platform.prepare(config, facts, a_post()))
    assert len(server.public()) == 1


def test_headers_that_cannot_be_read_stop_nothing() -> None:
    server, platform, config = staged("facebook")
    with http.use_transport(in_process(server)):
        first = platform.commit(config, {}, a_post(), {})
        server.faults.set("usage_unreadable", times=None)
        assert platform.figures(config, {}, [first.remote_id]) == {first.remote_id: Figures(7, 0, 0, 41)}
