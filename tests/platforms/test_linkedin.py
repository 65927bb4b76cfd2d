"""The LinkedIn plug-in against the contract server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TokenExpiredError, TransientError, UncertainError
from publisher.platforms.contract import Card, Figures, PictureFile, Published
from publisher.platforms.linkedin import LinkedInConfig, LinkedInPlatform
from publisher.platforms.linkedin_calls import _until_midnight_s
from tests.contract.linkedin import LinkedInServer
from tests.contract.wire import in_process
from tests.platforms.further_contracts import (
    OverTheNetwork,
    ProcessesPictures,
    RepeatsAfterAnUnclearAnswer,
    TakesPostsDown,
    over_the_network,
)
from tests.platforms.platform_contract import PlatformContract, Stage, a_post, a_while_ago, stage_on

PAGE = "urn:li:organization:1"


def staged(server: LinkedInServer) -> Stage:
    platform, config = LinkedInPlatform(poll_waits_s=(0, 0, 0)), LinkedInConfig(PAGE, server.token, "", "to-renew")
    return stage_on(server, platform, config, LinkedInConfig(PAGE, "wrong", "", "to-renew"))


@pytest.fixture
def server() -> LinkedInServer:
    return LinkedInServer()


@pytest.fixture
def stage(server: LinkedInServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


class TestLinkedIn(PlatformContract, ProcessesPictures, RepeatsAfterAnUnclearAnswer, TakesPostsDown):
    """What is special to LinkedIn."""

    def test_two_keys_are_two_posts(self, stage: Stage) -> None:
        """Only if they differ: LinkedIn knows no keys and takes the same words once in ten minutes."""
        first = stage.publish(a_post())
        assert stage.publish(a_post(key="another-key")) == first
        assert stage.publish(a_post("Noget andet", key="a-third-key")) != first
        assert len(stage.seen()) == 2

    def test_what_verify_learns(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.remote_id, profile.name) == (PAGE, "Kulturfællesskabet")
        assert (profile.handle, profile.url) == (
            "@kulturfaellesskabet",
            "https://www.linkedin.com/company/kulturfaellesskabet",
        )

    def test_verify_notices_a_lost_role(self, stage: Stage) -> None:
        with pytest.raises(AccountError, match="no longer super admin"):
            stage.platform.verify(replace(stage.config, organisation="urn:li:organization:3"))

    # The link, its card, and pictures

    def test_the_link_is_a_card_of_ours(self, stage: Stage, server: LinkedInServer, picture: PictureFile) -> None:
        card = Card("Åben øvelse", "Kom og hør koret.", picture)
        post = a_post("Kom og hør", title="En overskrift", card=card)
        stage.publish(post)
        article = server.public()[0].fields["content"]["article"]
        assert article.pop("thumbnail").startswith("urn:li:image:")
        assert article == {"source": post.link, "title": "Åben øvelse", "description": "Kom og hør koret."}
        assert server.public()[0].text == "Kom og hør"

    @pytest.mark.parametrize(("title", "expected"), [("En overskrift", "En overskrift"), ("", "Kom og hør")])
    def test_a_card_without_words_takes_the_headline_or_the_first_line(
        self, stage: Stage, server: LinkedInServer, title: str, expected: str
    ) -> None:
        stage.publish(a_post("Kom og hør\n\nMere om det", title=title))
        assert server.public()[0].fields["content"]["article"]["title"] == expected

    def test_beside_pictures_the_link_stands_in_the_text(
        self, stage: Stage, server: LinkedInServer, picture: PictureFile
    ) -> None:
        post = a_post("Kom og hør", pictures=(picture,))
        stage.publish(post)
        assert server.public()[0].text == f"Kom og hør\n{post.link}"
        assert set(server.public()[0].fields["content"]) == {"media"}

    def test_a_text_alone_has_no_content(self, stage: Stage, server: LinkedInServer) -> None:
        stage.publish(a_post(link=""))
        assert server.public()[0].fields["content"] is None

    def test_a_picture_without_description_is_published(self, stage: Stage, picture: PictureFile) -> None:
        stage.publish(a_post(pictures=(replace(picture, alt=""),)))
        assert stage.seen()[0].alt_texts == [""]

    def test_pictures_that_were_not_uploaded_are_never_left_out(self, stage: Stage, picture: PictureFile) -> None:
        with pytest.raises(PermanentError, match="were not uploaded"):
            stage.commit_only(a_post(pictures=(picture,)))

    def test_the_token_goes_to_no_other_host(self, stage: Stage, picture: PictureFile) -> None:
        server = LinkedInServer()
        calls: list[str] = []

        def elsewhere(request: Any) -> Any:
            calls.append(request.url)
            response = server(request)
            response.body = response.body.replace(b"https://api.linkedin.com/dms", b"https://collect.example.org/dms")
            return response

        with http.use_transport(in_process(elsewhere)), pytest.raises(TransientError):
            stage.platform.prepare(replace(stage.config, access_token=server.token), {}, a_post(pictures=(picture,)))
        assert not any("example.org" in call for call in calls)

    # Repeats

    def test_a_repeat_is_safe_for_eight_minutes(self, stage: Stage, server: LinkedInServer) -> None:
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(minutes=8)
        first = stage.commit_only(a_post())
        server.clock.advance(9 * 60)
        assert stage.commit_only(a_post()) == first
        server.clock.advance(61)
        assert stage.commit_only(a_post()) != first

    @pytest.mark.parametrize("fault", ["409", "commit_then_409"])
    def test_a_conflict_is_tried_once_more(self, stage: Stage, server: LinkedInServer, fault: str) -> None:
        stage.faults.set(fault)
        published = stage.publish(a_post())
        assert [seen.remote_id for seen in stage.seen()] == [published.remote_id]
        assert server.calls.count("POST /rest/posts") == 2

    def test_a_second_conflict_is_uncertain(self, stage: Stage) -> None:
        stage.faults.set("409", times=2)
        with pytest.raises(UncertainError):
            stage.publish(a_post())

    def test_an_answer_without_an_id_is_uncertain(self, stage: Stage) -> None:
        stage.faults.set("commit_then_page")
        with pytest.raises(UncertainError):
            stage.publish(a_post())

    # The first comment

    def test_a_comment_stands_beneath_the_post(self, stage: Stage, server: LinkedInServer) -> None:
        first = stage.publish(a_post())
        comment = stage.commit_only(
            a_post("Læs mere (og_hør) hos @[Museet](urn:li:organization:2)", link="", reply_to=first.remote_id)
        )
        assert server.public()[1].reply_to == first.remote_id
        assert server.public()[1].text == "Læs mere (og_hør) hos Museet"
        assert stage.platform.confirm(stage.config, stage.facts, comment) == comment
        assert "commentUrn" in comment.permalink

    def test_a_comment_is_never_repeated_but_found(self, stage: Stage) -> None:
        first = stage.publish(a_post())
        post = a_post("Læs mere", link="", reply_to=first.remote_id, thread_root=first.remote_id)
        assert not stage.platform.repeats_safely(stage.facts, post)
        assert stage.platform.repeats_safely(stage.facts, a_post())
        stage.faults.set("commit_then_drop", on="POST /rest/socialActions")
        with pytest.raises(UncertainError):
            stage.commit_only(post)
        found = stage.platform.find(stage.config, stage.facts, post, a_while_ago())
        assert found is not None
        assert found.remote_id == stage.seen()[1].remote_id
        other = replace(post, text="Noget andet")
        assert stage.platform.find(stage.config, stage.facts, other, a_while_ago()) is None

    def test_a_comment_can_be_changed_and_taken_down(self, stage: Stage) -> None:
        first = stage.publish(a_post())
        post = a_post("Læs mere", link="", reply_to=first.remote_id)
        comment = stage.commit_only(post)
        stage.platform.edit(stage.config, stage.facts, comment, replace(post, text="Læs endnu mere"))
        assert stage.seen()[1].text == "Læs endnu mere"
        stage.platform.delete(stage.config, stage.facts, comment)
        stage.platform.delete(stage.config, stage.facts, comment)
        assert len(stage.seen()) == 1

    def test_a_long_comment_is_refused_before_anything_is_sent(self, stage: Stage, server: LinkedInServer) -> None:
        first = stage.publish(a_post())
        with pytest.raises(PermanentError, match="1250"):
            stage.commit_only(a_post("ø" * 1251, link="", reply_to=first.remote_id))
        assert len(server.public()) == 1

    # Later

    def test_a_change_of_the_text_may_be_repeated(self, stage: Stage, server: LinkedInServer) -> None:
        published = stage.publish(a_post())
        for _ in range(2):
            assert stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet [sic]")) == published
        assert server.public()[0].text == "Rettet [sic]"

    def test_figures(self, stage: Stage, server: LinkedInServer) -> None:
        one, two = stage.publish(a_post("Et")), stage.publish(a_post("To"))
        server.figures[one.remote_id] = {"likeCount": -1, "shareCount": 2, "commentCount": 3, "impressionCount": 400}
        asked = [one.remote_id, two.remote_id, "urn:li:share:1", "urn:li:comment:(urn:li:activity:1,2)"]
        assert stage.platform.figures(stage.config, stage.facts, asked) == {
            one.remote_id: Figures(0, 2, 3, 400),
            two.remote_id: Figures(0, 0, 0, 0),
        }

    # Errors

    @pytest.mark.parametrize("call", ["GET /rest/organizationAcls", "POST /rest/posts"])
    def test_a_token_that_ran_out_asks_to_be_renewed(self, stage: Stage, server: LinkedInServer, call: str) -> None:
        server.expire()
        with pytest.raises(TokenExpiredError):
            stage.platform.verify(stage.config)
        with pytest.raises(TokenExpiredError):
            stage.commit_only(a_post())

    def test_a_token_that_was_taken_back_asks_for_a_reconnect(self, stage: Stage) -> None:
        stage.faults.set("revoke_token")
        with pytest.raises(AccountError, match="revoked") as refused:
            stage.commit_only(a_post())
        assert not isinstance(refused.value, TokenExpiredError)

    def test_a_version_that_ended_holds_all_and_tells_the_administrator(
        self, stage: Stage, server: LinkedInServer, settings: Any
    ) -> None:
        server.versions = {"202610"}
        for step in (
            lambda: stage.commit_only(a_post()),
            lambda: stage.platform.verify(stage.config),
        ):
            with pytest.raises(AccountError, match="OPSLAG_LINKEDIN_VERSION"):
                step()
        settings.OPSLAG_LINKEDIN_VERSION = "202610"
        stage.commit_only(a_post())
        assert server.headers_seen[-1]["linkedin-version"] == "202610"

    def test_no_version_is_the_same(self, stage: Stage, settings: Any) -> None:
        settings.OPSLAG_LINKEDIN_VERSION = ""
        with pytest.raises(AccountError, match="OPSLAG_LINKEDIN_VERSION"):
            stage.commit_only(a_post())

    def test_a_lost_role_is_said_in_words(self, stage: Stage) -> None:
        stage.faults.set("no_access")
        with pytest.raises(AccountError, match="super admin or content admin"):
            stage.commit_only(a_post())

    def test_the_days_quota_is_waited_for(self, stage: Stage, server: LinkedInServer) -> None:
        server.quota = 0
        with pytest.raises(TransientError) as busy:
            stage.commit_only(a_post())
        assert busy.value.retry_after is not None
        assert 0 < busy.value.retry_after <= 86_401

    def test_the_wait_ends_at_midnight_utc(self) -> None:
        assert _until_midnight_s(datetime(2026, 11, 26, 23, 50, tzinfo=UTC)) == 601
        assert _until_midnight_s(datetime(2026, 11, 26, 12, 0, tzinfo=UTC)) == 12 * 3600 + 1

    # Finding

    def test_find_reads_on_and_takes_the_oldest(self, stage: Stage, server: LinkedInServer) -> None:
        first = stage.publish(a_post())
        server.clock.advance(11 * 60)
        stage.publish(a_post())
        for number in range(60):
            stage.commit_only(a_post(f"Nyhed {number}"))
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first

    def test_find_looks_no_further_back_than_asked(self, stage: Stage) -> None:
        stage.publish(a_post())
        later = datetime.now(UTC) + timedelta(hours=1)
        assert stage.platform.find(stage.config, stage.facts, a_post(), later) is None

    @pytest.mark.parametrize(
        "text",
        [
            "To afsnit\n\nog #kultur og #børn_og_unge, @[Museet](urn:li:organization:2) & <b>tegn</b> {|}~*",
            "Med adresse https://kultur.example.org/a_b?c=1#d midt i",
            "cafe\u0301 – “x” … 🇩🇰 \\ #1",
        ],
    )
    def test_find_sees_through_little_text(self, stage: Stage, text: str) -> None:
        published = stage.publish(a_post(text))
        assert stage.platform.find(stage.config, stage.facts, a_post(text), a_while_ago()) == published

    @pytest.mark.parametrize("change", [{"link": "https://andet.example.org/"}, {"link": ""}, {"pictures": 1}])
    def test_find_wants_the_same_card_and_pictures(
        self, stage: Stage, picture: PictureFile, change: dict[str, Any]
    ) -> None:
        stage.publish(a_post())
        changed = {"pictures": (picture,)} if "pictures" in change else change
        assert stage.platform.find(stage.config, stage.facts, a_post(**changed), a_while_ago()) is None


class TestOverTheNetwork(OverTheNetwork):
    """At the address that the settings name."""

    @pytest.fixture
    def stage(self, server: LinkedInServer, settings: Any) -> Iterator[Stage]:
        with over_the_network(server, settings, "linkedin"):
            yield staged(server)

    @pytest.mark.parametrize(("fault", "posts"), [("commit_then_drop", 1), ("drop_before_read", 0)])
    def test_a_hang_up_is_uncertain_and_a_repeat_harmless(self, stage: Stage, fault: str, posts: int) -> None:
        stage.faults.set(fault)
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        assert len(stage.seen()) == posts
        again = stage.publish(a_post())
        assert [seen.remote_id for seen in stage.seen()] == [again.remote_id]

    def test_confirm_of_what_was_never_there(self, stage: Stage) -> None:
        with pytest.raises(PermanentError):
            stage.platform.confirm(stage.config, stage.facts, Published("urn:li:share:1"))
