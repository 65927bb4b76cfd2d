"""Several pictures of a post: added, ordered, taken out, and other ones on one channel alone."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Item, Message, Newsletter, Organisation, Picture, PostPicture, User
from publisher.vocabulary import CampaignStatus
from tests.items.website import drawing
from tests.review.send_outs import send_out
from tests.web.desk import questions, typed
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database


@pytest.fixture
def shot(item: Item) -> Picture:
    """The item's picture."""
    item.picture = store_picture(item.organisation, drawing(), alt="Billede 1")
    item.save()
    return item.picture


@pytest.fixture
def others(shot: Picture) -> list[Picture]:
    """Five more in the library, the last without a description."""
    alts = [*(f"Billede {number}" for number in range(2, 6)), ""]
    return [store_picture(shot.organisation, drawing(610 + n), alt=alt) for n, alt in enumerate(alts)]


@pytest.fixture
def mastodon(secretariat: Organisation) -> Account:
    return Account.objects.create(organisation=secretariat, kind="mastodon", name="Kultur")


@pytest.fixture
def campaign(
    others: object, item: Item, newsletter: Newsletter, practice_account: Account, mastodon: Account
) -> Campaign:
    """A draft with a mail and two posts that show the item's picture."""
    return send_out(item, newsletter, practice_account, mastodon)


@pytest.fixture
def practice(campaign: Campaign) -> Message:
    return campaign.messages.get(account__kind="practice")


@pytest.fixture
def toot(campaign: Campaign) -> Message:
    return campaign.messages.get(account__kind="mastodon")


def shown(message: Message) -> str:
    """What a post shows, by the last figure of the descriptions; “-” for one without."""
    return "".join(each.alt[-1:] or "-" for each in PostPicture.objects.filter(message=message))


def test_pictures_are_added_from_the_library_and_from_files(
    annas: Client, campaign: Campaign, edit: str, path: str, others: list[Picture], practice: Message, toot: Message
) -> None:
    add = f"{path}/pictures/add"
    assert annas.post(edit, typed(campaign) | {"do": "shot-add"})["Location"] == add
    page = words(annas.get(add))
    assert "They come after the pictures that are there." in page and "Shown now" in page
    done = annas.post(add, {"picture": [others[0].pk, others[1].pk]}, follow=True)
    assert "2 pictures are added." in words(done)
    assert shown(practice) == shown(toot) == "123"
    files = [SimpleUploadedFile("nyt.png", drawing(900)), SimpleUploadedFile("brev.pdf", b"%PDF-")]
    page = words(annas.post(add, {"pictures": files}, follow=True))
    assert "1 picture is added. Say what they show." in page and "“brev.pdf”" in page
    assert shown(practice) == shown(toot) == "123-"
    assert "Describe picture 4 (read aloud)" in page
    assert "Picture 4 of" in page and "has no description" in page
    assert "Choose at least one picture, or a file." in words(annas.post(add, {}))


def test_they_are_ordered_described_and_taken_out_in_the_composer(
    annas: Client, campaign: Campaign, edit: str, path: str, others: list[Picture], practice: Message, toot: Message
) -> None:
    annas.post(f"{path}/pictures/add", {"picture": [each.pk for each in others[:3]]})
    third, fourth = others[1], others[2]
    pressed = annas.post(edit, typed(campaign) | {"do": f"shot-first:{fourth.pk}"})
    assert pressed["Location"] == f"{edit}#pictures"
    assert shown(practice) == shown(toot) == "4123"
    annas.post(edit, typed(campaign) | {"do": f"shot-up:{third.pk}"})
    assert shown(practice) == shown(toot) == "4132"
    campaign.refresh_from_db()
    annas.post(edit, typed(campaign) | {f"picture-{fourth.pk}-alt": "Kor 7", "do": f"shot-out:{third.pk}"})
    assert shown(practice) == shown(toot) == "712", "what was typed is stored, too"
    moved = annas.post(edit, typed(campaign) | {"do": f"shot-up:{others[0].pk}"}, headers={"HX-Request": "true"})
    assert f'value="shot-up:{others[0].pk}" autofocus' in source_of(moved), "one goes on where one was"
    gone = annas.post(edit, typed(campaign) | {"do": f"shot-out:{others[0].pk}"}, headers={"HX-Request": "true"})
    assert 'value="shot-add" autofocus' in source_of(gone)
    assert shown(toot) == "71"
    for wrong in ("shot-up:x", "shot-up:999999", "shot-first:"):
        annas.post(edit, typed(campaign) | {"do": wrong})
    assert shown(toot) == "71"


def test_a_channel_that_takes_fewer_says_so_before_approval(
    bos: Client, campaign: Campaign, edit: str, path: str, others: list[Picture], practice: Message
) -> None:
    Account.objects.filter(kind="mastodon").update(kind="facebook", facts={})
    bos.post(f"{path}/pictures/add", {"picture": [each.pk for each in others]})
    page = words(bos.get(edit))
    assert page.count("Practice channel shows the first 4 of the 6 pictures.") == 2, "by the preview and in the checks"
    assert "Facebook shows" not in page and "2 more pictures" in page


def test_one_channel_shows_others(
    annas: Client, campaign: Campaign, edit: str, path: str, others: list[Picture], practice: Message, toot: Message
) -> None:
    annas.post(f"{path}/pictures/add", {"picture": [others[0].pk, others[1].pk]})
    mine = f"{path}/posts/{toot.pk}/pictures"
    assert annas.post(edit, typed(campaign) | {"do": f"shot-own:{toot.pk}"})["Location"] == mine
    assert "The same pictures as" not in words(annas.get(mine))
    annas.post(mine, {"do": f"first:{others[1].pk}"})
    annas.post(mine, {"do": f"out:{others[0].pk}"})
    annas.post(mine, {"do": "up:x"})
    annas.post(f"{path}/pictures/add?post={toot.pk}", {"picture": others[4].pk})
    assert (shown(toot), shown(practice)) == ("31-", "123")
    page = words(annas.get(mine))
    assert "No description" in page and "The same pictures as the other channels" in page
    page = words(annas.get(edit))
    assert "Its own pictures" in page and "Shown only here: Kultur (Mastodon)" in page
    annas.post(edit, typed(campaign) | {"do": f"shot-out:{others[1].pk}"})
    assert (shown(toot), shown(practice)) == ("31-", "12"), "what is shared does not touch it"
    annas.post(mine, {"do": "follow"})
    assert shown(toot) == "12"


def test_the_page_asks_not_more_for_more_pictures(
    annas: Client, edit: str, path: str, others: list[Picture], campaign: Campaign
) -> None:
    few = questions(annas, edit)
    annas.post(f"{path}/pictures/add", {"picture": [each.pk for each in others]})
    assert questions(annas, edit) == few


def test_who_may_not_write_changes_nothing_and_no_draft_no_change(
    annas: Client, path: str, sven: User, secretariat: Organisation, others: list[Picture], toot: Message,
    elsewhere: Organisation,
) -> None:  # fmt: skip
    add, mine = f"{path}/pictures/add", f"{path}/posts/{toot.pk}/pictures"
    rita = signed_in(reader_in(secretariat))
    for address in (add, mine):
        assert signed_in(sven).post(address, {"picture": others[0].pk, "do": "follow"}).status_code == 404
        assert rita.get(address).status_code == 403
    foreign = store_picture(elsewhere, drawing(700))
    annas.post(add, {"picture": foreign.pk})
    assert annas.post(mine, {"do": f"out:{foreign.pk}"}).status_code == 404
    assert annas.get(f"{add}?post=1{toot.pk}").status_code == 404
    Campaign.objects.update(status=CampaignStatus.APPROVED)
    for address in (add, mine):
        assert annas.post(address, {"picture": others[0].pk})["Location"] == path
    assert shown(toot) == "1"
