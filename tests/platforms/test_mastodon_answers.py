"""What each status of a Mastodon server's answer means, while uploading and on the call that publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from publisher import http
from publisher.errors import AccountError, OpslagError, PermanentError, ThrottledError, TransientError, UncertainError
from publisher.platforms.contract import PictureFile, Post
from publisher.platforms.mastodon import MastodonConfig, MastodonPlatform
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import Response, in_process
from tests.platforms.platform_contract import Stage, a_post
from tests.platforms.test_mastodon import ADDRESS, UPLOAD

Step = Callable[[Stage, Post], object]
STEPS: dict[str, Step] = {
    "prepare": lambda stage, post: stage.platform.prepare(stage.config, stage.facts, post),
    "commit": lambda stage, post: stage.commit_only(replace(post, pictures=())),
}
EXPECTED: list[tuple[int, type[OpslagError], type[OpslagError]]] = [
    (301, AccountError, AccountError),
    (400, PermanentError, PermanentError),
    (401, AccountError, AccountError),
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


@pytest.mark.parametrize(("status", "on_prepare", "on_commit"), EXPECTED)
@pytest.mark.parametrize("body", [b"", b"<h1>Nej</h1>", b'["no object"]', b'{"id": null}'])
def test_what_each_answer_means(
    status: int, on_prepare: type[OpslagError], on_commit: type[OpslagError], body: bytes, picture: PictureFile
) -> None:
    with http.use_transport(in_process(lambda request: Response(status, body))):
        stage = Stage(MastodonPlatform(), MastodonConfig(ADDRESS, "t"), None, MastodonServer().faults, list, UPLOAD, {})
        for step, expected in (("prepare", on_prepare), ("commit", on_commit)):
            with pytest.raises(OpslagError) as raised:
                STEPS[step](stage, a_post(pictures=(picture,)))
            assert type(raised.value) is expected
