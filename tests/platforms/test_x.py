"""The X plug-in against the contract server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TokenExpiredError, TransientError, UncertainError
from publisher.platforms.abilities import FollowUp
from publisher.platforms.contract import Figures, PictureFile, Published
from publisher.platforms.x import XConfig, XPlatform
from tests.contract.wire import in_process
from tests.contract.x import XServer
from tests.platforms.further_contracts import (
    FindsAfterAnUnclearAnswer,
    MakesThreads,
    OverTheNetwork,
    ProcessesPictures,
    TakesPostsDown,
    over_the_network,
)
from tests.platforms.platform_contract import PlatformContract, Stage, a_post, a_while_ago, stage_on


def staged(server: XServer) -> Stage:
    platform, config = XPlatform(poll_waits_s=(0, 0, 0)), XConfig(server.token, server.refresh_token)
    return stage_on(server, platform, config, XConfig("wrong", "wrong too"))


@pytest.fixture
def server() -> XServer:
    return XServer(rate=10_000)


@pytest.fixture
def stage(server: XServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


class TestX(PlatformContract, ProcessesPictures, FindsAfterAnUnclearAnswer, MakesThreads, TakesPostsDown):
    """What is special to X."""

    def test_two_keys_are_two_posts(self, stage: Stage) -> None:
        """Only if they differ: X knows no keys and takes the same words once."""
        stage.publish(a_post())
        stage.publish(a_post("Noget andet", key="another-key"))
        assert len(stage.seen()) == 2

    def test_what_is_called_safe_to_repeat_is_the_same_post(self, stage: Stage) -> None:
        """Nothing is: what X calls a duplicate is looked for."""
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(0)
        first = stage.commit_only(a_post())
        with pytest.raises(UncertainError, match="already"):
            stage.commit_only(a_post())
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first

    def test_a_repeat_that_is_not_noticed_would_be_a_second_post(self, stage: Stage) -> None:
        """Why nothing is repeated: X's check is no promise. Of both, the older is ours."""
        first = stage.commit_only(a_post())
        stage.faults.set("no_duplicate_check")
        stage.commit_only(a_post())
        assert len(stage.seen()) == 2
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first

    def test_what_verify_learns(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.name, profile.handle, profile.url) == ("Kulturfællesskabet", "@kultur", "https://x.com/kultur")
        assert profile.facts == {"user_id": "2244994945", "username": "kultur"}

    def test_what_can_be_done_and_what_it_costs(self, stage: Stage) -> None:
        abilities = stage.platform.abilities(stage.facts)
        assert (abilities.follow_up, abilities.edits, abilities.deletes) == (FollowUp.THREAD, False, True)
        assert "0.20" in str(abilities.price_note)
        assert "30 minutes" in str(abilities.edit_note)

    def test_the_link_follows_the_text_and_costs(self, stage: Stage, server: XServer) -> None:
        post = a_post("Kom og hør")
        published = stage.publish(post)
        assert stage.seen()[0].text == f"Kom og hør\n{post.link}"
        assert published.permalink == f"https://x.com/kultur/status/{published.remote_id}"
        assert server.spent == Decimal("0.200")
        stage.publish(a_post("Uden adresse", link=""))
        assert server.spent == Decimal("0.215")

    def test_an_answer_that_x_forbids_is_refused_and_the_account_is_well(self, stage: Stage) -> None:
        first = stage.publish(a_post("Først"))
        stage.faults.set("reply_forbidden")
        with pytest.raises(PermanentError, match="does not allow this answer"):
            stage.publish(a_post("Så", reply_to=first.remote_id))

    # Pictures

    def test_a_picture_without_description_is_not_described(
        self, stage: Stage, server: XServer, picture: PictureFile
    ) -> None:
        stage.publish(a_post("Et billede", link="", pictures=(replace(picture, alt=""),)))
        assert server.spent == Decimal("0.015")

    def test_a_picture_alone_is_a_post(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post("", link="", pictures=(picture,))
        published = stage.publish(post)
        assert stage.platform.find(stage.config, stage.facts, post, a_while_ago()) == published

    # Later

    def test_a_post_cannot_be_changed(self, stage: Stage) -> None:
        with pytest.raises(PermanentError):
            stage.platform.edit(stage.config, stage.facts, Published("1"), a_post())

    def test_taking_a_post_down_is_paid_for_once(self, stage: Stage, server: XServer) -> None:
        published = stage.publish(a_post("Et", link=""))
        stage.platform.delete(stage.config, stage.facts, published)
        stage.platform.delete(stage.config, stage.facts, published)
        assert server.spent == Decimal("0.025")
        with pytest.raises(PermanentError, match="no longer on X"):
            stage.platform.confirm(stage.config, stage.facts, published)

    def test_figures_come_in_one_paid_call(self, stage: Stage, server: XServer) -> None:
        one, two = stage.publish(a_post("Et")), stage.publish(a_post("To"))
        server.figures[one.remote_id] = {
            "like_count": 1, "retweet_count": 2, "reply_count": 3, "impression_count": 400,
        }  # fmt: skip
        before, calls = server.spent, len(server.calls)
        found = stage.platform.figures(stage.config, stage.facts, [one.remote_id, two.remote_id, "1"])
        assert found == {one.remote_id: Figures(1, 2, 3, 400), two.remote_id: Figures(0, 0, 0, 0)}
        assert len(server.calls) == calls + 1
        assert server.spent - before == Decimal("0.002")

    # Errors

    @pytest.mark.parametrize("fault", ["expire_token", "revoke_token"])
    def test_a_token_that_is_not_good_asks_to_be_renewed(self, stage: Stage, fault: str) -> None:
        stage.faults.set(fault)
        with pytest.raises(TokenExpiredError):
            stage.commit_only(a_post())
        assert stage.seen() == []

    def test_an_empty_purse_holds_the_channel_with_words(self, stage: Stage) -> None:
        stage.faults.set("no_credits")
        with pytest.raises(AccountError, match="credit at X is used up"):
            stage.commit_only(a_post())

    def test_a_missing_right_asks_for_a_reconnect(self, stage: Stage, server: XServer) -> None:
        token, _refresh = server.oauth.issue(frozenset({"tweet.read", "users.read"}))
        with pytest.raises(AccountError, match="not permitted"):
            stage.platform.commit(XConfig(token), stage.facts, a_post(), {"media_ids": []})

    def test_the_wait_is_until_the_reset_that_x_names(self, stage: Stage, server: XServer) -> None:
        server.rate = 1
        stage.publish(a_post("Et"))
        with pytest.raises(TransientError) as busy:
            stage.publish(a_post("To"))
        assert busy.value.retry_after == pytest.approx(900, abs=20)

    def test_the_servers_own_refusal_of_a_long_text_is_permanent(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="too long"):
            stage.commit_only(a_post("ø" * 281, link=""))

    def test_our_own_count_agrees_with_the_server(self, stage: Stage) -> None:
        tail = " https://www.kommune.example.org/nyheder/2026/en-meget-lang-titel obcina.si 👨‍👩‍👧‍👦 …"
        text = "å" * (280 - stage.platform.length(tail, stage.facts)) + tail
        stage.publish(a_post(text, link=""))
        with pytest.raises(PermanentError, match="too long"):
            stage.commit_only(a_post(f"{text}å", link=""))

    # Finding

    @pytest.mark.parametrize(
        "text",
        [
            "To afsnit\n\nog #kultur, @bib & <b>tegn</b> &amp; mere",
            "En adresse midt i https://kultur.example.org/en/sti?og=1&flere=2 teksten",
            "Uden skema obcina.si og med https://www.obcina.si/ midt i",
            "cafe\u0301 – “x” … 🇩🇰",
        ],
    )
    def test_find_sees_through_x_addresses(self, stage: Stage, picture: PictureFile, text: str) -> None:
        post = a_post(text, pictures=(picture, picture))
        published = stage.publish(post)
        assert stage.platform.find(stage.config, stage.facts, post, a_while_ago()) == published
        assert not stage.platform.find(stage.config, {}, replace(post, pictures=()), a_while_ago())

    def test_find_reads_on_and_takes_the_oldest(self, stage: Stage, server: XServer) -> None:
        first = stage.publish(a_post())
        for number in range(110):
            stage.commit_only(a_post(f"Nyhed {number}", link=""))
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) == first
        assert server.calls.count("GET /2/users/2244994945/tweets") == 2


class TestOverTheNetwork(OverTheNetwork):
    """At the address that the settings name."""

    @pytest.fixture
    def stage(self, server: XServer, settings: Any) -> Iterator[Stage]:
        with over_the_network(server, settings, "x"):
            yield staged(server)

    def test_what_was_spent_is_on_the_control_page(self, stage: Stage, settings: Any) -> None:
        stage.publish(a_post())
        shown = http.json_of(http.fetch(f"{settings.OPSLAG_PLATFORM_ADDRESSES['x']}/control"))
        assert shown["spent_usd"] == "0.200"
