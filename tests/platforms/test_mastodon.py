"""The Mastodon plug-in against the contract server: as Mastodon, and as the relatives that behave otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TransientError, UncertainError
from publisher.platforms.contract import PictureFile
from publisher.platforms.mastodon import MastodonConfig, MastodonPlatform
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import in_process, listening
from tests.platforms.further_contracts import OverTheNetwork
from tests.platforms.platform_contract import PlatformContract, Seen, Stage, a_post, a_while_ago

ADDRESS = "https://mastodon.example.org"
UPLOAD = "POST /api/v2/media"


def staged(server: MastodonServer, address: str = ADDRESS) -> Stage:
    """The plug-in connected to `server`, as the Account row would have it after `verify`."""
    platform, config = MastodonPlatform(poll_waits_s=(0, 0, 0)), MastodonConfig(address, server.token)
    return Stage(
        platform=platform,
        config=config,
        wrong_config=MastodonConfig(address, "wrong"),
        faults=server.faults,
        seen=lambda: [
            Seen(status.status_id, status.key, status.text, [media.alt for media in status.media])
            for status in server.posts()
        ],
        upload_call=UPLOAD,
        facts=platform.verify(config).facts,
    )


@pytest.fixture
def server(request: pytest.FixtureRequest) -> MastodonServer:
    """The server of the test's class: its `software`, or Mastodon."""
    return MastodonServer(getattr(request.cls, "software", "mastodon"), rate_limit=10_000)


@pytest.fixture
def stage(server: MastodonServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


class MastodonContract(PlatformContract):
    """What holds for every server that speaks the API."""

    software: str

    def test_visibility_and_language_are_said(self, stage: Stage, server: MastodonServer) -> None:
        stage.publish(a_post(language="da-DK"))
        assert (server.posts()[0].visibility, server.posts()[0].language) == ("public", "da")

    def test_the_link_follows_the_text(self, stage: Stage) -> None:
        post = a_post("Kom og hør")
        stage.publish(post)
        assert stage.seen()[0].text == f"Kom og hør\n{post.link}"

    def test_a_thread_hangs_together(self, stage: Stage, server: MastodonServer) -> None:
        first = stage.publish(a_post("Først"))
        second = a_post("Så", key="second", reply_to=first.remote_id)
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(second)
        parent = server.posts()[1].in_reply_to
        assert parent is not None
        assert parent.status_id == first.remote_id
        assert stage.platform.find(stage.config, stage.facts, second, a_while_ago()) is not None
        assert stage.platform.find(stage.config, stage.facts, replace(second, reply_to=""), a_while_ago()) is None

    def test_an_answer_to_a_deleted_post_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="Record not found"):
            stage.publish(a_post(reply_to="110000"))

    def test_web_pages_instead_of_json_are_understood(self, stage: Stage) -> None:
        stage.faults.set("html_errors", times=None)
        with pytest.raises(PermanentError, match="404 Record not found"):
            stage.publish(a_post(reply_to="110000"))

    def test_our_own_count_agrees_with_the_server(self, stage: Stage, server: MastodonServer) -> None:
        limit = stage.platform.limits(stage.facts).text
        tail = " https://www.kommune.example.org/nyheder/2026/en-meget-lang-titel @bib@kultur.example.org 👨‍👩‍👧‍👦"
        text = "å" * (limit - stage.platform.length(tail, stage.facts)) + tail
        stage.publish(a_post(text, link=""))
        assert stage.platform.length(text, stage.facts) == limit == server.kind.length(text)


class TestMastodon(MastodonContract):
    """Mastodon itself."""

    software = "mastodon"

    def test_what_verify_learns(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.name, profile.handle) == ("Kulturfællesskabet", "@kultur@mastodon.example.org")
        assert profile.facts == {
            "software": "mastodon",
            "version": "4.5.2",
            "domain": "mastodon.example.org",
            "honours_key": True,
            "max_characters": 500,
            "url_length": 23,
            "max_media": 4,
            "description_limit": 1500,
            "image_size_limit": 16_777_216,
            "image_matrix_limit": 33_177_600,
            "mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4"],
            "account_id": "109",
        }
        assert stage.platform.limits(profile.facts).picture_types == (
            "image/jpeg",
            "image/png",
            "image/gif",
            "image/webp",
        )

    def test_a_repeat_is_safe_for_fifty_minutes(self, stage: Stage) -> None:
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(minutes=50)

    def test_a_repeat_within_that_time_is_the_same_post_and_later_another(
        self, stage: Stage, server: MastodonServer
    ) -> None:
        first = stage.commit_only(a_post())
        server.clock.advance(timedelta(minutes=50).total_seconds())
        assert stage.commit_only(a_post()) == first
        server.clock.advance(timedelta(minutes=11).total_seconds())
        assert stage.commit_only(a_post()) != first

    def test_a_repeat_with_pictures_is_the_same_post(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post(pictures=(picture,))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        first, again = (stage.platform.commit(stage.config, stage.facts, post, prepared) for _ in range(2))
        assert again == first
        assert len(stage.seen()) == 1

    def test_a_500_on_a_repeated_key_is_uncertain_and_found(self, stage: Stage) -> None:
        first = stage.publish(a_post())
        stage.faults.set("500_on_duplicate")
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first

    def test_pictures_used_by_a_forgotten_attempt_are_evidence_of_it(
        self, stage: Stage, server: MastodonServer, picture: PictureFile
    ) -> None:
        post = a_post(pictures=(picture,))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        stage.platform.commit(stage.config, stage.facts, post, prepared)
        server.clock.advance(3601)
        with pytest.raises(UncertainError):
            stage.platform.commit(stage.config, stage.facts, post, prepared)

    @pytest.mark.parametrize("fault", ["commit_then_500", "commit_then_page", "slow", "commit_then_drop"])
    def test_a_post_without_a_clear_answer_is_uncertain_and_found(self, stage: Stage, fault: str) -> None:
        stage.faults.set(fault)
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        found = stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago())
        assert found is not None
        assert found.remote_id == stage.seen()[0].remote_id

    def test_a_busy_server_is_uncertain_when_publishing_and_waited_for_when_uploading(
        self, stage: Stage, picture: PictureFile
    ) -> None:
        stage.faults.set("503_retry_after")
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        stage.faults.set("503_retry_after", on=UPLOAD)
        with pytest.raises(TransientError) as busy:
            stage.publish(a_post(pictures=(picture,)))
        assert busy.value.retry_after

    def test_the_wait_is_until_the_reset_that_the_server_names(self, stage: Stage) -> None:
        stage.faults.set("429")
        with pytest.raises(TransientError) as busy:
            stage.publish(a_post())
        assert busy.value.retry_after == pytest.approx(300, abs=20)

    def test_a_token_without_the_scope_asks_for_a_reconnect(self, stage: Stage, server: MastodonServer) -> None:
        config = MastodonConfig(ADDRESS, server.new_token(frozenset({"profile", "read:statuses"})))
        with pytest.raises(AccountError, match="outside the authorized scopes"):
            stage.platform.commit(config, stage.facts, a_post(), {"media_ids": []})

    def test_a_revoked_token_asks_for_a_reconnect(self, stage: Stage, server: MastodonServer) -> None:
        server.revoke(server.token)
        with pytest.raises(AccountError, match="revoked"):
            stage.publish(a_post())

    def test_a_picture_that_is_never_ready_is_tried_again(self, stage: Stage, picture: PictureFile) -> None:
        stage.faults.set("media_never_ready", times=None)
        with pytest.raises(TransientError):
            stage.publish(a_post(pictures=(picture,)))

    def test_a_picture_that_cannot_be_processed_is_refused(self, stage: Stage, picture: PictureFile) -> None:
        stage.faults.set("media_fails")
        with pytest.raises(PermanentError, match="Error processing thumbnail"):
            stage.publish(a_post(pictures=(picture,)))

    def test_a_picture_still_in_processing_when_publishing_is_tried_again(
        self, stage: Stage, server: MastodonServer, picture: PictureFile
    ) -> None:
        post = a_post(pictures=(picture,))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        server.media[prepared["media_ids"][0]].ready = False
        with pytest.raises(TransientError):
            stage.platform.commit(stage.config, stage.facts, post, prepared)

    @pytest.mark.parametrize("older_server", [False, True])
    def test_the_servers_own_refusal_of_a_long_text_is_permanent(self, stage: Stage, older_server: bool) -> None:
        stage.faults.set("400_for_too_long", times=None if older_server else 0)
        with pytest.raises(PermanentError, match="Text character limit of 500 exceeded"):
            stage.commit_only(a_post("ø" * 501, link=""))

    def test_ids_are_opaque(self, stage: Stage) -> None:
        stage.faults.set("ulid_ids", times=None)
        published = stage.publish(a_post())
        assert not published.remote_id.isdigit()
        assert stage.platform.confirm(stage.config, stage.facts, published) == published

    def test_find_reads_on_through_a_busy_account_and_takes_the_oldest(
        self, stage: Stage, server: MastodonServer
    ) -> None:
        first = stage.publish(a_post())
        stage.commit_only(a_post(key="again on the same page"))
        for number in range(90):
            stage.commit_only(a_post(f"Nyhed {number}", key=f"key-{number}"))
        stage.commit_only(a_post(key="again"))
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first
        # Three pages and an empty one: a short page proves nothing, since servers cap the page size.
        assert server.calls.count("GET /api/v1/accounts/109/statuses") == 4

    def test_find_looks_no_further_back_than_asked(self, stage: Stage, server: MastodonServer) -> None:
        stage.publish(a_post())
        later = datetime.now(UTC) + timedelta(hours=1)
        assert stage.platform.find(stage.config, stage.facts, a_post(), later) is None

    def test_find_wants_the_same_number_of_pictures(self, stage: Stage, picture: PictureFile) -> None:
        stage.publish(a_post())
        wanted = a_post(pictures=(picture,))
        assert stage.platform.find(stage.config, stage.facts, wanted, a_while_ago()) is None

    @pytest.mark.parametrize(
        "text",
        [
            "To afsnit\n\nmed linjer\nog #kultur, @bib@kultur.example.org & <b>tegn</b>",
            "En adresse midt i https://kultur.example.org/en/meget/lang/sti/med-mange-ord?og=1&flere=2 teksten",
            "cafe\u0301 – “x” … 🇩🇰",
        ],
    )
    def test_find_sees_through_the_servers_markup(self, stage: Stage, text: str) -> None:
        published = stage.publish(a_post(text))
        assert stage.platform.find(stage.config, stage.facts, a_post(text), a_while_ago()) == published

    @pytest.mark.parametrize(
        "address", ["mastodon.example.org", "https://mastodon.example.org/@kultur", f" {ADDRESS}/ "]
    )
    def test_an_address_as_people_paste_it(self, stage: Stage, server: MastodonServer, address: str) -> None:
        assert stage.platform.verify(MastodonConfig(address, server.token)).remote_id == "109"

    @pytest.mark.parametrize(
        "address",
        ["", "http://mastodon.example.org", "https://a:b@mastodon.example.org", "ftp://x.org", "https://[", "x:y"],
    )
    def test_an_address_that_is_none_is_refused(self, stage: Stage, server: MastodonServer, address: str) -> None:
        with pytest.raises(PermanentError, match="is not a server's address"):
            stage.platform.verify(MastodonConfig(address, server.token))


class TestPleroma(MastodonContract):
    """Honours the key, counts addresses in full."""

    software = "pleroma"

    def test_it_is_recognised(self, stage: Stage) -> None:
        assert stage.facts["software"] == "pleroma"
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(minutes=50)


class KeyIgnored(MastodonContract):
    """Servers that would post twice."""

    def test_it_is_recognised_and_never_repeated(self, stage: Stage) -> None:
        assert stage.facts["software"] == self.software
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(0)
        stage.commit_only(a_post())
        stage.commit_only(a_post())
        assert len(stage.seen()) == 2


class TestGoToSocial(KeyIgnored):
    """Ignores the key, makes ULIDs, answers a long text with 400, posts unlisted unless told."""

    software = "gotosocial"


class TestTakahe(KeyIgnored):
    """Ignores the key, knows only the old instance call, is recognised by nodeinfo."""

    software = "takahe"


class TestUnknownSoftware(MastodonContract):
    """A server that we do not know is not trusted with a repeat."""

    software = "friendica"

    def test_it_is_not_trusted(self, stage: Stage) -> None:
        assert stage.facts["software"] == "unknown"
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(0)


def test_without_facts_nothing_is_trusted() -> None:
    platform = MastodonPlatform()
    assert platform.repeat_safe_for({}) == timedelta(0)
    assert platform.limits({}).text == 500
    assert platform.length("https://kultur.example.org/en/meget/lang/adresse", {}) == 23


class TestOverTheNetwork(OverTheNetwork):
    """At an address of its own."""

    @pytest.fixture
    def server(self) -> MastodonServer:
        return MastodonServer()

    @pytest.fixture
    def stage(self, server: MastodonServer, settings: Any) -> Iterator[Stage]:
        with listening(server) as address:
            settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
            yield staged(server, address)

    def test_a_server_that_is_down_surely_took_nothing(self, settings: Any) -> None:
        server = MastodonServer()
        with listening(server) as address:
            settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
            stage = staged(server, address)
        with pytest.raises(TransientError):
            stage.commit_only(a_post())
