"""The Facebook plug-in against its contract server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TokenExpiredError, TransientError, UncertainError
from publisher.platforms.abilities import FollowUp
from publisher.platforms.contract import Figures, PictureFile, Published
from publisher.platforms.facebook import FacebookConfig, FacebookPlatform
from tests.contract.facebook import FacebookServer
from tests.contract.meta_login import ALL_SCOPES
from tests.contract.wire import in_process
from tests.platforms.further_contracts import (
    FindsAfterAnUnclearAnswer,
    HasALinkField,
    OverTheNetwork,
    TakesPostsDown,
    over_the_network,
)
from tests.platforms.platform_contract import PlatformContract, Stage, a_post, a_while_ago, stage_on


def staged(server: FacebookServer) -> Stage:
    """The plug-in connected to the Page, as the Account row would have it after `verify`."""
    platform, config = FacebookPlatform(), FacebookConfig(server.token, page_id="1001")
    return stage_on(server, platform, config, FacebookConfig("EAAwrong", page_id="1001"))


@pytest.fixture
def server() -> FacebookServer:
    return FacebookServer()


@pytest.fixture
def stage(server: FacebookServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


class TestFacebook(PlatformContract, FindsAfterAnUnclearAnswer, HasALinkField, TakesPostsDown):
    """A Page."""

    def test_what_verify_learns(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.remote_id, profile.name, profile.handle) == (
            "1001", "Kulturfællesskabet", "@kulturfaellesskabet"
        )  # fmt: skip
        assert profile.facts == {"page_id": "1001", "scopes": sorted(ALL_SCOPES), "tasks": []}
        assert profile.warnings == ()
        assert stage.platform.abilities(profile.facts).follow_up == FollowUp.COMMENT

    def test_a_pasted_token_needs_nothing_else(self, stage: Stage, server: FacebookServer) -> None:
        config = FacebookConfig(server.token)
        profile = stage.platform.verify(config)
        prepared = stage.platform.prepare(config, profile.facts, a_post())
        assert stage.platform.commit(config, profile.facts, a_post(), prepared).remote_id.startswith("1001_")

    def test_a_persons_token_is_told_apart(self, stage: Stage, server: FacebookServer) -> None:
        with pytest.raises(AccountError, match="a person's access"):
            stage.platform.verify(FacebookConfig(server.person_token()))
        with pytest.raises(AccountError, match="a person's access"):
            stage.platform.commit(FacebookConfig(server.person_token()), stage.facts, a_post(), {})

    def test_another_pages_token_is_told_apart(self, stage: Stage, server: FacebookServer) -> None:
        with pytest.raises(AccountError, match="does not show us the Page"):
            stage.platform.verify(FacebookConfig(server.page_token("1003"), page_id="1001"))

    def test_a_permission_without_which_nothing_goes_is_named(self, stage: Stage, server: FacebookServer) -> None:
        token = server.page_token("1001", ALL_SCOPES - {"pages_manage_posts"})
        with pytest.raises(AccountError, match="pages_manage_posts"):
            stage.platform.verify(FacebookConfig(token))

    def test_a_page_that_was_not_chosen_is_named(self, stage: Stage, server: FacebookServer) -> None:
        token = server.page_token("1001", only=frozenset({"1003"}))
        with pytest.raises(AccountError, match="pages_manage_posts"):
            stage.platform.verify(FacebookConfig(token))

    def test_permissions_that_are_only_wanted_are_warnings(self, stage: Stage, server: FacebookServer) -> None:
        token = server.page_token("1001", ALL_SCOPES - {"pages_manage_engagement", "read_insights"})
        profile = stage.platform.verify(FacebookConfig(token))
        assert ["first comment" in str(words) or "views" in str(words) for words in profile.warnings] == [True, True]
        abilities = stage.platform.abilities(profile.facts)
        assert abilities.follow_up == FollowUp.NONE and "views" not in abilities.figures

    def test_where_a_token_may_not_ask_what_it_is_the_sign_in_is_remembered(
        self, stage: Stage, server: FacebookServer
    ) -> None:
        server.asks_itself = False
        config = FacebookConfig(server.token, scopes="pages_manage_posts pages_read_engagement")
        assert stage.platform.verify(config).facts["scopes"] == ["pages_manage_posts", "pages_read_engagement"]
        assert stage.platform.verify(FacebookConfig(server.token)).facts["scopes"] is None

    def test_a_role_that_may_not_publish_is_told(self, stage: Stage, server: FacebookServer) -> None:
        config = FacebookConfig(server.page_token("1002"), page_id="1002", tasks="ANALYZE MODERATE")
        with pytest.raises(AccountError, match="does not let you publish on Museet"):
            stage.platform.verify(config)
        with pytest.raises(AccountError, match="CREATE_CONTENT"):
            stage.platform.commit(config, {"page_id": "1002"}, a_post(), {})

    def test_the_pictures_are_unpublished_until_the_post(
        self, stage: Stage, server: FacebookServer, picture: PictureFile
    ) -> None:
        stage.platform.prepare(stage.config, stage.facts, a_post(pictures=(picture, picture)))
        assert [photo.used for photo in server.photos.values()] == [False, False] and server.public() == []

    def test_an_unknown_error_is_uncertain_when_publishing_and_transient_before(
        self, stage: Stage, picture: PictureFile
    ) -> None:
        stage.faults.set("code_1")
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        stage.faults.set("503_retry_after", on=stage.upload_call)
        with pytest.raises(TransientError):
            stage.publish(a_post(pictures=(picture,)))

    def test_a_duplicate_is_evidence_of_an_earlier_success(self, stage: Stage, picture: PictureFile) -> None:
        first = stage.publish(a_post())
        stage.faults.set("duplicate_quirk")
        with pytest.raises(UncertainError, match="published already"):
            stage.publish(a_post())
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first

    def test_photos_in_a_post_already_are_such_evidence_too(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post(pictures=(picture,))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        stage.platform.commit(stage.config, stage.facts, post, prepared)
        with pytest.raises(UncertainError, match="published already"):
            stage.platform.commit(stage.config, stage.facts, post, prepared)
        assert len(stage.seen()) == 1

    def test_the_wait_is_as_long_as_facebook_says(self, stage: Stage) -> None:
        stage.faults.set("429")
        with pytest.raises(TransientError) as busy:
            stage.publish(a_post())
        assert busy.value.retry_after == 300

    @pytest.mark.parametrize(
        ("fault", "kind", "words"),
        [
            ("blocked", PermanentError, "has blocked this for now"),
            ("authorise", PermanentError, "Page publishing authorisation"),
            ("expire_token", TokenExpiredError, "has run out"),
            ("revoke_token", AccountError, "refused us access"),
        ],
    )
    def test_what_facebook_says_no_to(self, stage: Stage, fault: str, kind: type[Exception], words: str) -> None:
        stage.faults.set(fault)
        with pytest.raises(kind, match=words):
            stage.publish(a_post())
        assert stage.seen() == []

    def test_a_post_that_the_list_leaves_out_stays_unknown(self, stage: Stage) -> None:
        stage.publish(a_post())
        stage.faults.set("hides_posts", times=None)
        assert not stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago())

    def test_find_reads_on_and_takes_the_oldest(self, stage: Stage, server: FacebookServer) -> None:
        first = stage.publish(a_post())
        server.clock.advance(60)
        for number in range(60):
            stage.publish(a_post(f"Nyhed {number}"))
        stage.publish(a_post())
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first
        later = datetime.now(UTC) + timedelta(hours=1)
        assert not stage.platform.find(stage.config, stage.facts, a_post(), later)

    def test_pictures_without_words_are_never_taken_for_ours(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post("", link="", pictures=(picture,))
        stage.publish(post)
        assert not stage.platform.find(stage.config, stage.facts, post, a_while_ago())

    def test_a_first_comment_is_written_found_and_read_back(self, stage: Stage, server: FacebookServer) -> None:
        first = stage.publish(a_post())
        comment = a_post("Læs mere her", link="", reply_to=first.remote_id)
        stage.faults.set("commit_then_drop", on=f"POST /v26.0/{first.remote_id}/comments")
        with pytest.raises(UncertainError):
            stage.publish(comment)
        found = stage.platform.find(stage.config, stage.facts, comment, a_while_ago())
        assert found
        assert (found.remote_id, server.posts[1].reply_to) == (server.posts[1].remote_id, first.remote_id)
        assert stage.platform.confirm(stage.config, stage.facts, found) == found

    def test_the_text_is_changed_and_the_post_taken_down(self, stage: Stage, server: FacebookServer) -> None:
        first = stage.publish(a_post())
        stage.platform.edit(stage.config, stage.facts, first, a_post("Rettet"))
        assert [(post.text, post.edits) for post in server.public()] == [("Rettet", 1)]
        for _time in range(2):
            stage.platform.delete(stage.config, stage.facts, first)
        assert server.public() == []

    def test_posts_of_other_apps_are_not_ours_to_change(self, stage: Stage, server: FacebookServer) -> None:
        first = stage.publish(a_post())
        server.alien.add(first.remote_id)
        with pytest.raises(AccountError, match="wasn't created by the application"):
            stage.platform.edit(stage.config, stage.facts, first, a_post("Rettet"))

    def test_figures(self, stage: Stage, server: FacebookServer) -> None:
        first = stage.publish(a_post())
        stage.platform.commit(stage.config, stage.facts, a_post("Og", link="", reply_to=first.remote_id), {})
        server.control({"react": {"likes": 7, "reposts": 3, "views": 41}})
        wanted = [first.remote_id, "1001_1"]
        assert stage.platform.figures(stage.config, stage.facts, wanted) == {first.remote_id: Figures(7, 3, 1, 41)}
        server.followers = 99
        assert stage.platform.figures(stage.config, stage.facts, wanted)[first.remote_id].views is None

    def test_figures_do_without_a_permission(self, stage: Stage, server: FacebookServer) -> None:
        first = stage.publish(a_post())
        server.control({"react": {"likes": 7, "views": 41}})
        config = FacebookConfig(server.page_token("1001", ALL_SCOPES - {"read_insights"}))
        assert stage.platform.figures(config, {}, [first.remote_id])[first.remote_id] == Figures(7, 0, 0, None)

    def test_in_development_only_people_with_a_role_see_a_post(self, stage: Stage, server: FacebookServer) -> None:
        stage.faults.set("development_mode", times=None)
        published = stage.publish(a_post())
        assert server.public() == []
        assert stage.platform.confirm(stage.config, stage.facts, published) == published

    def test_the_access_lasts_as_long_as_a_person_allowed_it(self, stage: Stage) -> None:
        until = datetime(2027, 2, 24, 8, tzinfo=UTC)
        config = FacebookConfig("EAA", data_access_until=until.isoformat())
        assert (stage.platform.lasts_until(config), stage.platform.renew_at(config)) == (until, None)
        assert stage.platform.lasts_until(stage.config) is None

    @pytest.mark.parametrize(
        ("text", "length"),
        [
            ("Hello, world! 👋", 16),
            ("cafe\u0301", 5),
            ("日本語", 3),
            ("👨‍👩‍👧‍👦", 11),
            ("🇸🇮", 4),
            ("– “x” …", 7),
            ("Čšž ĐĆ", 6),
        ],
    )
    def test_length(self, stage: Stage, text: str, length: int) -> None:
        assert stage.platform.length(text, stage.facts) == length

    def test_what_is_gone_is_told_apart(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="does not have it"):
            stage.platform.confirm(stage.config, stage.facts, Published("1001_1"))


class TestOverTheNetwork(OverTheNetwork):
    """At the address that the settings name."""

    @pytest.fixture
    def stage(self, server: FacebookServer, settings: Any) -> Iterator[Stage]:
        with over_the_network(server, settings, "facebook"):
            yield staged(server)
