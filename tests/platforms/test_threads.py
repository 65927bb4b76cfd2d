"""The Threads plug-in against its contract server, which really fetches the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TransientError
from publisher.platforms.contract import Figures, PictureFile
from publisher.platforms.threads import ThreadsConfig, ThreadsPlatform
from publisher.platforms.threads_sign_in import ThreadsApp, ThreadsSignIn
from publisher.platforms.threads_text import threads_length, unique_links
from tests.contract.threads import ThreadsServer, weight
from tests.contract.threads_oauth import SCOPES
from tests.contract.wire import in_process
from tests.platforms.further_contracts import (
    FetchesOverTheNetwork,
    HasALinkField,
    KeepsContainers,
    MakesThreads,
    RenewsHalfway,
    RepeatsAfterAnUnclearAnswer,
    TakesPostsDown,
    over_the_network,
)
from tests.platforms.meta_stage import ContainerStage, a_picture, fetch
from tests.platforms.platform_contract import PlatformContract, Stage, a_post, stage_on

BACK = "https://opslag.example.org/channels/back"
VECTORS = [
    ("Hello, world! 👋", 18),
    ("café", 4),
    ("cafe\u0301", 5),
    ("日本語", 3),
    ("👨‍👩‍👧‍👦", 25),
    ("🇸🇮", 8),
    ("Več na https://www.obcina.si/novice/2026/zelo-dolg-naslov-clanka?x=1 @zupan@mastodon.social", 91),
    ("– “x” …", 7),
    ("Čšž ĐĆ", 6),
]


def staged(server: ThreadsServer) -> ContainerStage:
    """The plug-in connected to the profile, as the Account row would have it after `verify`."""
    platform, config = ThreadsPlatform(poll_waits_s=(0, 0, 0)), ThreadsConfig(server.token)
    return stage_on(server, platform, config, ThreadsConfig("THAAwrong"), kind=ContainerStage)


@pytest.fixture
def server() -> ThreadsServer:
    return ThreadsServer(fetch)


@pytest.fixture
def picture() -> PictureFile:
    return a_picture()


@pytest.fixture
def stage(server: ThreadsServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


@pytest.mark.parametrize(("text", "length"), VECTORS)
def test_length(text: str, length: int) -> None:
    assert threads_length(text) == weight(text) == length


def test_links_are_counted_once_each() -> None:
    text = "https://a.example.org og https://a.example.org/b, igen https://a.example.org"
    assert unique_links(text, ("https://c.example.org", "")) == 3


class TestThreads(
    PlatformContract,
    HasALinkField,
    KeepsContainers,
    MakesThreads,
    RenewsHalfway,
    RepeatsAfterAnUnclearAnswer,
    TakesPostsDown,
):
    """A profile."""

    listing = "GET /v1.0/2001/threads"

    def test_what_verify_learns(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.remote_id, profile.handle) == ("2001", "@kulturfaellesskabet")
        assert profile.facts == {"user_id": "2001"}

    def test_pictures_arrive_as_they_are(self, stage: Stage, server: ThreadsServer) -> None:
        pictures = (a_picture(), a_picture("PNG"), a_picture(size=(300, 40)))
        stage.publish(a_post(pictures=pictures))
        assert server.public()[0].pictures == [each.content for each in pictures]

    def test_a_sixth_link_is_refused_before_anything_is_sent(self, stage: Stage, server: ThreadsServer) -> None:
        five = " ".join(f"https://kultur.example.org/{number}" for number in range(5))
        stage.publish(a_post(five, link=""))
        calls = len(server.calls)
        with pytest.raises(PermanentError, match="6 different links"):
            stage.publish(a_post(five))
        assert len(server.calls) == calls

    def test_our_own_count_agrees_with_the_server(self, stage: Stage) -> None:
        text = "å" * (500 - threads_length("👨‍👩‍👧‍👦 🇩🇰 ✅")) + "👨‍👩‍👧‍👦 🇩🇰 ✅"
        stage.publish(a_post(text, link=""))
        assert threads_length(text) == weight(text) == 500

    def test_an_answer_to_a_post_that_is_gone_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="does not have it"):
            stage.publish(a_post(reply_to="311"))

    @pytest.mark.parametrize(
        ("fault", "kind", "words"),
        [
            ("media_fails", PermanentError, "INVALID_ASPEC_RATIO"),
            ("unknown_error", TransientError, "made anew"),
        ],
    )
    def test_a_container_that_fails(self, stage: Stage, fault: str, kind: type[Exception], words: str) -> None:
        stage.faults.set(fault)
        with pytest.raises(kind, match=words):
            stage.publish(a_post())

    def test_posts_and_answers_have_quotas_of_their_own(self, stage: Stage, server: ThreadsServer) -> None:
        server.quotas |= {"posts": 1, "replies": 1}
        first = stage.publish(a_post())
        with pytest.raises(TransientError, match="1 posts a day"):
            stage.publish(a_post(key="second"))
        answer = a_post("Så", link="", reply_to=first.remote_id)
        stage.publish(answer)
        with pytest.raises(TransientError, match="1 posts a day"):
            stage.publish(replace(answer, key="third"))

    def test_taking_down_needs_its_permission(self, stage: Stage, server: ThreadsServer) -> None:
        first = stage.publish(a_post())
        config = ThreadsConfig(server.oauth.long_token(SCOPES - {"threads_delete"}))
        with pytest.raises(AccountError, match="threads_delete"):
            stage.platform.delete(config, stage.facts, first)

    def test_figures(self, stage: Stage, server: ThreadsServer) -> None:
        first = stage.publish(a_post())
        wanted = [first.remote_id, "311"]
        assert stage.platform.figures(stage.config, stage.facts, wanted) == {first.remote_id: Figures(5, 13, 7, 5)}
        less = ThreadsConfig(server.oauth.long_token(SCOPES - {"threads_manage_insights"}))
        assert stage.platform.figures(less, stage.facts, [first.remote_id]) == {first.remote_id: Figures()}

    def test_words_are_never_published_in_one_step(self, stage: Stage, server: ThreadsServer) -> None:
        stage.publish(a_post())
        assert server.calls.count(server.create) == 1


class TestSignIn:
    """From the question to access for sixty days."""

    @pytest.fixture
    def app(self, server: ThreadsServer) -> ThreadsApp:
        return ThreadsApp(server.oauth.app_id, server.oauth.app_secret)

    def agree(self, server: ThreadsServer, address: str, **more: str) -> dict[str, list[str]]:
        """Click on the page that the address shows; what the person comes back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        with httpx.Client(transport=in_process(server)) as browser:
            assert browser.get(address).status_code == 200
            back = browser.post("https://threads.net/oauth/authorize", data=asked | more).headers["location"]
        return parse_qs(urlsplit(back).query)

    def test_a_profile_is_found(self, stage: Stage, server: ThreadsServer, app: ThreadsApp) -> None:
        sign_in, state = ThreadsSignIn(), "s" * 43
        address = sign_in.address(app, {}, redirect_uri=BACK, state=state, challenge="c" * 43)
        back = self.agree(server, address)
        assert back["state"] == [state]
        found = sign_in.redeem(app, {}, code=back["code"][0] + "#_", verifier="", redirect_uri=BACK)
        assert [each.profile.handle for each in found] == ["@kulturfaellesskabet"]
        config = ThreadsConfig(**found[0].values)
        ends = stage.platform.lasts_until(config)
        assert ends is not None and ends > datetime.now(UTC) + timedelta(days=59)
        assert stage.platform.verify(config).remote_id == "2001"

    def test_a_code_works_once(self, stage: Stage, server: ThreadsServer, app: ThreadsApp) -> None:
        sign_in = ThreadsSignIn()
        address = sign_in.address(app, {}, redirect_uri=BACK, state="s" * 43, challenge="c" * 43)
        code = self.agree(server, address)["code"][0]
        sign_in.redeem(app, {}, code=code, verifier="", redirect_uri=BACK)
        with pytest.raises(AccountError, match="Begin again"):
            sign_in.redeem(app, {}, code=code, verifier="", redirect_uri=BACK)

    def test_a_no_comes_back_as_one(self, server: ThreadsServer, app: ThreadsApp) -> None:
        address = ThreadsSignIn().address(app, {}, redirect_uri=BACK, state="s" * 43, challenge="c" * 43)
        assert self.agree(server, address, denied="yes")["error"] == ["access_denied"]


class TestOverTheNetwork(FetchesOverTheNetwork):
    """At the address that the settings name."""

    @pytest.fixture
    def server(self) -> ThreadsServer:
        return ThreadsServer()

    @pytest.fixture
    def stage(self, server: ThreadsServer, settings: Any) -> Iterator[Stage]:
        with over_the_network(server, settings, "threads"):
            yield staged(server)
