"""The Instagram plug-in against its contract server, which really fetches the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TokenExpiredError, TransientError, UncertainError
from publisher.platforms.abilities import FollowUp
from publisher.platforms.contract import Figures, PictureFile, Published
from publisher.platforms.instagram import InstagramConfig, InstagramPlatform
from tests.contract.instagram import InstagramServer
from tests.contract.meta_login import ALL_SCOPES
from tests.contract.wire import in_process
from tests.platforms.further_contracts import (
    FetchesOverTheNetwork,
    KeepsContainers,
    RenewsHalfway,
    RepeatsAfterAnUnclearAnswer,
    over_the_network,
)
from tests.platforms.meta_stage import ContainerStage, a_picture, fetch
from tests.platforms.platform_contract import USUAL_PICTURES, PlatformContract, Stage, a_post, a_while_ago, stage_on


def staged(server: InstagramServer, token: str = "") -> ContainerStage:
    """The plug-in connected to the account, as the Account row would have it after `verify`."""
    platform = InstagramPlatform(poll_waits_s=(0, 0, 0))
    config = InstagramConfig(token or server.token, account_id="17841")
    wrong = InstagramConfig("EAAwrong", account_id="17841")
    return stage_on(server, platform, config, wrong, kind=ContainerStage)


@pytest.fixture
def server() -> InstagramServer:
    return InstagramServer(fetch)


@pytest.fixture
def picture() -> PictureFile:
    return a_picture()


@pytest.fixture
def usual(picture: PictureFile) -> Iterator[None]:
    """Every post has a picture here."""
    USUAL_PICTURES.append(picture)
    yield
    USUAL_PICTURES.clear()


@pytest.fixture
def stage(server: InstagramServer, usual: None) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


class InstagramContract(PlatformContract):
    """What holds for both kinds of access."""

    def test_an_empty_post_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError):
            stage.platform.prepare(stage.config, stage.facts, a_post("", link="", pictures=()))

    def test_a_post_without_a_picture_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="no post without a picture"):
            stage.platform.prepare(stage.config, stage.facts, a_post(pictures=()))


class TestInstagram(InstagramContract, KeepsContainers, RepeatsAfterAnUnclearAnswer):
    """An account by its Facebook Page."""

    listing = "GET /v26.0/17841/media"

    def test_what_verify_learns(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.remote_id, profile.handle) == ("17841", "@kulturfaellesskabet")
        assert profile.url == "https://www.instagram.com/kulturfaellesskabet/"
        assert profile.facts == {"account_id": "17841", "scopes": sorted(ALL_SCOPES)}
        assert stage.platform.abilities(profile.facts).follow_up == FollowUp.COMMENT

    def test_a_pages_token_alone_leads_to_its_account(self, stage: Stage, server: InstagramServer) -> None:
        assert stage.platform.verify(InstagramConfig(server.token)).remote_id == "17841"
        with pytest.raises(AccountError, match="No professional Instagram account"):
            stage.platform.verify(InstagramConfig(server.page_token("1003")))

    def test_permissions(self, stage: Stage, server: InstagramServer) -> None:
        with pytest.raises(AccountError, match="instagram_content_publish"):
            stage.platform.verify(
                InstagramConfig(server.page_token("1001", ALL_SCOPES - {"instagram_content_publish"}))
            )
        less = server.page_token("1001", ALL_SCOPES - {"instagram_manage_comments", "instagram_manage_insights"})
        profile = stage.platform.verify(InstagramConfig(less))
        assert len(profile.warnings) == 2
        abilities = stage.platform.abilities(profile.facts)
        assert (abilities.follow_up, "views" in abilities.figures) == (FollowUp.NONE, False)

    def test_it_says_what_cannot_be_done(self, stage: Stage) -> None:
        abilities = stage.platform.abilities(stage.facts)
        assert (abilities.edits, abilities.deletes, abilities.needs_picture, abilities.fetches_pictures) == (
            False, False, True, True
        )  # fmt: skip
        assert "no program" in str(abilities.delete_note)

    def test_the_post_has_exactly_the_bytes(self, stage: Stage, server: InstagramServer, picture: PictureFile) -> None:
        stage.publish(a_post())
        assert server.public()[0].pictures == [picture.content]

    def test_several_pictures_are_a_carousel(self, stage: Stage, server: InstagramServer) -> None:
        pictures = tuple(a_picture(size=(side, 100)) for side in (80, 100, 120))
        stage.publish(a_post(pictures=pictures))
        assert server.public()[0].pictures == [each.content for each in pictures]

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (replace(a_picture("PNG"), media_type="image/jpeg"), "format"),
            (a_picture(size=(400, 100)), "aspect ratio"),
        ],
    )
    def test_pictures_that_instagram_does_not_take(self, stage: Stage, wrong: PictureFile, words: str) -> None:
        with pytest.raises(PermanentError, match=words):
            stage.publish(a_post(pictures=(wrong,)))

    def test_a_picture_that_cannot_be_fetched_is_told_with_what_to_do(
        self, stage: Stage, server: InstagramServer
    ) -> None:
        server.fetch = lambda url: None
        with pytest.raises(PermanentError, match="reachable from the internet by https"):
            stage.publish(a_post())
        assert stage.seen() == []

    def test_a_slow_download_is_tried_again(self, stage: Stage) -> None:
        stage.faults.set("download_slow")
        with pytest.raises(TransientError, match="made anew"):
            stage.publish(a_post())

    def test_a_container_that_fails_is_told(self, stage: Stage) -> None:
        stage.faults.set("media_fails")
        with pytest.raises(PermanentError, match="2207026"):
            stage.publish(a_post())

    def test_a_container_that_is_not_ready_after_all_is_tried_again(self, stage: Stage) -> None:
        stage.faults.set("not_ready")
        with pytest.raises(TransientError) as busy:
            stage.publish(a_post())
        assert busy.value.retry_after == 15

    def test_comments_are_not_repeated(self, stage: Stage) -> None:
        assert not stage.platform.repeats_safely(stage.facts, a_post(reply_to="18"))
        assert stage.platform.repeats_safely(stage.facts, a_post())
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(hours=23)

    def test_the_quota_is_read_and_kept(self, stage: Stage, server: InstagramServer) -> None:
        server.quota = 1
        stage.publish(a_post())
        with pytest.raises(TransientError, match="1 posts a day") as full:
            stage.publish(a_post(key="second"))
        assert full.value.retry_after == 3600

    def test_a_block_is_told(self, stage: Stage) -> None:
        stage.faults.set("blocked")
        with pytest.raises(PermanentError, match="has restricted this channel"):
            stage.publish(a_post())

    def test_hashtags_and_names_are_counted(self, stage: Stage) -> None:
        for text in (" ".join(f"#ord{n}" for n in range(31)), " ".join(f"@navn{n}" for n in range(21))):
            with pytest.raises(PermanentError, match="Instagram takes"):
                stage.platform.prepare(stage.config, stage.facts, a_post(text))
        stage.publish(a_post(" ".join(f"#ord{n}" for n in range(30)), link=""))

    def test_a_first_comment_is_written_found_and_read_back(self, stage: Stage, server: InstagramServer) -> None:
        first = stage.publish(a_post())
        comment = a_post("Læs mere på kultur.example.org", link="", reply_to=first.remote_id, pictures=())
        stage.faults.set("commit_then_drop", on=f"POST /v26.0/{first.remote_id}/comments")
        with pytest.raises(UncertainError):
            stage.publish(comment)
        found = stage.platform.find(stage.config, stage.facts, comment, a_while_ago())
        assert found == Published(server.posts[1].remote_id)
        assert stage.platform.confirm(stage.config, stage.facts, found) == found

    def test_figures(self, stage: Stage, server: InstagramServer) -> None:
        first = stage.publish(a_post())
        server.control({"react": {"likes": 5, "reposts": 12, "views": 40, "comments": ["Hvor?"]}})
        wanted = [first.remote_id, "180"]
        found = stage.platform.figures(stage.config, stage.facts, wanted)
        assert found == {first.remote_id: Figures(likes=5, reposts=12, replies=1, views=40)}
        less = InstagramConfig(server.page_token("1001", ALL_SCOPES - {"instagram_manage_insights"}), "17841")
        assert stage.platform.figures(less, {}, wanted)[first.remote_id] == Figures(likes=5, replies=1)

    def test_the_access_of_a_page_is_not_renewed(self, stage: Stage) -> None:
        config = replace(stage.config, ends_at="2027-02-24T08:00:00+00:00")
        assert stage.platform.renew_at(config) is None
        assert stage.platform.lasts_until(config) == datetime(2027, 2, 24, 8, tzinfo=UTC)
        assert stage.platform.renew(config, None) is None

    def test_access_that_has_run_out_is_told_apart(self, stage: Stage) -> None:
        stage.faults.set("expire_token")
        with pytest.raises(TokenExpiredError):
            stage.publish(a_post())


class TestInstagramLogin(InstagramContract, RenewsHalfway):
    """An account's own access, called at another address and renewed every 30 days."""

    @pytest.fixture
    def stage(self, server: InstagramServer, usual: None) -> Iterator[Stage]:
        with http.use_transport(in_process(server)):
            yield staged(server, server.own_token())


class TestOverTheNetwork(FetchesOverTheNetwork):
    """At the address that the settings name."""

    @pytest.fixture
    def server(self) -> InstagramServer:
        return InstagramServer()

    @pytest.fixture
    def stage(self, server: InstagramServer, settings: Any) -> Iterator[Stage]:
        with over_the_network(server, settings, "instagram"):
            yield staged(server)
