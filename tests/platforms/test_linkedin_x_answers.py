"""What each status of LinkedIn's and X's answers means, while uploading and on the call that publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
from publisher.platforms.contract import PictureFile, Platform, Post
from publisher.platforms.linkedin import LinkedInConfig, LinkedInPlatform
from publisher.platforms.x import XConfig, XPlatform
from tests.contract.wire import Response, in_process
from tests.platforms.platform_contract import a_post

Step = Callable[[Platform, Any, Post], object]
STEPS: dict[str, Step] = {
    "prepare": lambda platform, config, post: platform.prepare(config, {}, post),
    "commit": lambda platform, config, post: platform.commit(config, {}, replace(post, pictures=()), {"media_ids": []}),
}
ON_LINKEDIN: tuple[Platform, Any] = (LinkedInPlatform((0,)), LinkedInConfig("urn:li:organization:1", "t"))
ON_X: tuple[Platform, Any] = (XPlatform((0,)), XConfig("t"))
EXPECTED: list[tuple[int, type[OpslagError], type[OpslagError]]] = [
    (301, AccountError, AccountError),
    (400, PermanentError, PermanentError),
    (403, AccountError, AccountError),
    (404, PermanentError, PermanentError),
    (406, PermanentError, PermanentError),
    (408, TransientError, UncertainError),
    (409, TransientError, UncertainError),
    (413, PermanentError, PermanentError),
    (422, PermanentError, PermanentError),
    (429, ThrottledError, ThrottledError),
    (500, TransientError, UncertainError),
    (502, TransientError, UncertainError),
    (503, TransientError, UncertainError),
    (504, TransientError, UncertainError),
    (200, TransientError, UncertainError),
]
OF_LINKEDIN = [*EXPECTED, (401, AccountError, AccountError), (426, AccountError, AccountError)]
OF_X = [*EXPECTED, (401, TokenExpiredError, TokenExpiredError), (402, AccountError, AccountError)]


@pytest.mark.parametrize(
    ("which", "status", "on_prepare", "on_commit"),
    [(ON_LINKEDIN, *row) for row in OF_LINKEDIN] + [(ON_X, *row) for row in OF_X],
)
@pytest.mark.parametrize("body", [b"", b"<h1>Nej</h1>", b'["no object"]', b'{"id": null, "data": {"id": null}}'])
def test_what_each_answer_means(
    which: tuple[Platform, Any],
    status: int,
    on_prepare: type[OpslagError],
    on_commit: type[OpslagError],
    body: bytes,
    picture: PictureFile,
) -> None:
    with http.use_transport(in_process(lambda request: Response(status, body))):
        for step, expected in (("prepare", on_prepare), ("commit", on_commit)):
            with pytest.raises(OpslagError) as raised:
                STEPS[step](*which, a_post(pictures=(picture,)))
            assert type(raised.value) is expected


@pytest.mark.parametrize(
    ("which", "status", "said"),
    [
        (ON_LINKEDIN, 422, b'{"status":422,"message":"Content is a duplicate"}'),
        (ON_X, 403, b'{"detail":"You are not allowed to create a Tweet with duplicate content.","status":403}'),
    ],
)
def test_a_duplicate_without_a_name_is_evidence_of_an_earlier_post(
    which: tuple[Platform, Any], status: int, said: bytes
) -> None:
    with http.use_transport(in_process(lambda request: Response(status, said))), pytest.raises(UncertainError):
        STEPS["commit"](*which, a_post())


@pytest.mark.parametrize("urn", ["urn:li:share:7", "urn:li:ugcPost:7"])
def test_linkedins_duplicate_is_adopted(urn: str) -> None:
    said = f'{{"status":422,"message":"Content is a duplicate of {urn}"}}'.encode()
    platform, config = ON_LINKEDIN
    with http.use_transport(in_process(lambda request: Response(422, said))):
        assert platform.commit(config, {}, a_post(), {"media_ids": []}).remote_id == urn
