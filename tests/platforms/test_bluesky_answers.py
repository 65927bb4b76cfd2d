"""What each answer of a Bluesky server means, while uploading and on the call that publishes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from publisher import http
from publisher.errors import (
    AccountError,
    OpslagError,
    PermanentError,
    ThrottledError,
    TokenExpiredError,
    TransientError,
    UncertainError,
)
from publisher.platforms.bluesky import BlueskyPlatform
from publisher.platforms.bluesky_session import BlueskyConfig
from publisher.platforms.contract import PictureFile
from tests.contract.wire import Response, in_process
from tests.platforms.platform_contract import a_post

CONFIG = BlueskyConfig(
    "kultur.example.org",
    "abcd-efgh-ijkl-mnop",
    access_token="a",
    refresh_token="r",
    did="did:plc:kultur",
    pds="https://pds.example.org",
    session_at="2026-11-27T08:00:00+00:00",
)
EXPECTED: list[tuple[int, str, type[OpslagError], type[OpslagError]]] = [
    (301, "", AccountError, AccountError),
    (400, "InvalidRequest", PermanentError, PermanentError),
    (400, "ExpiredToken", TokenExpiredError, TokenExpiredError),
    (400, "InvalidToken", TokenExpiredError, TokenExpiredError),
    (401, "InvalidToken", TokenExpiredError, TokenExpiredError),
    (400, "BlobNotFound", PermanentError, PermanentError),
    (401, "AuthMissing", AccountError, AccountError),
    (401, "AccountTakedown", AccountError, AccountError),
    (403, "", AccountError, AccountError),
    (404, "", PermanentError, PermanentError),
    (408, "", TransientError, UncertainError),
    (413, "PayloadTooLarge", PermanentError, PermanentError),
    (429, "RateLimitExceeded", ThrottledError, ThrottledError),
    (500, "InternalServerError", TransientError, UncertainError),
    (502, "UpstreamFailure", TransientError, UncertainError),
    (503, "NotEnoughResources", TransientError, UncertainError),
    (504, "UpstreamTimeout", TransientError, UncertainError),
]


def raised(status: int, body: bytes, picture: PictureFile, **headers: str) -> tuple[OpslagError, OpslagError]:
    """What `prepare` and `commit` raise when everything is answered like this."""
    platform, post = BlueskyPlatform(), a_post(pictures=(picture,))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with http.use_transport(in_process(lambda request: Response(status, body, named))):
        with pytest.raises(OpslagError) as preparing:
            platform.prepare(CONFIG, {}, post)
        with pytest.raises(OpslagError) as committing:
            platform.commit(CONFIG, {}, replace(post, pictures=()), {})
    return preparing.value, committing.value


@pytest.mark.parametrize(("status", "name", "on_prepare", "on_commit"), EXPECTED)
def test_what_each_answer_means(
    status: int, name: str, on_prepare: type[OpslagError], on_commit: type[OpslagError], picture: PictureFile
) -> None:
    body = json.dumps({"error": name, "message": "Nej"}).encode()
    assert tuple(map(type, raised(status, body, picture))) == (on_prepare, on_commit)


@pytest.mark.parametrize("body", [b"", b"<h1>Hej</h1>", b'["no object"]'])
@pytest.mark.parametrize(
    ("status", "on_prepare", "on_commit"),
    [
        (200, TransientError, UncertainError),
        (502, TransientError, UncertainError),
        (400, PermanentError, PermanentError),
    ],
)
def test_answers_that_are_no_json_objects(
    body: bytes, status: int, on_prepare: type[OpslagError], on_commit: type[OpslagError], picture: PictureFile
) -> None:
    assert tuple(map(type, raised(status, body, picture))) == (on_prepare, on_commit)


@pytest.mark.parametrize("body", [b"{}", b'{"uri": null}', b'{"uri": "at://did:plc:other/app.bsky.feed.post/x"}'])
def test_a_success_that_names_another_record_is_none(body: bytes, picture: PictureFile) -> None:
    _preparing, committing = raised(200, body, picture)
    assert type(committing) is UncertainError


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, 60),
        ({"RateLimit_Reset": "1"}, 1),
        ({"RateLimit_Reset": "9" * 40}, 86_400),
        ({"RateLimit_Reset": "soon"}, 60),
        ({"Retry_After": "90"}, 90),
    ],
)
def test_how_long_it_is_waited(headers: dict[str, str], wait: float, picture: PictureFile) -> None:
    _preparing, committing = raised(429, b"{}", picture, **headers)
    assert isinstance(committing, TransientError)
    assert committing.retry_after == wait
