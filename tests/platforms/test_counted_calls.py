"""Whose calls a platform says that it counts when it wants no more: an account's, its app's, or those of one kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from publisher import http
from publisher.errors import OpslagError, ThrottledError
from publisher.platforms.contract import PictureFile, Published
from publisher.platforms.linkedin import LinkedInConfig, LinkedInPlatform
from publisher.platforms.mastodon import MastodonConfig, MastodonPlatform
from publisher.platforms.meta_containers import check_quota
from publisher.platforms.meta_replies import object_of
from publisher.platforms.x import XConfig, XPlatform
from publisher.vocabulary import Calls
from tests.contract.wire import Response, in_process
from tests.platforms.platform_contract import a_post

X, X_CONFIG = XPlatform((0,)), XConfig("t")
MASTODON, MASTODON_CONFIG = MastodonPlatform(), MastodonConfig("https://mastodon.example.org", "t")
POSTED = Published("7")


def told(response: Response, call: Callable[[], object]) -> tuple[Calls, bool]:
    """What the error says that `call` raises for the response: which calls, and whether all of the app's."""
    with http.use_transport(in_process(lambda request: response)), pytest.raises(ThrottledError) as raised:
        call()
    return raised.value.calls, raised.value.of_app


def test_x_counts_each_endpoint_apart(picture: PictureFile) -> None:
    full, post = Response(429, b"{}"), a_post(pictures=(picture,))
    words = replace(post, pictures=())
    assert told(full, lambda: X.prepare(X_CONFIG, {}, post)) == (Calls.UPLOADS, False)
    assert told(full, lambda: X.commit(X_CONFIG, {}, words, {"media_ids": []})) == (Calls.POSTS, False)
    assert told(full, lambda: X.delete(X_CONFIG, {}, POSTED)) == (Calls.DELETIONS, False)
    assert told(full, lambda: X.figures(X_CONFIG, {}, ["7"])) == (Calls.LOOKS, False)
    since = datetime.now(UTC)
    assert told(full, lambda: X.find(X_CONFIG, {"user_id": "1"}, words, since)) == (Calls.LOOKS, False)


@pytest.mark.parametrize(
    ("limit", "upload", "deletion"), [("30", Calls.UPLOADS, Calls.DELETIONS), ("300", "all", "all")]
)
def test_mastodon_names_the_limit_that_was_met(limit: str, upload: str, deletion: str, picture: PictureFile) -> None:
    full, post = Response(429, b"{}", {"X-RateLimit-Limit": limit}), a_post(pictures=(picture,))
    assert told(full, lambda: MASTODON.prepare(MASTODON_CONFIG, {}, post)) == (upload, False)
    assert told(full, lambda: MASTODON.delete(MASTODON_CONFIG, {}, POSTED)) == (deletion, False)


@pytest.mark.parametrize(("whose", "of_app"), [("APPLICATION ", True), ("MEMBER ", False), ("", False)])
def test_linkedin_says_whose_day_is_over(whose: str, of_app: bool) -> None:
    said = f"Resource level throttle {whose}DAY limit for calls to this resource is reached."
    full = Response(429, json.dumps({"status": 429, "code": "TOO_MANY_REQUESTS", "message": said}).encode())
    platform, config = LinkedInPlatform((0,)), LinkedInConfig("urn:li:organization:1", "t")
    assert told(full, lambda: platform.commit(config, {}, a_post(), {"media_ids": []})) == (Calls.ALL, of_app)


@pytest.mark.parametrize(
    ("code", "subcode", "expected"),
    [
        (4, 0, (Calls.ALL, True)),
        (341, 0, (Calls.ALL, True)),
        (17, 0, (Calls.ALL, False)),
        (32, 0, (Calls.ALL, False)),
        (80001, 0, (Calls.ALL, False)),
        (9, 2207042, (Calls.POSTS, False)),
    ],
)
def test_meta_counts_by_code(code: int, subcode: int, expected: tuple[Calls, bool]) -> None:
    body = json.dumps({"error": {"message": "Enough", "code": code, "error_subcode": subcode}}).encode()
    with pytest.raises(OpslagError) as raised:
        object_of(http.Reply(403, httpx.Headers(), body, "https://graph.facebook.com/"))
    assert isinstance(raised.value, ThrottledError)
    assert (raised.value.calls, raised.value.of_app) == expected


@pytest.mark.parametrize(
    ("name", "percent", "of_app"),
    [("X-App-Usage", 100, True), ("X-App-Usage", 99, False), ("X-Page-Usage", 100, False)],
)
def test_meta_says_in_a_header_that_the_app_has_used_all(name: str, percent: int, of_app: bool) -> None:
    body = json.dumps({"error": {"message": "Enough", "code": 32}}).encode()
    headers = httpx.Headers({name: json.dumps({"call_count": 3, "total_time": percent, "total_cputime": 1})})
    with pytest.raises(ThrottledError) as raised:
        object_of(http.Reply(403, headers, body, "https://graph.facebook.com/"))
    assert raised.value.of_app is of_app


def test_a_quota_of_posts_is_about_posts() -> None:
    with pytest.raises(ThrottledError) as raised:
        check_quota([{"quota_usage": 250, "config": {"quota_total": 250}}], "quota_usage", "config")
    assert raised.value.calls == Calls.POSTS
