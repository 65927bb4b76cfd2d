"""The Bluesky plug-in against the contract server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from publisher import http
from publisher.errors import (
    AccountError,
    OpslagError,
    PermanentError,
    TokenExpiredError,
    TransientError,
    UncertainError,
)
from publisher.platforms.bluesky import BlueskyPlatform
from publisher.platforms.bluesky_records import record_key
from publisher.platforms.bluesky_session import BlueskyConfig
from publisher.platforms.contract import Card, Figures, PictureFile, Published
from tests.contract.bluesky import BlueskyServer
from tests.contract.bluesky_sessions import DID, HANDLE, OTHERS
from tests.contract.wire import answer, in_process
from tests.platforms.platform_contract import PlatformContract, Stage, a_post, a_while_ago, stage_on

PDS = "https://pds.example.org"
UPLOAD = "POST /xrpc/com.atproto.repo.uploadBlob"
NOW = datetime(2026, 11, 27, 8, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def server() -> BlueskyServer:
    server = BlueskyServer()
    server.pds = PDS
    return server


@pytest.fixture
def unconnected(server: BlueskyServer) -> BlueskyConfig:
    """What a person fills in."""
    return BlueskyConfig(f"@{HANDLE}", server.sessions.app_password)


@pytest.fixture
def stage(server: BlueskyServer, unconnected: BlueskyConfig) -> Iterator[Stage]:
    """Connected as an account is: a session first, then `verify`. Posts of one test are planned for one instant."""
    platform = BlueskyPlatform()
    with http.use_transport(in_process(server)), time_machine.travel(NOW, tick=False):
        config = replace(unconnected, **platform.renew(unconnected, None))
        yield stage_on(server, platform, config, replace(config, access_token="wrong"))


def records(server: BlueskyServer) -> list[dict[str, Any]]:
    return [post.fields["record"] for post in server.public()]


class TestBluesky(PlatformContract):
    """The shared suite, and what is special to Bluesky."""

    def test_a_post_appears_once_as_it_was_written(self, stage: Stage, server: BlueskyServer) -> None:
        """Here our key is the record's own."""
        post = a_post()
        published = stage.publish(post)
        assert [(seen.remote_id, seen.key) for seen in stage.seen()] == [(published.remote_id, record_key(post))]
        assert published.remote_id == f"at://{DID}/app.bsky.feed.post/{record_key(post)}"
        assert published.permalink == f"https://bsky.app/profile/{DID}/post/{record_key(post)}"
        assert stage.seen()[0].text == post.text
        assert records(server)[0]["createdAt"] == "2026-11-27T08:00:00.250Z"
        assert records(server)[0]["langs"] == ["da"]
        card = {"uri": post.link, "title": "kultur.example.org/nyheder/oeve…", "description": ""}
        assert records(server)[0]["embed"]["external"] == card

    def test_a_wrong_token_asks_for_a_reconnect_at_every_step(self, stage: Stage, picture: PictureFile) -> None:
        """Reading records needs no token, so `confirm` and `find` go on with a wrong one."""
        platform, config, facts, post = stage.platform, stage.wrong_config, stage.facts, a_post(pictures=(picture,))
        for step in (
            lambda: platform.verify(config),
            lambda: platform.prepare(config, facts, post),
            lambda: platform.commit(config, facts, a_post(), {"pictures": []}),
            lambda: platform.delete(config, facts, Published(f"at://{DID}/app.bsky.feed.post/3ke6kg3wk222b")),
        ):
            with pytest.raises(AccountError):
                step()
        assert stage.seen() == []
        assert platform.find(config, facts, post, a_while_ago()) is None

    def test_who_it_is_comes_from_the_accounts_own_server(self, stage: Stage, server: BlueskyServer) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.remote_id, profile.name, profile.handle) == (DID, "Kulturfællesskabet", f"@{HANDLE}")
        assert profile.url == f"https://bsky.app/profile/{DID}"
        assert profile.facts == {"did": DID, "handle": HANDLE, "server": PDS}

    def test_a_channel_without_a_session_says_that_it_must_be_renewed(
        self, stage: Stage, unconnected: BlueskyConfig
    ) -> None:
        platform = stage.platform
        due = platform.renew_at(unconnected)
        assert due is not None and due < NOW
        assert platform.lasts_until(unconnected) is None
        for step in (
            lambda: platform.verify(unconnected),
            lambda: platform.commit(unconnected, {}, a_post(), {}),
            lambda: platform.find(unconnected, {}, a_post(), a_while_ago()),
        ):
            with pytest.raises(TokenExpiredError):
                step()

    def test_twenty_posts_and_ten_renewals_need_one_log_in(self, stage: Stage, server: BlueskyServer) -> None:
        for number in range(20):
            stage.publish(a_post(f"Nyhed {number}", key=f"key-{number}"))
        for _ in range(10):
            stage.config = replace(stage.config, **stage.platform.renew(stage.config, None))
        assert server.calls.count("POST /xrpc/com.atproto.server.createSession") == 1
        assert stage.platform.verify(stage.config).remote_id == DID

    def test_when_it_is_renewed_and_how_long_it_lasts(self, stage: Stage) -> None:
        assert stage.platform.renew_at(stage.config) == NOW + timedelta(minutes=90)
        assert stage.platform.lasts_until(stage.config) == NOW + timedelta(days=90)

    def test_a_session_that_has_run_out_is_renewed_and_goes_on(
        self, stage: Stage, server: BlueskyServer, picture: PictureFile
    ) -> None:
        post = a_post(pictures=(picture,))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        server.clock.advance(121 * 60)
        for step in (
            lambda: stage.platform.verify(stage.config),
            lambda: stage.platform.prepare(stage.config, stage.facts, post),
            lambda: stage.platform.commit(stage.config, stage.facts, post, prepared),
        ):
            with pytest.raises(TokenExpiredError):
                step()
        stage.config = replace(stage.config, **stage.platform.renew(stage.config, None))
        stage.platform.commit(stage.config, stage.facts, post, prepared)
        assert len(stage.seen()) == 1

    @pytest.mark.parametrize("dead", ["used", "too old", "unknown"])
    def test_a_refresh_token_that_is_worthless_is_replaced_by_logging_in_once(
        self, stage: Stage, server: BlueskyServer, dead: str
    ) -> None:
        config = stage.config
        if dead == "used":
            stage.platform.renew(config, None)
        elif dead == "too old":
            server.clock.advance(91 * 86_400)
        else:
            config = replace(config, refresh_token="unknown")
        renewed = replace(config, **stage.platform.renew(config, None))
        assert stage.platform.verify(renewed).remote_id == DID
        assert server.calls.count("POST /xrpc/com.atproto.server.createSession") == 2

    def test_a_deleted_app_password_says_what_to_do(self, stage: Stage, server: BlueskyServer) -> None:
        server.revoke(stage.config.access_token)
        with pytest.raises(TokenExpiredError):
            stage.publish(a_post())
        with pytest.raises(AccountError, match="Make a new one on Bluesky under Settings") as refused:
            stage.platform.renew(stage.config, None)
        assert stage.config.app_password not in str(refused.value)

    def test_no_connection_while_renewing_is_tried_again(self, stage: Stage) -> None:
        stage.faults.set("500", on="POST /xrpc/com.atproto.server.refreshSession")
        with pytest.raises(TransientError):
            stage.platform.renew(stage.config, None)

    def test_too_many_log_ins_are_waited_for(
        self, stage: Stage, server: BlueskyServer, unconnected: BlueskyConfig
    ) -> None:
        for _ in range(99):
            stage.platform.renew(unconnected, None)
        with pytest.raises(TransientError) as busy:
            stage.platform.renew(unconnected, None)
        assert busy.value.retry_after == pytest.approx(86_400, abs=2)

    def test_a_session_of_another_account_is_refused(self, stage: Stage, unconnected: BlueskyConfig) -> None:
        elsewhere = replace(stage.config, did="did:plc:somebodyelse", refresh_token=stage.config.refresh_token)
        with pytest.raises(AccountError):
            stage.platform.renew(elsewhere, None)

    def test_the_wait_is_until_the_reset_in_unix_seconds(self, stage: Stage) -> None:
        stage.faults.set("429")
        with pytest.raises(TransientError) as busy:
            stage.publish(a_post())
        assert busy.value.retry_after == pytest.approx(3600, abs=2)

    @pytest.mark.parametrize("fault", ["502", "504", "commit_then_500", "commit_then_page"])
    def test_no_clear_answer_is_uncertain_and_a_repeat_settles_it(self, stage: Stage, fault: str) -> None:
        post = a_post()
        stage.faults.set(fault)
        with pytest.raises(UncertainError):
            stage.publish(post)
        settled = stage.publish(post)
        assert [seen.remote_id for seen in stage.seen()] == [settled.remote_id]

    def test_a_record_that_is_there_with_other_bytes_is_adopted_and_never_written_over(self, stage: Stage) -> None:
        first = stage.publish(a_post("Først"))
        again = stage.publish(a_post("Siden"))
        assert again == first
        assert len(stage.seen()) == 1
        assert stage.seen()[0].text.startswith("Først")

    def test_a_repeat_is_safe_for_years(self, stage: Stage) -> None:
        assert stage.platform.repeat_safe_for(stage.facts) > timedelta(days=365)

    def test_a_thread_hangs_together(self, stage: Stage, server: BlueskyServer) -> None:
        first = stage.publish(a_post("Et", key="1"))
        second = stage.publish(a_post("To", key="2", link="", reply_to=first.remote_id, thread_root=first.remote_id))
        third = a_post("Tre", key="3", link="", reply_to=second.remote_id, thread_root=first.remote_id)
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(third)
        found = stage.platform.find(stage.config, stage.facts, third, a_while_ago())
        assert stage.publish(third) == found
        assert [post.reply_to for post in server.public()] == ["", first.remote_id, second.remote_id]
        assert [record["reply"]["root"]["uri"] for record in records(server)[1:]] == [first.remote_id] * 2

    def test_an_answer_to_a_deleted_post_is_refused(self, stage: Stage) -> None:
        first = stage.publish(a_post("Et", key="1"))
        stage.platform.delete(stage.config, stage.facts, first)
        with pytest.raises(PermanentError, match="no longer on Bluesky"):
            stage.publish(a_post("To", key="2", reply_to=first.remote_id, thread_root=first.remote_id))
        assert stage.seen() == []

    def test_mentions_and_tags_are_marked_and_unknown_handles_stay_text(
        self, stage: Stage, server: BlueskyServer
    ) -> None:
        stage.publish(a_post("Kom med #BørnOgUnge og @Bib.example.org, @nobody.example.org", link=""))
        features = [facet["features"][0] for facet in records(server)[0]["facets"]]
        assert features == [
            {"$type": "app.bsky.richtext.facet#tag", "tag": "BørnOgUnge"},
            {"$type": "app.bsky.richtext.facet#mention", "did": OTHERS["bib.example.org"]},
        ]

    def test_a_card_is_made_by_us(self, stage: Stage, server: BlueskyServer, picture: PictureFile) -> None:
        post = a_post(card=Card("Åben øvelse", "Kom og hør koret", picture))
        stage.publish(post)
        card = records(server)[0]["embed"]["external"]
        assert (card["uri"], card["title"], card["description"]) == (post.link, "Åben øvelse", "Kom og hør koret")
        assert server.blobs[card["thumb"]["ref"]["$link"]].content == picture.content

    def test_a_card_without_a_picture_and_one_beside_pictures(
        self, stage: Stage, server: BlueskyServer, picture: PictureFile
    ) -> None:
        stage.publish(a_post(key="1", card=Card("Åben øvelse")))
        stage.publish(a_post(key="2", card=Card("Åben øvelse", picture=picture), pictures=(picture,)))
        alone, beside = (record["embed"] for record in records(server))
        assert "thumb" not in alone["external"]
        assert beside["$type"] == "app.bsky.embed.images"
        assert beside["images"][0]["aspectRatio"] == {"width": 64, "height": 48}
        assert server.calls.count(UPLOAD) == 1

    def test_beside_pictures_the_link_stands_in_the_text(
        self, stage: Stage, server: BlueskyServer, picture: PictureFile
    ) -> None:
        post = a_post("Kom og hør", pictures=(picture,))
        stage.publish(post)
        assert stage.seen()[0].text == "Kom og hør\nkultur.example.org/nyheder/oeve…"
        facet = records(server)[0]["facets"][0]
        assert facet["index"] == {"byteStart": 12, "byteEnd": 46}
        assert facet["features"] == [{"$type": "app.bsky.richtext.facet#link", "uri": post.link}]

    def test_a_link_alone_is_a_post_with_a_card(self, stage: Stage, server: BlueskyServer) -> None:
        stage.publish(a_post("", title="Åben øvelse"))
        assert records(server)[0]["text"] == ""
        assert records(server)[0]["embed"]["external"]["title"] == "Åben øvelse"

    def test_a_cards_picture_that_is_too_large_is_refused(self, stage: Stage, picture: PictureFile) -> None:
        large = replace(picture, content=picture.content + b"\0" * 1_000_000)
        with pytest.raises(PermanentError, match="does not take the picture"):
            stage.publish(a_post(card=Card("Åben øvelse", picture=large)))

    def test_deleting_takes_a_post_down_and_may_be_repeated(self, stage: Stage) -> None:
        published = stage.publish(a_post())
        for _ in range(2):
            stage.platform.delete(stage.config, stage.facts, published)
        assert stage.seen() == []
        with pytest.raises(PermanentError, match="no longer on Bluesky"):
            stage.platform.confirm(stage.config, stage.facts, published)

    def test_a_published_post_cannot_be_changed_and_that_is_said(self, stage: Stage) -> None:
        able = stage.platform.abilities(stage.facts)
        assert not able.edits and "cannot change" in str(able.edit_note)
        with pytest.raises(PermanentError):
            stage.platform.edit(stage.config, stage.facts, stage.publish(a_post()), a_post("Rettet"))

    def test_figures_of_thirty_posts_are_two_calls(self, stage: Stage, server: BlueskyServer) -> None:
        ids = [stage.publish(a_post(key=f"key-{number}")).remote_id for number in range(30)]
        server.posts[3].fields |= {"likeCount": 7, "repostCount": 2, "replyCount": 1}
        server.posts[4].deleted = True
        figures = stage.platform.figures(
            stage.config, stage.facts, [*ids, f"at://{DID}/app.bsky.feed.post/2222222222222"]
        )
        assert figures[ids[3]] == Figures(likes=7, reposts=2, replies=1)
        assert set(figures) == set(ids) - {ids[4]}
        assert server.calls.count("GET /xrpc/app.bsky.feed.getPosts") == 2
        assert stage.platform.figures(stage.config, stage.facts, []) == {}

    def test_a_server_that_takes_any_bytes_for_a_picture(self, stage: Stage, picture: PictureFile) -> None:
        stage.faults.set("lax_blobs", times=None)
        stage.publish(a_post(pictures=(picture,)))
        assert stage.seen()[0].alt_texts == [picture.alt]

    def test_our_own_count_agrees_with_the_server(self, stage: Stage) -> None:
        tail = " https://www.kommune.example.org/nyheder/2026/en-meget-lang-titel @bib.example.org 👨‍👩‍👧‍👦"
        text = "å" * (300 - stage.platform.length(tail, stage.facts)) + tail
        stage.publish(a_post(text, link=""))
        with pytest.raises(PermanentError, match="301 characters"):
            stage.publish(a_post(f"å{text}", link="", key="2"))

    def test_three_thousand_bytes_are_a_limit_of_their_own(self, stage: Stage) -> None:
        stage.publish(a_post("👨‍👩‍👧‍👦" * 120, link=""))
        with pytest.raises(PermanentError, match="303 characters"):
            stage.publish(a_post("👨‍👩‍👧‍👦" * 121, link="", key="2"))

    def test_secrets_are_in_no_error_and_no_repr(self, stage: Stage) -> None:
        config = stage.config
        secrets = {config.app_password, config.access_token, config.refresh_token}
        for fault in ("500", "429", "drop_before_read", "502"):
            stage.faults.set(fault)
            with pytest.raises(OpslagError) as raised:
                stage.publish(a_post())
            assert not any(secret in f"{raised.value} {raised.value!r} {config}" for secret in secrets)

    @pytest.mark.parametrize("given", [HANDLE, f"@{HANDLE} ", f"https://bsky.app/profile/{HANDLE}/"])
    def test_a_handle_as_people_paste_it(self, stage: Stage, unconnected: BlueskyConfig, given: str) -> None:
        assert stage.platform.renew(replace(unconnected, handle=given), None)["did"] == DID

    @pytest.mark.parametrize(
        "address", ["http://pds.example.org", "https://a:b@pds.example.org", "ftp://x.org", "https://["]
    )
    def test_an_address_that_is_none_is_refused(self, stage: Stage, unconnected: BlueskyConfig, address: str) -> None:
        with pytest.raises(PermanentError, match="is not a server's address"):
            stage.platform.renew(replace(unconnected, server=address), None)


@pytest.mark.parametrize(
    ("name", "asks_for"),
    [("AuthFactorTokenRequired", "Make an app password"), ("AccountTakedown", "taken down")],
)
def test_why_a_log_in_is_refused(name: str, asks_for: str) -> None:
    refused = in_process(lambda request: answer({"error": name, "message": "Account has been taken down"}, 401))
    with http.use_transport(refused), pytest.raises(AccountError, match=asks_for):
        BlueskyPlatform().renew(BlueskyConfig(HANDLE, "abcd-abcd-abcd-abcd"), None)
