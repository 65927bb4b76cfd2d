"""What every platform plug-in must do, whatever the platform: a plug-in's test class inherits `PlatformContract`.

The class gives a `stage` fixture: the plug-in, its credentials and a contract server beneath our HTTP client, which
must know the faults "500", "429", "drop_before_read" and "commit_then_drop" for the call that publishes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from PIL import Image

from publisher import http
from publisher.errors import AccountError, OpslagError, PermanentError, ThrottledError, TransientError, UncertainError
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import PictureFile, Platform, Post, Published
from tests.contract.faults import Faults
from tests.contract.server import ContractServer


class Seen(NamedTuple):
    """A post as the contract server has it; `key` is "" where the platform is told none."""

    remote_id: str
    key: str
    text: str
    alt_texts: list[str]


@dataclass
class Stage:
    """All that a test needs: `seen` lists what the server has; `upload_call` is the server's call for a picture."""

    platform: Platform
    config: Any
    wrong_config: Any
    faults: Faults
    seen: Callable[[], list[Seen]]
    upload_call: str
    facts: Mapping[str, Any]

    def publish(self, post: Post) -> Published:
        """Prepare and commit."""
        prepared = self.platform.prepare(self.config, self.facts, post)
        return self.platform.commit(self.config, self.facts, post, prepared)

    def commit_only(self, post: Post) -> Published:
        """Commit a post without pictures."""
        return self.platform.commit(self.config, self.facts, post, {"media_ids": []})


def stage_on(
    server: ContractServer, platform: Platform, config: Any, wrong_config: Any, *, kind: type[Stage] = Stage
) -> Any:
    """A plug-in connected to its contract server, as the row of an account would have it after `verify`."""
    return kind(
        platform=platform,
        config=config,
        wrong_config=wrong_config,
        faults=server.faults,
        seen=lambda: [Seen(post.remote_id, post.key, post.text, post.alt_texts) for post in server.public()],
        upload_call=server.upload,
        facts=platform.verify(config).facts,
    )


# What every post brings along on platforms that take none without a picture.
USUAL_PICTURES: list[PictureFile] = []


@contextmanager
def unreachable() -> Iterator[None]:
    """Nothing listens at the other end."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    with http.use_transport(httpx.MockTransport(refuse)):
        yield


def a_post(text: str = "Åben øvelse på torvet – kom & hør! 👨‍👩‍👧‍👦", **changes: Any) -> Post:
    """A post with all that text can bring along."""
    usual = Post(
        text=text,
        key="d4735e3a265e16eee03f59718b9b5d03",
        planned_at=datetime.now(UTC),
        link="https://kultur.example.org/nyheder/oevelse?a=1&b=2",
        language="da",
        pictures=tuple(USUAL_PICTURES),
    )
    return replace(usual, **changes)


def album_of(picture: PictureFile, number: int) -> tuple[PictureFile, ...]:
    """So many pictures of its kind and size that look different, each with a description of its own."""
    album, size, kind = [], (picture.width, picture.height), picture.media_type.removeprefix("image/")
    for place in range(1, number + 1):
        content = io.BytesIO()
        Image.new("RGB", size, (place * 12, 80, 128)).save(content, kind)
        album.append(replace(picture, content=content.getvalue(), alt=f"Værk {place}"))
    return tuple(album)


def a_while_ago() -> datetime:
    """Before anything that the test does."""
    return datetime.now(UTC) - timedelta(minutes=1)


class PlatformContract:
    """The tests; a subclass adds what is special to its platform."""

    def test_it_is_registered_under_its_kind(self, stage: Stage) -> None:
        assert type(PLATFORMS[stage.platform.kind]) is type(stage.platform)
        assert str(stage.platform.label)

    def test_credentials_are_marked_and_never_printed(self, stage: Stage) -> None:
        secret = [item.name for item in fields(stage.config) if item.metadata.get("secret")]
        assert secret
        assert all(getattr(stage.config, name) not in repr(stage.config) for name in secret)
        assert all(str(item.metadata["label"]) for item in fields(stage.config))

    def test_verify_says_who_we_are(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert profile.remote_id and profile.name
        assert profile.handle.startswith("@")
        assert profile.url.startswith("http")
        assert json.loads(json.dumps(profile.facts)) == profile.facts

    def test_a_post_appears_once_as_it_was_written(self, stage: Stage) -> None:
        post = a_post()
        published = stage.publish(post)
        assert [(seen.remote_id, seen.key or post.key) for seen in stage.seen()] == [(published.remote_id, post.key)]
        assert post.text in stage.seen()[0].text
        assert published.permalink.startswith("http")

    def test_as_many_pictures_as_it_takes_arrive_in_their_order_each_with_its_description(
        self, stage: Stage, picture: PictureFile
    ) -> None:
        album = album_of(picture, stage.platform.limits(stage.facts).pictures)
        stage.publish(a_post("Nye værker", pictures=album))
        assert stage.seen()[0].alt_texts == [each.alt for each in album]

    def test_an_album_whose_answer_was_lost_is_found(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post(pictures=album_of(picture, 3))
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(post)
        assert [seen.alt_texts for seen in stage.seen()] == [[each.alt for each in post.pictures]]
        found = stage.platform.find(stage.config, stage.facts, post, a_while_ago())
        assert (found is not None) == stage.platform.abilities(stage.facts).finds
        assert found is None or found.remote_id == stage.seen()[0].remote_id

    def test_prepare_publishes_nothing_may_be_repeated_and_is_json(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post(pictures=(picture,))
        stage.platform.prepare(stage.config, stage.facts, post)
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        assert stage.seen() == []
        stage.platform.commit(stage.config, stage.facts, post, json.loads(json.dumps(prepared)))
        assert len(stage.seen()) == 1

    def test_what_is_called_safe_to_repeat_is_the_same_post(self, stage: Stage) -> None:
        promised = stage.platform.repeat_safe_for(stage.facts) > timedelta(0)
        post = a_post()
        first, again = stage.commit_only(post), stage.commit_only(post)
        assert (again == first and len(stage.seen()) == 1) or not promised

    def test_two_keys_are_two_posts(self, stage: Stage) -> None:
        stage.publish(a_post())
        stage.publish(a_post(key="another-key"))
        assert len(stage.seen()) == 2

    def test_confirm_reads_back_the_permalink(self, stage: Stage) -> None:
        published = stage.publish(a_post())
        assert stage.platform.confirm(stage.config, stage.facts, Published(published.remote_id)) == published

    def test_confirm_of_a_post_that_is_gone_says_so(self, stage: Stage) -> None:
        with pytest.raises(PermanentError):
            stage.platform.confirm(stage.config, stage.facts, Published("no-such-post"))

    def test_a_lost_answer_is_uncertain_and_the_post_is_found(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post(pictures=(picture,))
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(post)
        found = stage.platform.find(stage.config, stage.facts, post, a_while_ago())
        assert found is not None
        assert found.remote_id == stage.seen()[0].remote_id
        assert found.permalink.startswith("http")

    def test_a_call_that_was_lost_on_its_way_is_uncertain_and_nothing_is_found(self, stage: Stage) -> None:
        stage.faults.set("drop_before_read")
        with pytest.raises(UncertainError):
            stage.publish(a_post())
        assert stage.seen() == []
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) is None

    def test_find_does_not_take_another_post_for_ours(self, stage: Stage) -> None:
        stage.publish(a_post("En anden nyhed", key="another-key"))
        assert stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago()) is None

    def test_find_passes_over_posts_that_are_known_however_alike(self, stage: Stage) -> None:
        first = stage.publish(a_post())
        lost = a_post(key="another-key", taken=frozenset({first.remote_id}))
        assert stage.platform.find(stage.config, stage.facts, lost, a_while_ago()) is None
        try:
            second = stage.publish(lost)
        except UncertainError:
            return  # This one compares texts itself.
        if second != first and stage.platform.abilities(stage.facts).finds:
            found = stage.platform.find(stage.config, stage.facts, lost, a_while_ago())
            assert found is not None and found.remote_id == second.remote_id

    def test_a_wrong_token_asks_for_a_reconnect_at_every_step(self, stage: Stage, picture: PictureFile) -> None:
        platform, config, facts, post = stage.platform, stage.wrong_config, stage.facts, a_post(pictures=(picture,))
        for step in (
            lambda: platform.verify(config),
            lambda: platform.prepare(config, facts, post),
            lambda: platform.commit(config, facts, a_post(), {"media_ids": []}),
            lambda: platform.confirm(config, facts, Published("1")),
            lambda: platform.find(config, facts, post, a_while_ago()),
        ):
            with pytest.raises(AccountError):
                step()
        assert stage.seen() == []

    def test_a_text_of_exactly_the_limit_is_published(self, stage: Stage) -> None:
        limit = stage.platform.limits(stage.facts).text
        stage.publish(a_post("ø" * limit, link=""))
        assert len(stage.seen()) == 1

    def test_a_text_over_the_limit_is_refused_before_anything_is_sent(self, stage: Stage) -> None:
        limit = stage.platform.limits(stage.facts).text
        with pytest.raises(PermanentError) as refused:
            stage.platform.prepare(stage.config, stage.facts, a_post("ø" * (limit + 1), link=""))
        assert str(limit) in str(refused.value)

    def test_a_description_over_the_limit_is_refused_and_never_cut(self, stage: Stage, picture: PictureFile) -> None:
        long = replace(picture, alt="æ" * (stage.platform.limits(stage.facts).alt_text + 1))
        with pytest.raises(PermanentError):
            stage.platform.prepare(stage.config, stage.facts, a_post(pictures=(long,)))

    def test_too_many_pictures_are_refused_before_any_call(self, stage: Stage, picture: PictureFile) -> None:
        many = album_of(picture, stage.platform.limits(stage.facts).pictures + 1)
        with unreachable(), pytest.raises(PermanentError):
            stage.platform.prepare(stage.config, stage.facts, a_post(pictures=many))
        assert stage.seen() == []

    def test_a_picture_that_the_channel_cannot_take_is_refused(self, stage: Stage, picture: PictureFile) -> None:
        limits = stage.platform.limits(stage.facts)
        for wrong in (
            replace(picture, media_type="image/x-icon"),
            replace(picture, content=b"\0" * (limits.picture_bytes + 1)),
            replace(picture, content=b"no picture at all"),
        ):
            with pytest.raises(PermanentError):
                stage.platform.prepare(stage.config, stage.facts, a_post(pictures=(wrong,)))

    def test_an_empty_post_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError):
            stage.platform.prepare(stage.config, stage.facts, a_post("", link=""))

    def test_no_connection_is_surely_not_sent(self, stage: Stage, picture: PictureFile) -> None:
        post = a_post(pictures=(picture,))
        with unreachable():
            for step in (
                lambda: stage.platform.verify(stage.config),
                lambda: stage.platform.prepare(stage.config, stage.facts, post),
                lambda: stage.commit_only(a_post()),
                lambda: stage.platform.find(stage.config, stage.facts, post, a_while_ago()),
            ):
                with pytest.raises(TransientError):
                    step()

    def test_a_server_fault_while_uploading_is_tried_again(self, stage: Stage, picture: PictureFile) -> None:
        stage.faults.set("500", on=stage.upload_call)
        with pytest.raises(TransientError):
            stage.publish(a_post(pictures=(picture,)))
        stage.publish(a_post(pictures=(picture,)))
        assert len(stage.seen()) == 1

    def test_a_server_fault_while_publishing_is_uncertain(self, stage: Stage) -> None:
        stage.faults.set("500")
        with pytest.raises(UncertainError):
            stage.publish(a_post())

    def test_a_busy_server_is_waited_for(self, stage: Stage) -> None:
        stage.faults.set("429")
        with pytest.raises(ThrottledError) as busy:
            stage.publish(a_post())
        assert 0 < busy.value.retry_after <= 24 * 3600 + 1
        assert stage.seen() == []

    def test_errors_speak_to_people_and_keep_secrets(self, stage: Stage) -> None:
        for fault in ("500", "429", "drop_before_read"):
            stage.faults.set(fault)
            with pytest.raises(OpslagError) as raised:
                stage.publish(a_post())
            assert str(raised.value)
            assert raised.value.reason
            for item in fields(stage.config):
                if item.metadata.get("secret"):
                    assert getattr(stage.config, item.name) not in str(raised.value)
