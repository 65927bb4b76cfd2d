"""What follows a post, as it is written in the composer: added, cut, counted, checked, removed."""

from __future__ import annotations

import pytest
from django.test import Client

from publisher.compose.drafts import update_post
from publisher.compose.post_pictures import give_pictures
from publisher.compose.preflight import checks
from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Item, Message
from publisher.platforms import PLATFORMS
from publisher.platforms.abilities import Abilities
from tests.compose.conftest import picture_of
from tests.review.send_outs import post_of, send_out
from tests.web.desk import live, typed
from tests.web.office import words

pytestmark = pytest.mark.database


@pytest.fixture
def campaign(item: Item, practice_account: Account) -> Campaign:
    """A draft with one post, on a platform that has threads."""
    practice_account.kind, practice_account.name = "mastodon", "Kultur"
    practice_account.save()
    return send_out(item, None, practice_account)


@pytest.fixture
def post(campaign: Campaign) -> Message:
    return post_of(campaign)


def found(campaign: Campaign) -> list[str]:
    return [str(check.explanation) for check in checks(campaign)]


def test_a_text_is_added_written_counted_and_removed(campaign: Campaign, edit: str, post: Message, bos: Client) -> None:
    assert "Add a post to the thread" in words(bos.get(edit))
    bos.post(edit, typed(campaign) | {"do": f"more:{post.pk}"})
    assert post_of(campaign).follow_ups == [""]
    assert "“Post 2 of the thread” is empty. Write it, or remove it." in found(campaign)
    answer = live(bos, edit, typed(campaign) | {f"more-{post.pk}-text1": "Billetter fås i døren."})
    assert post_of(campaign).follow_ups == ["Billetter fås i døren."]
    page = answer.content.decode()
    assert f'id="id_more-{post.pk}-text1_count"' in page
    assert "22 of 500 characters" in words(answer)
    assert page.count("Billetter fås i døren.") == 1, "the preview shows it"
    bos.post(edit, typed(campaign) | {"do": f"less:{post.pk}-1"})
    assert post_of(campaign).follow_ups == []


def test_what_was_typed_is_stored_before_a_text_is_added(
    campaign: Campaign, edit: str, post: Message, bos: Client
) -> None:
    update_post(post, follow_ups=["Først"])
    data = typed(campaign) | {f"more-{post.pk}-text1": "Rettet", "do": f"more:{post.pk}"}
    answer = live(bos, edit, data)
    assert post_of(campaign).follow_ups == ["Rettet", ""]
    assert "autofocus" in answer.content.decode()


def test_a_long_text_is_cut_at_its_sentences_and_at_lines_of_hyphens(
    campaign: Campaign, edit: str, post: Message, bos: Client
) -> None:
    assert "Cut into a thread" not in words(bos.get(edit))
    sentence = "Koncerten begynder klokken syv i kulturhusets store sal. "
    text = f"Kort.\n---\n{sentence * 12}"
    answer = live(bos, edit, typed(campaign) | {"posts-text": text})
    assert "Cut into a thread" in words(answer)
    bos.post(edit, typed(campaign) | {"do": f"split:{post.pk}"})
    stored = post_of(campaign)
    assert stored.text == "Kort."
    assert len(stored.follow_ups) == 2
    assert all(text.endswith("sal.") for text in stored.follow_ups)
    assert not [each for each in checks(campaign) if each.level == "error"]


def test_what_is_too_long_is_an_obstacle_with_its_field(
    campaign: Campaign, edit: str, post: Message, bos: Client
) -> None:
    update_post(post, follow_ups=["Kort.", "lang " * 120])
    page = bos.get(edit).content.decode()
    assert f'href="#id_more-{post.pk}-text2"' in page
    assert "“Post 3 of the thread” has 599 characters; this channel takes 500. Shorten it." in found(campaign)


def test_a_channel_without_threads_takes_no_texts(
    campaign: Campaign, edit: str, post: Message, bos: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_post(post, follow_ups=["Mere"])
    assert post.account is not None
    monkeypatch.setattr(type(PLATFORMS[post.account.kind]), "abilities", lambda _self, _facts: Abilities())
    assert "Add a post" not in words(bos.get(edit))
    assert "Texts that follow the post: 1. This channel takes 0. Remove the rest." in found(campaign)


def test_a_name_that_is_no_partners_is_told(campaign: Campaign, post: Message) -> None:
    update_post(post, follow_ups=["Hør @[Koret]"])
    assert "“Koret” is none of your partners, so the plain name is shown." in found(campaign)


def test_the_card_instead_of_the_picture(campaign: Campaign, edit: str, post: Message, bos: Client) -> None:
    assert "Show the link’s card" not in words(bos.get(edit))
    give_pictures(post, [(store_picture(campaign.organisation, picture_of(), alt="Et kor"), "Et kor")])
    assert "Show the link’s card instead of the picture" in words(bos.get(edit))
    bos.post(edit, typed(campaign) | {f"more-{post.pk}-card": "on", "do": "save"})
    assert post_of(campaign).prefers_card
    assert 'class="card"' in bos.get(edit).content.decode()
    bos.post(edit, {key: value for key, value in typed(campaign).items() if not key.endswith("card")} | {"do": "save"})
    assert not post_of(campaign).prefers_card


def test_linkedin_has_one_comment_with_a_limit_of_its_own(
    campaign: Campaign, edit: str, post: Message, bos: Client
) -> None:
    Account.objects.update(kind="linkedin")
    assert "Add the first comment" in words(bos.get(edit))
    bos.post(edit, typed(campaign) | {"do": f"more:{post.pk}"})
    page = live(bos, edit, typed(campaign) | {f"more-{post.pk}-text1": "Billetter fås i døren."})
    assert "22 of 1,250 characters" in words(page)
    whole = words(bos.get(edit))
    assert "First comment" in whole and "Add the first comment" not in whole, "there is one, and no second"


def test_what_a_post_on_x_costs_is_said_beside_it(campaign: Campaign, edit: str, bos: Client) -> None:
    price = "X charges for each post: 0.015 US dollars, with a link 0.20 US dollars"
    assert price not in words(bos.get(edit))
    Account.objects.update(kind="x")
    assert price in words(bos.get(edit))
    assert price in words(live(bos, edit, typed(campaign))), "it stays while one types"


def test_bluesky_shows_and_counts_an_address_short(campaign: Campaign, edit: str, post: Message, bos: Client) -> None:
    Account.objects.update(kind="bluesky")
    update_post(post, follow_ups=["Mere"])
    address, short = "https://www.kultur.example.org/nyheder/ny-kulturaftale", "www.kultur.example.org/nyheder/ny-k…"
    sent = typed(campaign) | {"posts-text": f"Se {address}.", f"more-{post.pk}-text1": f"Og {address}"}
    page = live(bos, edit, sent)
    assert page.content.decode().count(f"<span>{short}</span>") == 2
    assert f"{len(short) + 4} of 300 characters" in words(page)
    assert f"<span>{address}" not in page.content.decode()
