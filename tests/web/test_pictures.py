"""The picture library's pages: finding, adding, describing, choosing, withdrawing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from publisher.access.audit import timeline
from publisher.items.pictures import store_picture
from publisher.models import Account, Block, Campaign, Item, Newsletter, Organisation, Picture, User
from publisher.review import approval
from publisher.vocabulary import CampaignStatus
from tests.items.website import drawing
from tests.review.send_outs import post_of, send_out, soon
from tests.review.test_photo_consent import publish
from tests.web.desk import live, questions, typed
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

HEIC = Path(__file__).parents[1] / "items" / "phone.heic"
ALT = "To i samtale"


@pytest.fixture
def client(annas: Client) -> Client:
    return annas


@pytest.fixture
def shot(item: Item) -> Picture:
    """The item's picture."""
    item.picture = store_picture(item.organisation, drawing(), alt=ALT, credit="Åse", file_name="torvet.jpg")
    item.save()
    return item.picture


@pytest.fixture
def campaign(shot: Picture, item: Item, newsletter: Newsletter, practice_account: Account) -> Campaign:
    """A draft with a mail and a post that show it."""
    return send_out(item, newsletter, practice_account)


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_the_library_shows_what_there_is(client: Client, shot: Picture) -> None:
    page = words(client.get("/news/pictures"))
    assert "1 picture can be used." in page
    assert "torvet.jpg" in page and ALT in page and "Photo: Åse" in page
    assert "torvet.jpg" in words(client.get("/news/pictures?q=åse"))
    assert "Nothing found" in words(client.get("/news/pictures?q=bro"))
    assert "All pictures are described." in words(client.get("/news/pictures?show=undescribed"))
    assert "torvet.jpg" in words(client.get("/news/pictures?show=<x>"))
    assert 'href="/news/pictures"' in source_of(client.get("/news"))


def test_the_number_of_questions_does_not_grow(client: Client, shot: Picture, secretariat: Organisation) -> None:
    before = questions(client, "/news/pictures")
    for width in range(650, 656):
        store_picture(secretariat, drawing(width))
    assert questions(client, "/news/pictures") == before


def test_an_empty_library_teaches_the_next_step(client: Client, secretariat: Organisation) -> None:
    assert "No pictures yet" in words(client.get("/news/pictures"))
    assert "Add pictures" in words(client.get("/news/pictures"))


def test_files_are_added_and_described_at_once(client: Client, secretariat: Organisation) -> None:
    given = [file("IMG_1.HEIC", HEIC.read_bytes()), file("bro.png", drawing(kind="PNG")), file("x.pdf", b"%PDF-1.7")]
    response = client.post("/news/pictures/add", {"pictures": given})
    pictures = list(Picture.objects.order_by("pk"))
    assert [picture.file_name for picture in pictures] == ["IMG_1.HEIC", "bro.png"]
    assert response["Location"] == "/news/pictures/describe?" + "&".join(f"picture={p.pk}" for p in pictures)
    page = words(client.get(response["Location"]))
    assert "Describe the 2 pictures" in page
    assert "“x.pdf”: This is not a picture that can be read." in page
    said = {f"picture-{pictures[0].pk}-alt": "En hund", f"picture-{pictures[1].pk}-licence": "CC0"}
    assert client.post(response["Location"], said).status_code == 302
    pictures = list(Picture.objects.order_by("pk"))
    assert [(picture.alt, picture.licence) for picture in pictures] == [("En hund", ""), ("", "CC0")]
    assert [entry.action for entry in timeline(pictures[0])] == ["picture_added", "picture_described"]


@pytest.mark.parametrize(
    ("files", "why"),
    [([], "required"), ([("x.txt", b"hej")], "not a picture"), ([("tom.jpg", b"")], "empty"),
     ([(f"{n}.jpg", b"x") for n in range(13)], "too many"), ([("stor.jpg", b"0" * 15_000_001)], "15 MB")],
    ids=["none", "text", "empty", "13", "large"],
)  # fmt: skip
def test_what_cannot_be_used_is_said(client: Client, files: list[tuple[str, bytes]], why: str) -> None:
    response = client.post("/news/pictures/add", {"pictures": [file(*each) for each in files]})
    assert response.status_code == 422
    assert why in words(response)
    assert not Picture.objects.exists()


def test_a_picture_is_said_everything_of(client: Client, shot: Picture) -> None:
    path = f"/news/pictures/{shot.pk}"
    page = source_of(client.get(path))
    assert 'data-focal-pick="id_focal_x id_focal_y"' in page
    assert 'data-focal="50% 50%"' in page
    said = {"alt": "Nyt", "caption": "", "credit": "Bo", "licence": "Eget", "consent_by": "Åse og Bo",
            "consent_until": "2027-02-01", "focal_x": "20", "focal_y": "80"}  # fmt: skip
    assert client.post(path, said)["Location"] == path
    shot.refresh_from_db()
    assert (shot.alt, shot.credit, shot.consent_by, str(shot.consent_until)) == ("Nyt", "Bo", "Åse og Bo", "2027-02-01")
    assert (shot.focal_x, shot.focal_y) == (0.2, 0.8)
    assert 'data-focal="20% 80%"' in source_of(client.get("/news"))
    refused = client.post(path, said | {"focal_x": "101", "consent_until": "i morgen", "alt": "Beholdes"})
    assert refused.status_code == 422
    assert "Beholdes" in source_of(refused)


def test_where_it_was_used(client: Client, shot: Picture, campaign: Campaign) -> None:
    page = words(client.get(f"/news/pictures/{shot.pk}"))
    assert "Used in 1 send-out." in page
    assert campaign.title in page
    assert "Kulturnyt and Prøvekanal" in page


def test_consent_that_ends_is_said(client: Client, shot: Picture, campaign: Campaign, bo: User) -> None:
    today = timezone.localdate()
    Campaign.objects.update(scheduled_at=timezone.now() + timedelta(days=20))
    Picture.objects.update(consent_until=today + timedelta(days=3))
    page = words(client.get(f"/news/pictures/{shot.pk}"))
    assert "The photo consent ends on" in page
    assert f"“{campaign.title}” is planned for after the photo consent ends." in page
    assert "Consent until" in words(client.get("/news/pictures?show=ending"))
    Picture.objects.update(consent_until=today - timedelta(days=3))
    assert "No send-out with this picture can be approved" in words(client.get(f"/news/pictures/{shot.pk}"))
    assert "Consent has ended" in words(client.get("/news/pictures"))


def test_an_item_asks_for_a_description_once(client: Client, shot: Picture, item: Item) -> None:
    Picture.objects.update(alt="")
    assert "The picture has no description" in words(client.get(f"/news/{item.pk}"))
    path = f"/news/pictures/{shot.pk}/alt"
    empty = client.post(path, {"alt": " ", "next": f"/news/{item.pk}"}, follow=True)
    assert "Write what the picture shows." in words(empty)
    given = client.post(path, {"alt": "To på\n et torv", "next": f"/news/{item.pk}"}, follow=True)
    assert "The picture has no description" not in words(given)
    shot.refresh_from_db()
    assert shot.alt == "To på et torv"
    assert (
        client.post(path, {"alt": "x", "next": "https://ond.example.org/"})["Location"] == f"/news/pictures/{shot.pk}"
    )


def test_a_description_written_in_the_composer_is_kept(client: Client, shot: Picture, campaign: Campaign) -> None:
    Picture.objects.update(alt="")
    Block.objects.all()[0].content["alt"] = ""
    live(client, f"/sendouts/{campaign.pk}/edit", typed(campaign, **{f"picture__{shot.pk}__alt": "Skrevet her"}))
    shot.refresh_from_db()
    assert shot.alt == "Skrevet her"


def test_a_draft_gets_another_picture(client: Client, shot: Picture, campaign: Campaign) -> None:
    other = store_picture(shot.organisation, drawing(700), alt="En bro")
    edit = f"/sendouts/{campaign.pk}/edit"
    choose = f"/sendouts/{campaign.pk}/picture/{shot.pk}"
    pressed = client.post(edit, typed(campaign) | {"do": f"picture:{shot.pk}"})
    assert pressed["Location"] == choose
    page = words(client.get(choose))
    assert "En bro" in page and "Shown now" in page and "No picture" in page
    assert client.post(choose, {"picture": other.pk})["Location"] == edit
    assert (Block.objects.get().picture, post_of(campaign).pictures.get().alt) == (other, "En bro")
    client.post(f"/sendouts/{campaign.pk}/picture/{other.pk}", {"picture": "none"})
    assert Block.objects.get().picture is None
    assert "picture:0" in source_of(client.get(edit))
    client.post(f"/sendouts/{campaign.pk}/picture/0", {"picture": shot.pk})
    assert post_of(campaign).pictures.get().picture == shot
    assert client.post(choose, {"picture": "x"}).status_code == 404
    Campaign.objects.update(status=CampaignStatus.APPROVED)
    assert client.get(choose)["Location"] == f"/sendouts/{campaign.pk}"


def test_a_news_item_gets_another_picture(client: Client, shot: Picture, item: Item) -> None:
    other = store_picture(shot.organisation, drawing(700), alt="En bro")
    assert "En bro" in words(client.get(f"/news/{item.pk}/picture"))
    assert client.post(f"/news/{item.pk}/picture", {"picture": other.pk})["Location"] == f"/news/{item.pk}"
    item.refresh_from_db()
    assert (item.picture, item.picture_by_hand) == (other, True)
    assert item.title in words(client.get(f"/news/pictures/{shot.pk}/use?q=øvelse"))
    assert client.post(f"/news/pictures/{shot.pk}/use", {"item": item.pk})["Location"] == f"/news/{item.pk}"
    item.refresh_from_db()
    assert item.picture == shot


def test_withdrawing_says_first_what_will_happen(
    client: Client, shot: Picture, campaign: Campaign, item: Item, bo: User
) -> None:
    second = send_out(item, None, *Account.objects.all())
    approval.approve(second, bo, scheduled_at=soon())
    publish(post_of(second))
    path = f"/news/pictures/{shot.pk}/withdraw"
    page = words(client.get(path))
    assert "1 news item loses it." in page
    assert f"taken out of 1 send-out that has not gone out: “{campaign.title}”" in page
    assert "Posts that are public keep it" in page
    done = words(client.post(path, follow=True))
    assert "The photo consent was withdrawn on" in done
    assert "To delete by hand" in done
    assert "See the post" in done
    assert "/media/" not in source_of(client.get(f"/news/pictures/{shot.pk}"))
    assert "To delete by hand" in words(client.get("/"))
    assert "Withdrawn" in words(client.get("/news/pictures?show=withdrawn"))
    noted = client.post(f"/news/pictures/{shot.pk}/deleted", {"shown": post_of(second).pictures.get().pk}, follow=True)
    assert "Noted as deleted." in words(noted)
    assert "To delete by hand" not in words(client.get("/"))
    assert client.get(path)["Location"] == f"/news/pictures/{shot.pk}"
    assert client.get(f"/news/{item.pk}").status_code == 200
    assert client.get(f"/sendouts/{second.pk}").status_code == 200


ADDRESSES = ["", "/alt", "/use", "/withdraw", "/deleted"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_find_nothing(shot: Picture, sven: User, address: str) -> None:
    stranger = signed_in(sven)
    path = f"/news/pictures/{shot.pk}{address}"
    assert stranger.post(path, {"alt": "x", "shown": "1", "item": "1"}).status_code == 404
    shot.refresh_from_db()
    assert (shot.alt, shot.withdrawn_at) == (ALT, None)


def test_readers_look_and_change_nothing(shot: Picture, item: Item, secretariat: Organisation) -> None:
    rita = signed_in(reader_in(secretariat))
    assert "torvet.jpg" in words(rita.get("/news/pictures"))
    page = source_of(rita.get(f"/news/pictures/{shot.pk}"))
    assert ALT in page and "<textarea" not in page and "withdraw" not in page
    for address in ADDRESSES:
        assert rita.post(f"/news/pictures/{shot.pk}{address}", {"alt": "x"}).status_code == 403
    assert rita.get("/news/pictures/add").status_code == 403
    assert rita.get(f"/news/{item.pk}/picture").status_code == 403


def test_a_stranger_s_picture_cannot_be_chosen(
    client: Client, shot: Picture, item: Item, campaign: Campaign, elsewhere: Organisation
) -> None:
    foreign = store_picture(elsewhere, drawing(700))
    assert client.post(f"/news/{item.pk}/picture", {"picture": foreign.pk}).status_code == 404
    assert client.post(f"/sendouts/{campaign.pk}/picture/{shot.pk}", {"picture": foreign.pk}).status_code == 404
    assert client.get(f"/sendouts/{campaign.pk}/picture/{foreign.pk}").status_code == 404
    assert client.get(f"/news/pictures/describe?picture={foreign.pk}").status_code == 404
