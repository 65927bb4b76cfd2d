"""A platform whose text beside a picture is a short caption: staff are told what really counts there."""

from __future__ import annotations

import pytest

from publisher.compose.post_pictures import give_pictures
from publisher.compose.social import length, published, thread_of
from publisher.models import Account, Item, Message, Organisation
from publisher.platforms.telegram import TelegramConfig, TelegramPlatform
from tests.compose.conftest import ALT
from tests.compose.made_posts import text_of

pytestmark = pytest.mark.database


@pytest.fixture
def on_telegram(secretariat: Organisation, post: Message) -> Message:
    """The post with its picture, on a Telegram channel."""
    post.account = Account.objects.create(
        organisation=secretariat, kind="telegram", name="Kultur", facts={"alt_in_caption": True}
    )
    post.text, post.link = "Kom og hør", ""
    return post


def test_beside_a_picture_the_caption_counts_with_what_the_picture_shows(on_telegram: Message) -> None:
    assert length(on_telegram) == (len(f"Kom og hør\n\nBillede: {ALT}"), 1024)
    give_pictures(on_telegram, [])
    assert length(on_telegram) == (10, 4096)


def test_without_descriptions_in_the_text_they_do_not_count(on_telegram: Message) -> None:
    assert on_telegram.account is not None
    on_telegram.account.facts = {"alt_in_caption": False}
    assert length(on_telegram) == (10, 1024)
    assert published(on_telegram).text == "Kom og hør"


def test_the_preview_is_what_goes_out(on_telegram: Message) -> None:
    assert published(on_telegram).text.endswith(f": {ALT}")


def test_a_text_that_the_checks_let_pass_is_taken_and_one_more_character_is_not(on_telegram: Message) -> None:
    on_telegram.text = "x" * (1024 - length(on_telegram)[0] + 10)
    assert length(on_telegram) == (1024, 1024)
    assert len(published(on_telegram).text) == 1024
    assert TelegramPlatform().length(published(on_telegram).text, {}) == 1024
    assert TelegramConfig("@kultur", "").alt_in_caption


def test_a_thread_leaves_room_for_the_picture_in_its_first_post_only(on_telegram: Message) -> None:
    first, *others = thread_of(on_telegram, " ".join(["Her er en hel sætning om kultur."] * 120))
    on_telegram.text = first
    assert length(on_telegram)[0] <= 1024
    assert len(others) == 1


def test_a_text_of_ours_leaves_room_for_a_picture(on_telegram: Message, lead_item: Item) -> None:
    assert on_telegram.account is not None
    lead_item.lead = "En sætning om kulturen i kommunerne. " * 200
    assert 800 < len(text_of(lead_item, on_telegram.account)) <= 1024
