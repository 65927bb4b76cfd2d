"""The Telegram plug-in against its contract server; what a bot cannot know stays uncertain."""

from __future__ import annotations

import contextlib
import logging
import re
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from publisher import http
from publisher.errors import AccountError, OpslagError, PermanentError, TransientError, UncertainError
from publisher.platforms.contract import PictureFile, Published
from publisher.platforms.telegram import TelegramConfig, TelegramPlatform
from tests.contract.telegram import CHAT_ID, NEW_CHAT_ID, TOKEN, TelegramServer
from tests.contract.wire import in_process, listening
from tests.platforms.platform_contract import PlatformContract, Seen, Stage, a_post, a_while_ago, unreachable

DESCRIBED = re.compile("(?:Picture|Billede): (.*)")


def staged(server: TelegramServer, **changes: Any) -> Stage:
    platform = TelegramPlatform()
    config = replace(TelegramConfig("@kultur", server.token), **changes)
    return Stage(
        platform=platform,
        config=config,
        wrong_config=replace(config, token="110201543:AAHwrongwrongwrongwrongwrongwrong"),
        faults=server.faults,
        seen=lambda: [Seen(post.remote_id, "", post.text, _described(post.text)) for post in server.public()],
        upload_call="",
        facts=platform.verify(config).facts,
    )


def _described(text: str) -> list[str]:
    return [match[1] for line in text.splitlines() if (match := DESCRIBED.fullmatch(line))]


@pytest.fixture
def server() -> TelegramServer:
    return TelegramServer()


@pytest.fixture
def stage(server: TelegramServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server)


class TestTelegram(PlatformContract):
    """The shared suite, what Telegram cannot do left out, and what it adds."""

    def test_confirm_of_a_post_that_is_gone_says_so(self, stage: Stage) -> None:
        """A bot reads nothing back: the post stays as it was told to be."""
        published = stage.publish(a_post())
        stage.platform.delete(stage.config, stage.facts, published)
        assert stage.platform.confirm(stage.config, stage.facts, published) == published

    def test_a_lost_answer_is_uncertain_and_the_post_is_found(self, stage: Stage, picture: PictureFile) -> None:
        """Uncertain, and it stays so."""
        stage.faults.set("commit_then_drop")
        with pytest.raises(UncertainError):
            stage.publish(a_post(pictures=(picture,)))
        assert len(stage.seen()) == 1
        assert not stage.platform.find(stage.config, stage.facts, a_post(), a_while_ago())
        assert not stage.platform.abilities(stage.facts).finds

    def test_a_server_fault_while_uploading_is_tried_again(self, stage: Stage, picture: PictureFile) -> None:
        """Pictures go out with the text, so that this is uncertain as well."""
        stage.faults.set("500")
        with pytest.raises(UncertainError):
            stage.publish(a_post(pictures=(picture,)))

    def test_a_wrong_token_asks_for_a_reconnect_at_every_step(self, stage: Stage, picture: PictureFile) -> None:
        platform, facts, published, wrong = stage.platform, stage.facts, Published("17"), stage.wrong_config
        for step in (
            lambda: platform.verify(wrong),
            lambda: platform.prepare(wrong, facts, a_post(pictures=(picture,))),
            lambda: platform.commit(wrong, facts, a_post(), {}),
            lambda: platform.edit(wrong, facts, published, a_post()),
            lambda: platform.delete(wrong, facts, published),
        ):
            with pytest.raises(AccountError, match="BotFather"):
                step()
        assert stage.seen() == []

    @pytest.mark.parametrize("token", ["wrong", f"{TOKEN}\n", "a token with blanks", "", "1:2/getMe?x="])
    def test_what_is_no_token_is_never_part_of_an_address(
        self, stage: Stage, server: TelegramServer, token: str
    ) -> None:
        before = len(server.calls)
        with pytest.raises(AccountError, match="BotFather"):
            stage.platform.verify(replace(stage.config, token=token))
        assert len(server.calls) == before

    def test_no_connection_is_surely_not_sent(self, stage: Stage, picture: PictureFile) -> None:
        with unreachable():
            for step in (
                lambda: stage.platform.verify(stage.config),
                lambda: stage.publish(a_post(pictures=(picture,))),
                lambda: stage.commit_only(a_post()),
                lambda: stage.platform.delete(stage.config, stage.facts, Published("17")),
            ):
                with pytest.raises(TransientError):
                    step()

    def test_verify_says_what_the_channel_is(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.name, profile.handle, profile.url) == (
            "Kulturfællesskabet", "@kultur", "https://t.me/kultur",
        )  # fmt: skip
        assert profile.facts == {"chat_id": str(CHAT_ID), "username": "kultur", "alt_in_caption": True}

    @pytest.mark.parametrize(
        "channel", ["@kultur", "kultur", "t.me/kultur", "https://t.me/kultur/", "https://t.me/s/kultur", str(CHAT_ID),
                    "https://t.me/c/1234567890/17", " @kultur "],
    )  # fmt: skip
    def test_a_channel_as_people_paste_it(self, stage: Stage, channel: str) -> None:
        assert stage.platform.verify(replace(stage.config, channel=channel)).remote_id == str(CHAT_ID)

    @pytest.mark.parametrize("channel", ["", "https://t.me/+AbCdEf0123", "min kanal", "https://example.org/kultur"])
    def test_what_is_no_channels_address_is_refused(self, stage: Stage, channel: str) -> None:
        with pytest.raises(PermanentError, match="is not a channel's address"):
            stage.platform.verify(replace(stage.config, channel=channel))

    def test_a_channel_that_is_not_there_says_what_to_do(self, stage: Stage) -> None:
        with pytest.raises(AccountError, match="finds no channel “@another”"):
            stage.platform.verify(replace(stage.config, channel="@another"))

    def test_a_group_is_no_channel(self, stage: Stage, server: TelegramServer) -> None:
        server.chat_type = "supergroup"
        with pytest.raises(PermanentError, match="is not a channel but a group"):
            stage.platform.verify(stage.config)

    @pytest.mark.parametrize(
        ("fault", "words"), [("no_post_right", "@opslag_bot may not post"), ("not_a_member", "finds no channel")]
    )
    def test_a_bot_without_its_right_says_what_to_do(self, stage: Stage, fault: str, words: str) -> None:
        stage.faults.set(fault, times=None)
        with pytest.raises(AccountError, match=words):
            stage.platform.verify(stage.config)

    @pytest.mark.parametrize("fault", ["no_post_right", "not_a_member"])
    def test_a_bot_that_lost_its_place_asks_for_a_reconnect(self, stage: Stage, fault: str) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        stage.faults.set(fault)
        with pytest.raises(AccountError, match="administrator again"):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        assert stage.seen() == []

    def test_a_private_channel_has_addresses_for_its_members(self, server: TelegramServer) -> None:
        server.username = ""
        with http.use_transport(in_process(server)):
            stage = staged(server, channel=str(CHAT_ID))
            assert stage.platform.verify(stage.config).url == "https://t.me/c/1234567890"
            assert stage.publish(a_post()).permalink == "https://t.me/c/1234567890/17"

    def test_the_permalink_is_the_messages(self, stage: Stage) -> None:
        assert stage.publish(a_post()).permalink == "https://t.me/kultur/17"

    def test_markup_in_a_text_is_text(self, stage: Stage) -> None:
        text = "<b>Kor & orkester</b> &amp; <script> 3 < 4 \"citat\" 'ord' _kursiv_ *fed*"
        stage.publish(a_post(text, link=""))
        assert stage.seen()[0].text == text

    def test_the_link_stands_in_the_text_and_gets_the_card(self, stage: Stage, server: TelegramServer) -> None:
        post = a_post("Kom og hør")
        stage.publish(post)
        assert stage.seen()[0].text == f"Kom og hør\n{post.link}"
        assert server.public()[0].link == post.link

    def test_an_album_is_one_post(self, stage: Stage, server: TelegramServer, picture: PictureFile) -> None:
        published = stage.publish(a_post(pictures=(picture,) * 10, link=""))
        assert published.remote_id == ",".join(str(number) for number in range(17, 27))
        assert published.permalink == "https://t.me/kultur/17"
        assert len(server.public()[0].pictures) == 10
        stage.platform.delete(stage.config, stage.facts, published)
        assert stage.seen() == []

    def test_what_a_picture_shows_is_in_the_posts_language(self, stage: Stage, picture: PictureFile) -> None:
        stage.publish(a_post("Kom", link="", pictures=(picture,), language="en"))
        assert stage.seen()[0].text == f"Kom\n\nPicture: {picture.alt}"

    def test_what_a_picture_shows_can_be_left_out(self, server: TelegramServer, picture: PictureFile) -> None:
        with http.use_transport(in_process(server)):
            stage = staged(server, alt_in_caption=False)
            stage.publish(a_post("Kom", link="", pictures=(picture,)))
            assert stage.seen()[0].text == "Kom"
            assert not stage.platform.limits(stage.facts).alt_in_text

    def test_beside_a_picture_there_is_room_for_a_caption_only(self, stage: Stage, picture: PictureFile) -> None:
        limits = stage.platform.limits(stage.facts)
        assert (limits.text_beside(0), limits.text_beside(1)) == (4096, 1024)
        plain = replace(picture, alt="")
        stage.publish(a_post("ø" * 1024, link="", pictures=(plain,)))
        with pytest.raises(PermanentError, match="1025 characters long; this channel takes 1024"):
            stage.publish(a_post("ø" * 1025, link="", pictures=(plain,)))
        with pytest.raises(PermanentError, match="1024"):
            stage.publish(a_post("ø" * 1000, link="", pictures=(picture,)))
        assert len(stage.seen()) == 1

    def test_our_own_count_agrees_with_the_server(self, stage: Stage) -> None:
        tail = "👨‍👩‍👧‍👦🇩🇰<&>"
        text = "ø" * (4096 - stage.platform.length(tail, stage.facts)) + tail
        assert stage.platform.length(tail, stage.facts) == 11 + 4 + 3
        stage.publish(a_post(text, link=""))
        with pytest.raises(PermanentError, match="message is too long"):
            stage.commit_only(a_post(text + "x", link=""))

    def test_a_shape_that_telegram_does_not_take_is_refused(self, stage: Stage, picture: PictureFile) -> None:
        for width, height in ((9000, 1001), (2100, 100), (100, 2001)):
            with pytest.raises(PermanentError, match="does not take this shape"):
                stage.platform.prepare(
                    stage.config, stage.facts, a_post(pictures=(replace(picture, width=width, height=height),))
                )

    def test_a_thread_hangs_together(self, stage: Stage, server: TelegramServer, picture: PictureFile) -> None:
        first = stage.publish(a_post("Først", pictures=(picture, picture)))
        second = stage.publish(a_post("Så", key="2", reply_to=first.remote_id, thread_root=first.remote_id))
        stage.publish(a_post("Sidst", key="3", reply_to=second.remote_id, thread_root=first.remote_id))
        assert [post.reply_to for post in server.public()] == ["", first.remote_id, second.remote_id]

    def test_an_answer_to_a_deleted_post_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="message to be replied not found"):
            stage.publish(a_post(reply_to="999"))

    def test_a_text_is_changed_and_a_repeat_is_no_error(self, stage: Stage, server: TelegramServer) -> None:
        published = stage.publish(a_post("Først"))
        for _ in range(2):
            assert stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet & <b>")) == published
        assert stage.seen()[0].text.startswith("Rettet & <b>\n")
        assert server.public()[0].edits == 1

    def test_a_caption_is_changed(self, stage: Stage, picture: PictureFile) -> None:
        published = stage.publish(a_post("Først", pictures=(picture, picture)))
        stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet", pictures=(picture, picture)))
        assert stage.seen()[0].text.startswith("Rettet")
        with pytest.raises(PermanentError, match="1024"):
            stage.platform.edit(stage.config, stage.facts, published, a_post("x" * 1025, pictures=(picture,)))

    def test_a_deleted_post_can_be_deleted_again_and_not_changed(self, stage: Stage) -> None:
        published = stage.publish(a_post())
        for _ in range(2):
            stage.platform.delete(stage.config, stage.facts, published)
        assert stage.seen() == []
        with pytest.raises(PermanentError, match="message to edit not found"):
            stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet"))

    def test_a_channel_that_moves_is_followed_and_its_new_number_learnt(
        self, stage: Stage, server: TelegramServer, picture: PictureFile
    ) -> None:
        stage.faults.set("moved", on=server.create)
        stage.publish(a_post(pictures=(picture,)))
        stage.publish(a_post(key="2"))
        assert len(stage.seen()) == 2
        assert stage.platform.verify(stage.config).facts["chat_id"] == str(NEW_CHAT_ID)

    def test_the_wait_is_as_long_as_telegram_asks(self, stage: Stage) -> None:
        stage.faults.set("429", on="POST /bot")
        with pytest.raises(TransientError) as busy:
            stage.publish(a_post())
        assert busy.value.retry_after == 5

    @pytest.mark.parametrize("fault", ["commit_then_500", "commit_then_page", "latency", "commit_then_drop"])
    def test_a_post_without_a_clear_answer_is_uncertain(self, stage: Stage, server: TelegramServer, fault: str) -> None:
        prepared = stage.platform.prepare(stage.config, stage.facts, a_post())
        stage.faults.set(fault, on=server.create)
        with pytest.raises(UncertainError):
            stage.platform.commit(stage.config, stage.facts, a_post(), prepared)
        assert len(stage.seen()) == 1

    def test_a_message_id_that_is_none_is_refused(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="no such message"):
            stage.platform.delete(stage.config, stage.facts, Published("²"))


class TestTheTokenIsNeverTold:
    """It stands in every address that we call."""

    @pytest.mark.parametrize("over_the_network", [False, True])
    def test_in_no_log_at_any_level(self, over_the_network: bool, settings: Any, picture: PictureFile) -> None:
        server = TelegramServer()
        with listening(server) as address, every_log_line() as lines:
            settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
            settings.OPSLAG_PLATFORM_ADDRESSES = {"telegram": address}
            with contextlib.nullcontext() if over_the_network else http.use_transport(in_process(server)):
                _use_everything(staged(server), picture)
        told = "\n".join(lines)
        assert "/bot…/sendPhoto" in told
        assert TOKEN.partition(":")[2] not in told

    @pytest.mark.parametrize("fault", ["500", "429", "drop_before_read", "commit_then_drop", "commit_then_page"])
    def test_in_no_error_nor_what_led_to_it(self, stage: Stage, server: TelegramServer, fault: str) -> None:
        stage.faults.set(fault, on=server.create)
        with pytest.raises(OpslagError) as raised:
            stage.publish(a_post())
        told = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + str(raised.value)
        assert TOKEN not in told + str(raised.value.explanation.as_json())

    def test_in_no_error_when_nothing_listens_or_a_proxy_repeats_the_address(self, stage: Stage) -> None:
        def repeats(request: httpx.Request) -> httpx.Response:
            return httpx.Response(418, text=f"<h1>No</h1> {request.url} is not allowed here")

        for broken in (unreachable(), http.use_transport(httpx.MockTransport(repeats))):
            with broken, pytest.raises(OpslagError) as raised:
                stage.publish(a_post())
            assert TOKEN not in "".join(traceback.format_exception(raised.value)) + repr(raised.value)
            assert str(raised.value)

    def test_not_even_a_wrong_one(self, stage: Stage) -> None:
        wrong = replace(stage.config, token=f"{TOKEN} and more")
        with pytest.raises(AccountError) as raised:
            stage.platform.verify(wrong)
        assert TOKEN not in "".join(traceback.format_exception(raised.value))
        assert TOKEN not in repr(wrong)


@contextlib.contextmanager
def every_log_line() -> Iterator[list[str]]:
    """All that is logged meanwhile, at any level, as the very first handler of each logger is given it."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.__dict__}")

    keep, loggers = Keep(), [logging.getLogger(name) for name in ("", "httpx", "httpcore", "publisher")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.handlers.insert(0, keep)
    try:
        yield lines
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.removeHandler(keep)


def _use_everything(stage: Stage, picture: PictureFile) -> None:
    published = stage.publish(a_post(pictures=(picture,)))
    stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet", pictures=(picture,)))
    stage.platform.delete(stage.config, stage.facts, published)
    stage.faults.set("commit_then_drop")
    with pytest.raises(UncertainError):
        stage.publish(a_post())


@pytest.fixture
def stage_over_the_network(server: TelegramServer, settings: Any) -> Iterator[Stage]:
    with listening(server) as address:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
        settings.OPSLAG_PLATFORM_ADDRESSES = {"telegram": address}
        yield staged(server)


def test_over_real_connections(stage_over_the_network: Stage, server: TelegramServer, picture: PictureFile) -> None:
    stage = stage_over_the_network
    stage.publish(a_post(pictures=(picture, picture)))
    assert server.public()[0].pictures == [picture.content, picture.content]
    stage.faults.set("drop_before_read")
    with pytest.raises(UncertainError):
        stage.publish(a_post(key="2"))
    assert len(stage.seen()) == 1
