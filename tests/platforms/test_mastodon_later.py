"""What comes after a post on Mastodon and its relatives: changing it, taking it down, its figures, and its thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TransientError, UncertainError
from publisher.platforms.abilities import FollowUp
from publisher.platforms.contract import Figures, PictureFile, Published
from publisher.platforms.mastodon import MastodonPlatform
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import in_process
from tests.platforms.platform_contract import Stage, a_post, a_while_ago
from tests.platforms.test_mastodon import staged

EDITING = ["mastodon", "gotosocial", "takahe", "pleroma"]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> MastodonServer:
    """Mastodon, or the kind that the test is parametrised with."""
    return MastodonServer(getattr(request, "param", "mastodon"), rate_limit=10_000)


@pytest.fixture
def stage(server: MastodonServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


def edit(stage: Stage, published: Published, **changes: Any) -> Published:
    return stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet", **changes))


@pytest.mark.parametrize("server", EDITING, indirect=True)
def test_a_changed_text_keeps_its_pictures_and_its_address(
    stage: Stage, server: MastodonServer, picture: PictureFile
) -> None:
    assert stage.platform.abilities(stage.facts).edits
    published = stage.publish(a_post("Først", pictures=(picture,)))
    for _ in range(2):
        assert edit(stage, published, pictures=(picture,), link="") == published
    status = server.posts()[0]
    assert (status.text, [media.alt for media in status.media]) == ("Rettet", [picture.alt])
    assert status.edited_at is not None


def test_a_warning_that_a_person_put_on_the_post_stays(stage: Stage, server: MastodonServer) -> None:
    published = stage.publish(a_post("Først"))
    server.posts()[0].sensitive, server.posts()[0].spoiler_text = True, "Edderkopper"
    edit(stage, published)
    assert (server.posts()[0].sensitive, server.posts()[0].spoiler_text) == (True, "Edderkopper")


def test_a_changed_text_must_fit(stage: Stage) -> None:
    published = stage.publish(a_post("Først"))
    with pytest.raises(PermanentError, match="500"):
        stage.platform.edit(stage.config, stage.facts, published, a_post("x" * 501, link=""))


def test_a_post_that_is_gone_cannot_be_changed(stage: Stage) -> None:
    with pytest.raises(PermanentError, match="Record not found"):
        edit(stage, Published("110000"))


@pytest.mark.parametrize("call", ["GET /api/v1/statuses/", "PUT /api/v1/statuses/"])
def test_a_change_without_an_answer_is_tried_again(stage: Stage, server: MastodonServer, call: str) -> None:
    published = stage.publish(a_post("Først"))
    for fault in ("500", "drop_before_read"):
        stage.faults.set(fault, on=call)
        with pytest.raises(TransientError):
            edit(stage, published)
    assert edit(stage, published) == published


@pytest.mark.parametrize("server", [*EDITING, "friendica"], indirect=True)
def test_a_post_is_taken_down_and_may_be_gone_already(stage: Stage, server: MastodonServer) -> None:
    assert stage.platform.abilities(stage.facts).deletes
    published = stage.publish(a_post())
    for _ in range(2):
        stage.platform.delete(stage.config, stage.facts, published)
    assert server.posts() == []


def test_a_wrong_token_asks_for_a_reconnect_afterwards_as_well(stage: Stage) -> None:
    published, platform, wrong = stage.publish(a_post()), stage.platform, stage.wrong_config
    for step in (
        lambda: platform.edit(wrong, stage.facts, published, a_post("Rettet")),
        lambda: platform.delete(wrong, stage.facts, published),
        lambda: platform.figures(wrong, stage.facts, [published.remote_id]),
    ):
        with pytest.raises(AccountError):
            step()


@pytest.mark.parametrize("server", [*EDITING, "friendica"], indirect=True)
def test_figures_are_those_of_our_posts_and_one_that_is_gone_has_none(stage: Stage, server: MastodonServer) -> None:
    first, second, third = (stage.publish(a_post(f"Nyhed {n}", key=f"k{n}")) for n in range(3))
    stage.publish(a_post("Svar", key="reply", reply_to=first.remote_id))
    server.posts()[0].likes, server.posts()[0].reposts = 7, 3
    stage.platform.delete(stage.config, stage.facts, third)
    ids = [first.remote_id, second.remote_id, third.remote_id]
    assert stage.platform.figures(stage.config, stage.facts, ids) == {
        first.remote_id: Figures(likes=7, reposts=3, replies=1),
        second.remote_id: Figures(likes=0, reposts=0, replies=0),
    }


@pytest.mark.parametrize(("version", "calls"), [("4.5.2", 3), ("4.2.0", 45)])
def test_many_figures_take_few_calls_where_the_server_has_that(
    stage: Stage, server: MastodonServer, version: str, calls: int
) -> None:
    ids = [stage.commit_only(a_post(f"Nyhed {n}", key=f"k{n}")).remote_id for n in range(45)]
    before = len(server.calls)
    found = stage.platform.figures(stage.config, {**stage.facts, "version": version}, ids)
    assert set(found) == set(ids)
    assert len(server.calls) - before == calls
    assert stage.platform.figures(stage.config, stage.facts, []) == {}


def test_figures_that_a_server_does_not_tell_are_not_made_up(stage: Stage, server: MastodonServer) -> None:
    published = stage.publish(a_post())
    server.posts()[0].likes = None  # type: ignore[assignment]
    found = stage.platform.figures(stage.config, stage.facts, [published.remote_id])
    assert found[published.remote_id] == Figures(likes=None, reposts=0, replies=0)


@pytest.mark.parametrize("server", [*EDITING, "friendica"], indirect=True)
def test_a_thread_whose_answers_are_lost_is_found_part_by_part(stage: Stage, server: MastodonServer) -> None:
    first = stage.publish(a_post("Del 1"))
    follows = first
    for number in (2, 3):
        # Every part after the first has the same words: only its place in the thread tells them apart.
        part = a_post("Fortsættes", key=f"k{number}", link="", reply_to=follows.remote_id, thread_root=first.remote_id)
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(part)
        found = stage.platform.find(stage.config, stage.facts, part, a_while_ago())
        assert found
        assert found.remote_id == server.posts()[-1].status_id
        follows = found
    chain = [status.in_reply_to.status_id if status.in_reply_to else "" for status in server.posts()]
    assert chain == ["", server.posts()[0].status_id, server.posts()[1].status_id]
    lost = a_post("Fortsættes", key="k4", link="", reply_to=follows.remote_id, thread_root=first.remote_id)
    assert not stage.platform.find(stage.config, stage.facts, lost, a_while_ago())


@pytest.mark.parametrize("server", ["pixelfed"], indirect=True)
class TestPixelfed:
    """Pictures first: a post has one, and beneath it there may be a comment without."""

    def test_it_is_recognised(self, stage: Stage) -> None:
        able = stage.platform.abilities(stage.facts)
        assert (stage.facts["software"], able.needs_picture, able.edits) == ("pixelfed", True, False)
        assert able.follow_up == FollowUp.COMMENT
        assert str(able.edit_note)
        assert not stage.platform.repeat_safe_for(stage.facts)

    def test_a_post_needs_a_picture_and_a_comment_none(
        self, stage: Stage, server: MastodonServer, picture: PictureFile
    ) -> None:
        with pytest.raises(PermanentError, match="with a picture only"):
            stage.publish(a_post())
        published = stage.publish(a_post(pictures=(picture,)))
        stage.publish(a_post("Link i kommentaren", key="2", reply_to=published.remote_id))
        assert len(server.posts()) == 2


@pytest.mark.parametrize(
    ("facts", "edits", "languages"),
    [
        ({"software": "mastodon", "version": "4.5.2"}, True, True),
        ({"software": "mastodon", "version": "3.4.10"}, False, True),
        ({"software": "gotosocial", "version": "0.19.1+git-53ee8ef"}, True, True),
        ({"software": "gotosocial", "version": "0.17.4"}, False, True),
        ({"software": "pleroma", "version": "2.7.2 (compatible; Pleroma 2.4.5)"}, False, True),
        ({"software": "pleroma", "version": "2.7.2 (compatible; Pleroma 2.9.1)"}, True, True),
        ({"software": "takahe", "version": "0.11.0"}, True, False),
        ({"software": "unknown", "version": "9.9.9"}, False, True),
        ({"software": "mastodon", "version": "nightly"}, False, True),
        ({}, False, True),
    ],
)
def test_abilities_are_those_of_software_and_version(facts: dict[str, str], edits: bool, languages: bool) -> None:
    able = MastodonPlatform().abilities(facts)
    assert (able.edits, able.languages) == (edits, languages)
    assert bool(able.edit_note) is not edits


def test_find_is_not_misled_by_a_thread_of_others(stage: Stage) -> None:
    first = stage.publish(a_post("Først"))
    answer = a_post("Så", key="2", link="", reply_to=first.remote_id)
    stage.publish(answer)
    assert not stage.platform.find(stage.config, stage.facts, replace(answer, reply_to="1"), a_while_ago())
