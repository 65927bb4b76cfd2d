"""Posts: a text that fits as the platform counts, and bytes that the platform takes."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from publisher.compose.post_pictures import give_pictures
from publisher.compose.post_text import hashtag
from publisher.compose.social import frozen_picture, length, post_of
from publisher.errors import PermanentError
from publisher.items.pictures import store_picture
from publisher.models import Account, Cooperation, Item, Message, Organisation, Picture, Topic
from publisher.platforms import PLATFORMS
from publisher.platforms.abilities import Limits
from publisher.platforms.length import with_link
from tests.compose.conftest import ALT, picture_of
from tests.compose.made_posts import text_of

pytestmark = pytest.mark.database


@pytest.fixture
def mastodon(secretariat: Organisation) -> Account:
    """An account on a Mastodon server that takes 100 characters."""
    return Account.objects.create(
        organisation=secretariat, kind="mastodon", name="Kultur", config={"server": "https://m.example"},
        facts={"max_characters": 100, "url_length": 23},
    )  # fmt: skip


def test_title_lead_and_hashtags(lead_item: Item, practice_account: Account) -> None:
    assert text_of(lead_item, practice_account) == (
        "Ny kulturaftale er underskrevet\n\n"
        "Ni kommuner går sammen om kulturen de næste fire år. Musik og ungekultur er igen i højsædet.\n\n"
        "#BørnOgUnge #Musik"
    )


def test_without_lead_and_topics_it_is_the_title(secretariat: Organisation, practice_account: Account) -> None:
    item = Item.objects.create(organisation=secretariat, title="Billedskoleworkshop")
    assert text_of(item, practice_account) == "Billedskoleworkshop"


def test_the_lead_is_cut_at_a_sentence(lead_item: Item, practice_account: Account) -> None:
    lead_item.lead = "Første sætning er kort. " + "Anden sætning er meget lang " + "og længere " * 60 + ". Tredje."
    assert text_of(lead_item, practice_account).split("\n\n")[1] == "Første sætning er kort."


def test_a_lead_whose_first_sentence_does_not_fit_is_left_out(lead_item: Item, practice_account: Account) -> None:
    lead_item.lead = "En sætning uden ende " + "og videre " * 80
    text = text_of(lead_item, practice_account)
    assert text == "Ny kulturaftale er underskrevet\n\n#BørnOgUnge #Musik"


def test_a_platform_that_takes_little_gets_little(lead_item: Item, mastodon: Account) -> None:
    limit = PLATFORMS["mastodon"].limits(mastodon.facts).text
    text = text_of(lead_item, mastodon)
    assert PLATFORMS["mastodon"].length(with_link(text, lead_item.link), mastodon.facts) <= limit


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    title=st.text(min_size=1, max_size=300).filter(lambda text: text.strip()),
    lead=st.lists(st.text(max_size=80), max_size=12).map(". ".join),
)
def test_any_item_makes_a_post_that_fits(
    lead_item: Item, practice_account: Account, mastodon: Account, title: str, lead: str
) -> None:
    lead_item.title, lead_item.lead = title, lead
    for account in (practice_account, mastodon):
        platform = PLATFORMS[account.kind]
        text = text_of(lead_item, account)
        published = with_link(text, lead_item.link) if platform.link_in_text else text
        assert platform.length(published, account.facts) <= platform.limits(account.facts).text


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Børn og unge", "#BørnOgUnge"),
        ("Et bedre liv med kultur", "#EtBedreLivMedKultur"),
        ("R&B / soul", "#RBSoul"),
        ("2021-2024", ""),
        ("!?", ""),
        ("DR Byen", "#DRByen"),
    ],
)
def test_hashtags_are_readable_words(name: str, tag: str) -> None:
    assert hashtag(name) == tag


def test_no_more_than_five_hashtags(lead_item: Item, cooperation: Cooperation, practice_account: Account) -> None:
    lead_item.topics.set(Topic.objects.create(cooperation=cooperation, name=f"Emne {c}", slug=c) for c in "abcdefg")
    assert text_of(lead_item, practice_account).count("#") == 5


def test_length_counts_the_link_where_it_becomes_part_of_the_text(post: Message, mastodon: Account) -> None:
    post.text = "Kom og hør"
    assert length(post) == (10, 500)
    post.account = mastodon
    assert length(post)[0] == 10 + 1 + 23


def test_a_post_is_frozen_with_its_picture(post: Message) -> None:
    post.scheduled_at = datetime(2026, 11, 26, 7, tzinfo=UTC)
    made = post_of(post, key="opslag-1")
    assert (made.text, made.key, made.link, made.language, made.visibility) == (
        post.text, "opslag-1", post.link, "da", "public",
    )  # fmt: skip
    assert made.planned_at == post.scheduled_at
    (picture,) = made.pictures
    assert (picture.media_type, picture.alt, picture.width, picture.height) == ("image/jpeg", ALT, 1500, 900)
    assert Image.open(io.BytesIO(picture.content)).size == (1500, 900)
    assert post_of(post, key="opslag-1") == made
    assert post_of(post, key="opslag-2", text="Del 2").text == "Del 2"


def test_a_post_without_picture_has_none(post: Message) -> None:
    give_pictures(post, [])
    assert post_of(post, key="k").pictures == ()


def test_a_mail_is_not_a_post(mail: Message) -> None:
    with pytest.raises(PermanentError):
        post_of(mail, key="k")


def test_a_picture_is_made_smaller_until_it_fits(picture: Picture) -> None:
    whole = frozen_picture(picture, ALT, Limits(text=500))
    packed = frozen_picture(picture, ALT, Limits(text=500, picture_bytes=len(whole.content) - 1))
    small = frozen_picture(picture, ALT, Limits(text=500, picture_bytes=len(whole.content) // 4))
    assert whole.width == packed.width == 1500 > small.width
    assert len(whole.content) > len(packed.content) > len(whole.content) // 4 >= len(small.content)
    with pytest.raises(PermanentError, match="kB"):
        frozen_picture(picture, ALT, Limits(text=500, picture_bytes=100))


def test_a_kind_that_the_platform_does_not_take_becomes_jpeg(secretariat: Organisation) -> None:
    out = io.BytesIO()
    see_through = Image.open(io.BytesIO(picture_of(400, 300))).convert("RGBA")
    see_through.putpixel((0, 0), (255, 0, 0, 0))
    see_through.save(out, "PNG")
    picture = store_picture(secretariat, out.getvalue(), alt="x")
    assert picture.media_type == "image/png"
    assert frozen_picture(picture, "x", Limits(text=500)).media_type == "image/png"
    made = frozen_picture(picture, "x", Limits(text=500, picture_types=("image/jpeg",)))
    assert (made.media_type, made.width) == ("image/jpeg", 400)
    assert Image.open(io.BytesIO(made.content)).format == "JPEG"
