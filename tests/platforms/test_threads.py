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
from publisher.errors import AccountError, PermanentError, TransientError, UncertainError
from publisher.platforms.contract import Figures, PictureFile
from publisher.platforms.threads import ThreadsConfig, ThreadsPlatform
from publisher.platforms.threads_sign_in import ThreadsApp, ThreadsSignIn
from publisher.platforms.threads_text import threads_length, unique_links
from tests.contract.threads import ThreadsServer, weight
from tests.contract.threads_oauth import SCOPES
from tests.contract.wire import Response, in_process, listening
from tests.platforms.meta_stage import ContainerStage, a_picture, fetch
from tests.platforms.platform_contract import PlatformContract, Seen, Stage, a_post, a_while_ago

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
    return ContainerStage(
        platform=platform,
        config=config,
        wrong_config=ThreadsConfig("THAAwrong"),
        faults=server.faults,
        seen=lambda: [Seen(post.remote_id, "", post.text, post.alt_texts) for post in server.public()],
        upload_call=server.upload,
        facts=platform.verify(config).facts,
    )


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


class TestThreads(PlatformContract):
    """A profile."""

    def test_what_verify_learns(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.remote_id, profile.handle) == ("2001", "@kulturfaellesskabet")
        assert profile.facts == {"user_id": "2001"}

    def test_the_link_has_a_field_of_its_own_except_beside_pictures(
        self, stage: Stage, server: ThreadsServer, picture: PictureFile
    ) -> None:
        post = a_post("Kom og hør")
        stage.publish(post)
        stage.publish(replace(post, pictures=(picture,)))
        assert [(each.text, each.link) for each in server.public()] == [
            ("Kom og hør", post.link), (f"Kom og hør\n{post.link}", "")
        ]  # fmt: skip

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

    def test_a_thread_hangs_together(self, stage: Stage, server: ThreadsServer) -> None:
        first = stage.publish(a_post("Først"))
        second = a_post("Så", link="", reply_to=first.remote_id, thread_root=first.remote_id)
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(second)
        assert server.public()[1].reply_to == first.remote_id
        assert stage.platform.find(stage.config, stage.facts, second, a_while_ago()) is not None
        assert stage.platform.find(stage.config, stage.facts, replace(second, reply_to=""), a_while_ago()) is None

    def test_an_answer_to_a_post_that_is_gone_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="does not have it"):
            stage.publish(a_post(reply_to="311"))

    def test_a_picture_that_cannot_be_fetched_is_told(self, stage: Stage, server: ThreadsServer) -> None:
        stage.platform.check_pictures(stage.config, stage.facts, a_picture().url)
        server.fetch = lambda url: None
        with pytest.raises(PermanentError, match=r"fetch a picture from opslag\.example\.org"):
            stage.platform.check_pictures(stage.config, stage.facts, "https://opslag.example.org/p/secret")
        assert stage.seen() == []

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

    def test_a_container_is_waited_for(self, stage: Stage, server: ThreadsServer) -> None:
        stage.faults.set("media_slow")
        stage.publish(a_post())
        stage.faults.set("media_slow")
        server.media_polls = 9
        with pytest.raises(TransientError, match="still working"):
            stage.publish(a_post(key="second"))

    def test_a_container_lives_for_a_day(self, stage: Stage, server: ThreadsServer) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        server.clock.advance(25 * 3600)
        with pytest.raises(TransientError, match="made anew"):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)

    @pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_500", "commit_then_page", "latency"])
    def test_a_repeat_after_a_lost_answer_finds_the_post(self, stage: Stage, server: ThreadsServer, fault: str) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        stage.faults.set(fault, on=server.create)
        with pytest.raises(UncertainError):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        again = stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        assert [seen.remote_id for seen in stage.seen()] == [again.remote_id]

    def test_published_and_not_listed_yet_stays_uncertain(self, stage: Stage, server: ThreadsServer) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        stage.faults.set("late_list", on="GET /v1.0/2001/threads")
        with pytest.raises(UncertainError, match="published already"):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)

    def test_posts_and_answers_have_quotas_of_their_own(self, stage: Stage, server: ThreadsServer) -> None:
        server.quotas |= {"posts": 1, "replies": 1}
        first = stage.publish(a_post())
        with pytest.raises(TransientError, match="1 posts a day"):
            stage.publish(a_post(key="second"))
        answer = a_post("Så", link="", reply_to=first.remote_id)
        stage.publish(answer)
        with pytest.raises(TransientError, match="1 posts a day"):
            stage.publish(replace(answer, key="third"))

    def test_a_post_is_taken_down(self, stage: Stage, server: ThreadsServer) -> None:
        first = stage.publish(a_post())
        for _time in range(2):
            stage.platform.delete(stage.config, stage.facts, first)
        assert server.public() == []
        assert stage.platform.abilities(stage.facts).deletes and not stage.platform.abilities(stage.facts).edits

    def test_taking_down_needs_its_permission(self, stage: Stage, server: ThreadsServer) -> None:
        first = stage.publish(a_post())
        config = ThreadsConfig(server.oauth.long_token(SCOPES - {"threads_delete"}))
        with pytest.raises(AccountError, match="threads_delete"):
            stage.platform.delete(config, stage.facts, first)

    def test_figures(self, stage: Stage, server: ThreadsServer) -> None:
        first = stage.publish(a_post())
        server.control({"react": {"likes": 5, "reposts": 13, "views": 40, "comments": ["Hvor?", "Hvornår?"]}})
        wanted = [first.remote_id, "311"]
        assert stage.platform.figures(stage.config, stage.facts, wanted) == {first.remote_id: Figures(5, 13, 2, 40)}
        less = ThreadsConfig(server.oauth.long_token(SCOPES - {"threads_manage_insights"}))
        assert stage.platform.figures(less, stage.facts, [first.remote_id]) == {first.remote_id: Figures()}

    def test_the_access_is_renewed_halfway(self, stage: Stage) -> None:
        config = replace(stage.config, **stage.platform.renew(stage.config, None))
        ends = stage.platform.lasts_until(config)
        assert ends is not None and abs(ends - datetime.now(UTC) - timedelta(days=60)) < timedelta(minutes=1)
        assert stage.platform.renew_at(config) == ends - timedelta(days=30)
        unknown = stage.platform.renew_at(stage.config)
        assert unknown is not None and unknown < datetime.now(UTC)
        with pytest.raises(TransientError, match="younger than 24 hours") as raised:
            stage.platform.renew(config, None)
        assert raised.value.retry_after == 6 * 3600

    def test_access_that_was_taken_back_is_not_renewed(self, stage: Stage, server: ThreadsServer) -> None:
        server.revoke(server.token)
        with pytest.raises(AccountError):
            stage.platform.renew(stage.config, None)

    def test_words_are_never_published_in_one_step(self, stage: Stage, server: ThreadsServer) -> None:
        stage.publish(a_post())
        assert server.calls.count("POST /v1.0/2001/threads_publish") == 1


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


class TestOverTheNetwork:
    """The same over real connections: Threads really fetches the picture."""

    def test_a_post(self, picture: PictureFile, settings: Any) -> None:
        server = ThreadsServer()
        served = Response(200, picture.content, {"Content-Type": "image/jpeg"})
        with listening(server) as address, listening(lambda request: served) as ours:
            settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
            settings.OPSLAG_PLATFORM_ADDRESSES = {"threads": address}
            stage, shown = staged(server), replace(picture)
            object.__setattr__(shown, "url", f"{ours}/p/1")
            published = stage.publish(a_post(pictures=(shown,)))
            assert server.public()[0].pictures == [picture.content]
            assert http.fetch(published.permalink).status == 200
