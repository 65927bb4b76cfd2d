"""What several platforms do and not all: a plug-in's test class inherits, beside `PlatformContract`, what it does.

Like that suite they take a `stage`; `server` is the contract server beneath it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TransientError, UncertainError
from publisher.platforms.contract import PictureFile
from tests.contract.server import ContractServer
from tests.contract.wire import Response, listening
from tests.platforms.platform_contract import Stage, a_post, a_while_ago

# The faults after which nobody knows whether the call published.
UNCLEAR = ["commit_then_drop", "commit_then_500", "commit_then_page", "latency"]


@contextmanager
def over_the_network(server: ContractServer, settings: Any, kind: str) -> Iterator[str]:
    """The server listens, and the plug-in of that kind calls it there; its address."""
    with listening(server) as address:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
        settings.OPSLAG_PLATFORM_ADDRESSES = {kind: address}
        yield address


class FindsAfterAnUnclearAnswer:
    """Nothing may be repeated, so the post is looked for."""

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_a_post_without_a_clear_answer_is_uncertain_and_found(
        self, stage: Stage, server: ContractServer, fault: str
    ) -> None:
        stage.faults.set(fault, on=server.create)
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        found = stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago())
        assert found is not None and found.remote_id == stage.seen()[0].remote_id


class RepeatsAfterAnUnclearAnswer:
    """The same call again finds the post that is there, or makes it."""

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_a_repeat_after_a_lost_answer_is_the_same_post(
        self, stage: Stage, server: ContractServer, picture: PictureFile, fault: str
    ) -> None:
        post = a_post(pictures=(picture, picture))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        stage.faults.set(fault, on=server.create)
        with pytest.raises(UncertainError):
            stage.platform.commit(stage.config, stage.facts, post, prepared)
        again = stage.platform.commit(stage.config, stage.facts, post, prepared)
        assert [seen.remote_id for seen in stage.seen()] == [again.remote_id]

    def test_a_repeat_of_a_call_that_never_arrived_publishes(self, stage: Stage) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        stage.faults.set("drop_before_read")
        with pytest.raises(UncertainError):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        assert len(stage.seen()) == 1


class HasALinkField:
    """The link is no part of the text, except beside pictures."""

    def test_the_link_has_a_field_of_its_own_except_beside_pictures(
        self, stage: Stage, server: ContractServer, picture: PictureFile
    ) -> None:
        post = a_post("Kom og hør")
        stage.publish(post)
        stage.publish(replace(post, pictures=(picture,), key="second"))
        assert [(each.text, each.link) for each in server.public()] == [
            ("Kom og hør", post.link), (f"Kom og hør\n{post.link}", "")
        ]  # fmt: skip


class MakesThreads:
    """A post may answer another one of ours."""

    def test_a_thread_hangs_together(self, stage: Stage, server: ContractServer) -> None:
        first = stage.publish(a_post("Først"))
        second = a_post("Så", link="", reply_to=first.remote_id, thread_root=first.remote_id)
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(second)
        assert server.public()[1].reply_to == first.remote_id
        assert stage.platform.find(stage.config, stage.facts, second, a_while_ago()) is not None
        assert stage.platform.find(stage.config, stage.facts, replace(second, reply_to=""), a_while_ago()) is None


class TakesPostsDown:
    """A post can be deleted, and the call repeated."""

    def test_a_post_is_taken_down_once_and_for_all(self, stage: Stage) -> None:
        published = stage.publish(a_post("Et", link=""))
        for _time in range(2):
            stage.platform.delete(stage.config, stage.facts, published)
        assert stage.seen() == []
        assert stage.platform.abilities(stage.facts).deletes
        with pytest.raises(PermanentError):
            stage.platform.confirm(stage.config, stage.facts, published)


class ProcessesPictures:
    """A picture that is uploaded takes its time to become ready."""

    def test_a_picture_is_waited_for(self, stage: Stage, server: ContractServer, picture: PictureFile) -> None:
        stage.faults.set("media_slow")
        stage.publish(a_post(pictures=(picture,)))
        assert server.public()[0].pictures == [picture.content]
        assert server.public()[0].alt_texts == [picture.alt]

    def test_a_picture_that_is_never_ready_is_tried_again(
        self, stage: Stage, server: ContractServer, picture: PictureFile
    ) -> None:
        server.media_polls = 100
        stage.faults.set("media_slow")
        with pytest.raises(TransientError):
            stage.publish(a_post(pictures=(picture,)))

    def test_a_picture_that_cannot_be_processed_is_refused(self, stage: Stage, picture: PictureFile) -> None:
        stage.faults.set("media_fails")
        with pytest.raises(PermanentError, match="could not process"):
            stage.publish(a_post(pictures=(picture,)))


class KeepsContainers:
    """What is prepared is a container for a day; the platform fetches its pictures. `listing`: the call for posts."""

    listing: str

    def test_the_check_passes_where_pictures_can_be_fetched(self, stage: Stage, picture: PictureFile) -> None:
        stage.platform.check_pictures(stage.config, stage.facts, picture.url)
        assert stage.seen() == []
        with pytest.raises(AccountError):
            stage.platform.check_pictures(stage.wrong_config, stage.facts, picture.url)

    def test_the_check_says_what_to_do_where_they_cannot(self, stage: Stage, server: Any) -> None:
        server.fetch = lambda url: None
        with pytest.raises(PermanentError, match=r"fetch a picture from opslag\.example\.org"):
            stage.platform.check_pictures(stage.config, stage.facts, "https://opslag.example.org/p/secret-token")
        assert stage.seen() == []

    def test_a_container_is_waited_for(self, stage: Stage, server: ContractServer) -> None:
        stage.faults.set("media_slow")
        stage.publish(a_post())
        assert len(stage.seen()) == 1
        stage.faults.set("media_slow")
        server.media_polls = 9
        with pytest.raises(TransientError, match="still working"):
            stage.publish(a_post(key="second"))

    def test_a_container_lives_for_a_day(self, stage: Stage, server: ContractServer) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        server.clock.advance(25 * 3600)
        with pytest.raises(TransientError, match="made anew"):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        assert stage.seen() == []

    def test_published_and_not_listed_yet_stays_uncertain(self, stage: Stage) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        stage.faults.set("late_list", on=self.listing)
        with pytest.raises(UncertainError, match="published already"):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)


class RenewsHalfway:
    """Access for sixty days, which is renewed after thirty and never on its first day."""

    def test_the_access_is_renewed_halfway(self, stage: Stage) -> None:
        config = replace(stage.config, **stage.platform.renew(stage.config, None))
        assert config.access_token != stage.config.access_token
        ends = stage.platform.lasts_until(config)
        assert ends is not None and abs(ends - datetime.now(UTC) - timedelta(days=60)) < timedelta(minutes=1)
        assert stage.platform.renew_at(config) == ends - timedelta(days=30)
        assert stage.platform.verify(config).remote_id == stage.platform.verify(stage.config).remote_id
        unknown = stage.platform.renew_at(stage.config)
        assert unknown is not None and unknown < datetime.now(UTC)

    def test_younger_than_a_day_it_is_left_as_it_is(self, stage: Stage) -> None:
        young = replace(stage.config, **stage.platform.renew(stage.config, None))
        with pytest.raises(TransientError, match="younger than 24 hours") as raised:
            stage.platform.renew(young, None)
        assert raised.value.retry_after == 6 * 3600

    def test_taken_back_it_must_be_connected_again(self, stage: Stage, server: ContractServer) -> None:
        server.revoke(stage.config.access_token)
        with pytest.raises(AccountError):
            stage.platform.renew(stage.config, None)


class OverTheNetwork:
    """The same over real connections: real hang-ups, real uploads, the address guard."""

    def test_a_post_with_pictures(self, stage: Stage, picture: PictureFile) -> None:
        published = stage.publish(a_post(pictures=(picture, picture)))
        assert stage.seen()[0].alt_texts == [picture.alt] * 2
        assert http.fetch(published.permalink).status == 200

    @pytest.mark.parametrize(("fault", "posts"), [("commit_then_drop", 1), ("drop_before_read", 0)])
    def test_a_hang_up_is_uncertain(self, stage: Stage, fault: str, posts: int) -> None:
        stage.faults.set(fault)
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        assert len(stage.seen()) == posts
        found = stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago())
        assert (found is not None) == bool(posts)


class FetchesOverTheNetwork:
    """The same for a platform that really fetches the picture from us."""

    def test_a_post(self, stage: Stage, server: ContractServer, picture: PictureFile) -> None:
        served = Response(200, picture.content, {"Content-Type": picture.media_type})
        with listening(lambda request: served) as ours:
            published = stage.publish(a_post(pictures=(_at(f"{ours}/p/1", picture),)))
            assert server.public()[0].pictures == [picture.content]
            assert http.fetch(published.permalink).status == 200
        with pytest.raises(PermanentError, match="could not"):
            stage.publish(a_post(key="second", pictures=(_at("http://127.0.0.1:9/p/1", picture),)))


def _at(url: str, picture: PictureFile) -> PictureFile:
    """The picture at another address of ours."""
    shown = replace(picture)
    object.__setattr__(shown, "url", url)
    return shown
