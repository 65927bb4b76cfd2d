"""The practice channel against its wire contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from publisher import http
from publisher.platforms.practice import PracticeConfig, PracticePlatform
from tests.contract.practice import UPLOAD, PracticeServer
from tests.contract.wire import in_process
from tests.platforms.platform_contract import Seen, Stage, a_post
from tests.platforms.practice_contract import PracticeContract


@pytest.fixture
def server() -> PracticeServer:
    return PracticeServer()


@pytest.fixture
def stage(server: PracticeServer, settings: pytest.FixtureRequest) -> Iterator[Stage]:
    settings.OPSLAG_PRACTICE_URL = "https://opslag.test"
    with http.use_transport(in_process(server)):
        yield Stage(
            platform=PracticePlatform(),
            config=PracticeConfig("proeve", server.token),
            wrong_config=PracticeConfig("proeve", "wrong"),
            faults=server.faults,
            seen=lambda: [Seen(post.remote_id, post.key, post.text, post.alt_texts) for post in server.public()],
            upload_call=UPLOAD,
            facts={},
        )


class TestPractice(PracticeContract):
    """The shared suite, and what the practice channel adds."""

    def test_a_repeat_is_safe_for_years(self, stage: Stage) -> None:
        assert stage.platform.repeat_safe_for(stage.facts) > timedelta(days=365)

    def test_link_and_language_have_fields_of_their_own(self, stage: Stage, server: PracticeServer) -> None:
        post = a_post("Kort nyt")
        stage.publish(post)
        assert (server.public()[0].text, server.public()[0].link) == ("Kort nyt", post.link)
        assert server.public()[0].fields["language"] == "da"

    def test_a_link_alone_is_a_post(self, stage: Stage) -> None:
        stage.publish(a_post(""))
        assert len(stage.seen()) == 1
