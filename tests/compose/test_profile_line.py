"""Where nobody can click a link in a text, the text says where the link is, unless the channel writes it out."""

from __future__ import annotations

import pytest

from publisher.compose.social import length, link_of, parts_of, post_of, published
from publisher.models import Account, Message, Organisation

pytestmark = pytest.mark.database

LINK = "https://kultur.example.org/nyt?utm_source=instagram"


@pytest.fixture
def on_instagram(secretariat: Organisation, post: Message) -> Message:
    """The post on an Instagram account, in Danish."""
    post.account = Account.objects.create(organisation=secretariat, kind="instagram", name="Kultur", language="da")
    post.text, post.link, post.language = "Kom og hør", "https://kultur.example.org/nyt", "en"
    post.account.link_values = {"utm_source": "instagram"}
    return post


def test_the_text_says_that_the_link_is_in_the_profile(on_instagram: Message) -> None:
    said = "Kom og hør\n\nLink in our profile"
    assert published(on_instagram).text == said
    assert (parts_of(on_instagram)[0], link_of(on_instagram)) == (said, "")
    assert length(on_instagram) == (len(said), 2200)
    made = post_of(on_instagram, key="k")
    assert (made.text, made.link) == (said, "")


def test_an_account_may_write_it_out(on_instagram: Message) -> None:
    assert on_instagram.account is not None
    on_instagram.account.writes_link = True
    assert published(on_instagram).text == f"Kom og hør\n{LINK}"
    assert (parts_of(on_instagram)[0], link_of(on_instagram)) == ("Kom og hør", LINK)


@pytest.mark.parametrize(
    "said", ["Find link i profilen!", "LINK IN BIO", "Linket er i vores profil", "Link in our profile"]
)
def test_what_the_text_says_already_is_not_said_again(on_instagram: Message, said: str) -> None:
    on_instagram.text = said
    assert published(on_instagram).text == said
    assert link_of(on_instagram) == ""


def test_without_a_link_there_is_nothing_to_say(on_instagram: Message) -> None:
    on_instagram.link = ""
    assert published(on_instagram).text == "Kom og hør"


def test_a_follow_up_says_nothing_of_it(on_instagram: Message) -> None:
    on_instagram.follow_ups = ["En kommentar"]
    assert parts_of(on_instagram)[1:] == ["En kommentar"]
