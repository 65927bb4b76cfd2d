"""What the practice channel does beyond what every platform does: the same against its twin and against our web app."""

from __future__ import annotations

import pytest

from publisher.errors import AccountError, PermanentError, TransientError, UncertainError
from publisher.platforms.contract import Figures, PictureFile, Published
from tests.platforms.platform_contract import PlatformContract, Stage, a_post, a_while_ago, unreachable


class PracticeContract(PlatformContract):
    """The shared suite, and what comes after a post."""

    def test_a_thread_is_resumed_where_its_answer_was_lost(self, stage: Stage) -> None:
        first = stage.publish(a_post("Først"))
        second = a_post("Så", key="2", reply_to=first.remote_id, thread_root=first.remote_id)
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(second)
        found = stage.platform.find(stage.config, stage.facts, second, a_while_ago())
        assert found
        assert stage.publish(second) == found
        stage.publish(a_post("Sidst", key="3", reply_to=found.remote_id, thread_root=first.remote_id))
        figures = stage.platform.figures(stage.config, stage.facts, [first.remote_id, found.remote_id])
        assert [each.replies for each in figures.values()] == [1, 1]
        assert len(stage.seen()) == 3

    def test_an_answer_to_a_post_that_is_not_there_is_refused(self, stage: Stage) -> None:
        gone = stage.publish(a_post())
        stage.platform.delete(stage.config, stage.facts, gone)
        for missing in (gone.remote_id, "4711", "no-such-post"):
            with pytest.raises(PermanentError):
                stage.publish(a_post(key="2", reply_to=missing))
        assert stage.seen() == []

    def test_a_text_is_changed_and_pictures_stay(self, stage: Stage, picture: PictureFile) -> None:
        published = stage.publish(a_post("Først", pictures=(picture,)))
        for _ in range(2):
            assert stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet")) == published
        assert [(seen.text, seen.alt_texts) for seen in stage.seen()] == [("Rettet", [picture.alt])]

    def test_a_changed_text_must_fit(self, stage: Stage) -> None:
        published = stage.publish(a_post("Først"))
        for wrong in (a_post("x" * 501), a_post("", link="")):
            with pytest.raises(PermanentError):
                stage.platform.edit(stage.config, stage.facts, published, wrong)
        assert stage.seen()[0].text == "Først"

    def test_a_post_is_taken_down_and_no_repeat_brings_it_back(self, stage: Stage, picture: PictureFile) -> None:
        published = stage.publish(a_post(pictures=(picture,)))
        for _ in range(2):
            stage.platform.delete(stage.config, stage.facts, published)
        assert stage.commit_only(a_post()).remote_id == published.remote_id
        assert stage.seen() == []
        assert not stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago())
        for step in (
            lambda: stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet")),
            lambda: stage.platform.confirm(stage.config, stage.facts, published),
        ):
            with pytest.raises(PermanentError):
                step()

    def test_figures_are_what_is_counted_and_a_post_that_is_gone_has_none(self, stage: Stage) -> None:
        published = stage.publish(a_post())
        ids = [published.remote_id, "4711", "no-such-post"]
        counted = stage.platform.figures(stage.config, stage.facts, ids)
        assert counted == {published.remote_id: Figures(likes=0, reposts=0, replies=0, views=None)}

    def test_afterwards_a_wrong_token_and_no_connection_are_told_apart(self, stage: Stage) -> None:
        published = stage.publish(a_post())
        for config, expected in ((stage.wrong_config, AccountError), (stage.config, TransientError)):
            steps = (
                lambda config=config: stage.platform.edit(config, {}, published, a_post("Rettet")),
                lambda config=config: stage.platform.delete(config, {}, published),
                lambda config=config: stage.platform.figures(config, {}, [published.remote_id]),
            )
            for step in steps:
                with pytest.raises(expected):
                    if expected is AccountError:
                        step()
                    else:
                        with unreachable():
                            step()
        assert [seen.remote_id for seen in stage.seen()] == [published.remote_id]

    def test_what_is_no_id_of_ours_is_gone(self, stage: Stage) -> None:
        stage.platform.delete(stage.config, stage.facts, Published("no/such?post"))
