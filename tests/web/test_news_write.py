"""Writing a news item by hand and correcting one: what is typed is kept, whatever is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from publisher.items.writing import Words, correct
from publisher.models import Area, AuditEntry, Cooperation, Item, Picture, Sighting, Source, Topic, User
from publisher.vocabulary import ItemState
from tests.compose.conftest import picture_of
from tests.web.desk import UNTIDY
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database

WRITE = "/news/write"


def typed(**changes: Any) -> dict[str, Any]:
    """What the form sends."""
    today = timezone.localdate().isoformat()
    return {
        "title": "Åben øvelse & kor",
        "lead": "",
        "body": "Kom og hør.\n\n- kaffe\n- kage",
        "author": "Anna",
        "link": "",
        "day": today,
        "clock": "00:00",
    } | changes


def upload(width: int = 1500) -> SimpleUploadedFile:
    return SimpleUploadedFile("kor.jpg", picture_of(width=width), "image/jpeg")


def test_a_new_item_from_form_to_page(annas: Client, anna: User, cooperation: Cooperation) -> None:
    topic = Topic.objects.create(cooperation=cooperation, name="Musik", slug="musik")
    area = Area.objects.create(cooperation=cooperation, name="Køge", slug="koege")
    blank = annas.get(WRITE)
    assert "Municipalities" in words(blank) and 'value="Anna"' in blank.content.decode()
    assert UNTIDY.findall(blank.content.decode()) == []
    data = typed(topics=[topic.pk], areas=[area.pk], upload=upload(), alt="Et kor", credit="Åse")
    page = annas.post(WRITE, data, follow=True)
    item = Item.objects.get()
    assert page.redirect_chain == [(f"/news/{item.pk}", 302)]
    assert "It is among the new ones." in words(page) and "Written here by Anna" in words(page)
    assert (item.state, item.written_by, item.lead) == (ItemState.NEW, anna, "Kom og hør.")
    assert item.body_html == "<p>Kom og hør.</p><ul><li>kaffe</li><li>kage</li></ul>"
    assert item.picture and (item.picture.alt, item.picture.credit) == ("Et kor", "Åse")
    assert (item.topics.get(), item.areas.get()) == (topic, area)
    assert AuditEntry.objects.get().action == "item_written"
    assert item.title in words(annas.get("/news")).replace("&amp;", "&")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"title": "  "}, "This field is required."),
        ({"link": "javascript:alert(1)"}, "It must begin with https:// or http://."),
        ({"day": (timezone.now() + timedelta(days=3)).date().isoformat()}, "That is ahead of us."),
        ({"day": "i går"}, "Enter a valid date."),
        ({"upload": SimpleUploadedFile("x.jpg", b"nope", "image/jpeg")}, "This is not a picture that can be read."),
        ({"upload": SimpleUploadedFile("x.jpg", b"0" * 15_000_001, "image/jpeg")}, "larger than 15 MB"),
    ],
)
def test_what_is_refused_keeps_every_word(annas: Client, changes: dict[str, Any], says: str) -> None:
    response = annas.post(WRITE, typed(**changes))
    assert response.status_code == 422
    assert says in words(response)
    assert "- kaffe\n- kage" in response.content.decode()
    assert not Item.objects.exists()


def test_a_picture_needs_a_description_and_is_not_lost_for_want_of_one(annas: Client) -> None:
    response = annas.post(WRITE, typed(upload=upload()))
    picture = Picture.objects.get()
    page = response.content.decode()
    assert response.status_code == 422 and "Describe what is seen in the picture." in words(response)
    assert f'name="kept" value="{picture.pk}"' in page and f"/media/{picture.sha256}" in page
    annas.post(WRITE, typed(kept=picture.pk, alt="Et kor"))
    item = Item.objects.get()
    assert item.picture == picture and Picture.objects.get().alt == "Et kor"
    assert picture.file_name == "kor.jpg", "its name in the library"
    assert annas.post(WRITE, typed(kept="²", link="nej")).status_code == 422


def test_nobody_keeps_another_organisations_picture(annas: Client, item: Item, sven: User) -> None:
    annas.post(WRITE, typed(upload=upload(), alt="Et kor"))
    picture = Picture.objects.get()
    signed_in(sven).post(WRITE, typed(kept=picture.pk, alt="Mit"))
    assert Item.objects.exclude(organisation=item.organisation).get().picture is None
    assert Picture.objects.get().alt == "Et kor"


def test_a_picture_is_chosen_from_the_library_and_nothing_typed_is_lost(
    annas: Client, cooperation: Cooperation
) -> None:
    topic = Topic.objects.create(cooperation=cooperation, name="Musik", slug="musik")
    annas.post("/news/pictures/add", {"pictures": [upload()]})
    picture = Picture.objects.get()
    Picture.objects.update(alt="Et kor", credit="Åse")
    data = typed(topics=[topic.pk], upload=upload(900), alt="Min egen")
    library = annas.post(WRITE, data | {"library": "1"})
    page = library.content.decode()
    assert library.status_code == 200 and "nothing is saved yet" in words(library)
    assert UNTIDY.findall(page) == []
    assert f'name="picture" value="{picture.pk}"' in page and page.count('class="thumb"') == 2, "the file is there, too"
    fields = dict(library.context["typed"]) | {"topics": [topic.pk]}
    assert "No picture fits" in words(annas.post(WRITE, fields | {"library": "1", "q": "giraf"}))
    back = annas.post(WRITE, fields | {"picture": picture.pk, "q": ""})
    form = back.context["form"]
    assert back.status_code == 200 and not Item.objects.exists() and 'data-keep="typed"' in back.content.decode()
    assert (form.picture, form["alt"].value(), form["credit"].value()) == (picture, "Et kor", "Åse")
    assert (form["title"].value(), form["body"].value()) == (data["title"], data["body"])
    assert "checked" in str(form["topics"])
    assert annas.post(WRITE, fields | {"picture": ""}).context["form"]["alt"].value() == "Min egen"
    annas.post(WRITE, fields | {"kept": picture.pk, "alt": "Et kor", "credit": "Åse"})
    assert Item.objects.get().picture == picture


def test_another_description_is_the_items_own_where_other_news_shows_the_picture(annas: Client, item: Item) -> None:
    annas.post(WRITE, typed(upload=upload(), alt="Et kor"))
    first = Item.objects.exclude(pk=item.pk).get()
    assert first.picture
    annas.post(f"/news/{item.pk}/edit", typed(link=item.link, kept=first.picture_id, alt="Publikum klapper"))
    assert [Item.objects.get(pk=pk).alt for pk in (first.pk, item.pk)] == ["Et kor", "Publikum klapper"]
    page = annas.get(f"/news/{item.pk}/edit")
    assert page.context["form"]["alt"].value() == "Publikum klapper"


def test_nobody_takes_another_organisations_picture_from_the_library(annas: Client, sven: User) -> None:
    annas.post(WRITE, typed(upload=upload(), alt="Et kor"))
    svens = signed_in(sven)
    assert not svens.post(WRITE, typed(library="1")).context["page"].object_list
    taken = svens.post(WRITE, typed(picture=Picture.objects.get().pk))
    assert taken.context["form"].picture is None


def test_a_link_that_is_taken_is_said_and_nothing_is_lost(annas: Client, item: Item) -> None:
    response = annas.post(WRITE, typed(link=item.link))
    assert response.status_code == 422 and "There is a news item with this link already" in words(response)
    assert "- kaffe" in response.content.decode()
    assert Item.objects.count() == 1


def test_correcting_shows_what_it_says_and_stores_who_changed_it(item: Item, annas: Client, anna: User) -> None:
    published = timezone.now() - timedelta(days=2, seconds=17)
    Item.objects.update(published_at=published)
    page = annas.get(f"/news/{item.pk}/edit")
    assert "&lt;p&gt;Orkestret åbner dørene.&lt;/p&gt;" in page.content.decode()
    form = page.context["form"]
    data = typed(title="Ny overskrift", body=item.body_html, link=item.link, revision=1) | {
        "day": form["day"].value().isoformat(), "clock": form["clock"].value().strftime("%H:%M"),
    }  # fmt: skip
    assert annas.post(f"/news/{item.pk}/edit", data)["Location"] == f"/news/{item.pk}"
    changed = Item.objects.get()
    assert (changed.title, changed.revision, changed.published_at) == ("Ny overskrift", 2, published)
    assert changed.worded_at and changed.revisions.get(number=2).by == anna
    assert AuditEntry.objects.get().action == "item_corrected"


def test_a_colleague_who_was_faster_is_not_overwritten_unseen(item: Item, annas: Client, bo: User) -> None:
    correct(item, Words("Bos", link=item.link), bo, revision=1)
    at = f"/news/{item.pk}/edit"
    refused = annas.post(at, typed(title="Annas", link=item.link, revision=1))
    assert refused.status_code == 422 and "changed while you wrote" in words(refused)
    assert 'value="Annas"' in refused.content.decode()
    assert 'name="revision" value="2"' in refused.content.decode()
    assert annas.post(at, typed(title="Annas", link=item.link, revision=2)).status_code == 302
    assert Item.objects.get().title == "Annas"


def test_a_picture_can_be_left_out_or_changed(item: Item, annas: Client) -> None:
    at = f"/news/{item.pk}/edit"
    annas.post(at, typed(link=item.link, revision=1, upload=upload(), alt="Et kor"))
    first = Item.objects.get().picture
    assert first
    annas.post(at, typed(link=item.link, kept=first.pk, upload=upload(900), alt="Et andet kor"))
    second = Item.objects.get().picture
    assert second and second != first
    annas.post(at, typed(link=item.link, kept=second.pk, alt="Et andet kor", without_picture="on"))
    assert Item.objects.get().picture is None


def test_a_source_is_said_to_suggest_from_now_on(item: Item, source: Source, annas: Client) -> None:
    Sighting.objects.create(source=source, item=item, external_key="1")
    assert "also when the news source changes its own" in words(annas.get(f"/news/{item.pk}/edit"))


def test_who_may_not_write_does_not(item: Item) -> None:
    reader = signed_in(reader_in(item.organisation))
    assert reader.get(WRITE).status_code == 403
    assert reader.post(WRITE, typed()).status_code == 403
    assert "Write a news item" not in words(reader.get("/news"))


def test_what_was_typed_before_the_session_ended_is_kept(anna: User) -> None:
    client = Client()
    response = client.post(WRITE, typed(body="<p>" + "Et langt afsnit. " * 3_000 + "</p>"))
    assert response["Location"] == "/sign-in/?next=/kept"
    User.objects.update(language="en")
    client.force_login(anna)
    page = words(client.get("/kept"))
    assert "Åben øvelse & kor" in page and "Et langt afsnit." in page and "<p>" not in page
