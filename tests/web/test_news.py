"""News: the list with tabs, search and pages; one item; taking back catalogue into use."""

from __future__ import annotations

import pytest
from django.test import Client

from publisher.items.pictures import store_picture
from publisher.models import Area, Cooperation, Item, Newsletter, Sighting, Source, Topic, User
from publisher.vocabulary import ItemState
from tests.compose.conftest import ALT, picture_of
from tests.review.send_outs import send_out
from tests.web.desk import UNTIDY, more_items, questions
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database


@pytest.fixture
def client(anna: User) -> Client:
    return signed_in(anna)


@pytest.fixture
def rich(item: Item, source: Source, cooperation: Cooperation) -> Item:
    """An item with everything: a picture, areas, topics, a source."""
    item.picture = store_picture(item.organisation, picture_of(), alt=ALT, caption="På rådhuset.", credit="Åse")
    item.save()
    names = ("Furesø", "Halsnæs", "Ishøj", "Køge", "Roskilde")
    item.areas.set([Area.objects.create(cooperation=cooperation, name=name, slug=name.lower()) for name in names])
    item.topics.set([Topic.objects.create(cooperation=cooperation, name="Musik", slug="musik")])
    Sighting.objects.create(source=source, item=item, external_key="1")
    return item


def test_a_row_shows_what_an_item_is(rich: Item, client: Client, newsletter: Newsletter) -> None:
    campaign = send_out(rich, newsletter)
    response = client.get("/news")
    page, source = words(response), response.content.decode()
    assert rich.title in page
    assert rich.lead in page
    assert "Nyheder · " in page
    assert "Furesø, Halsnæs, Ishøj and 2 more · Musik" in page
    assert f'alt="{ALT}"' in source
    assert "/media/" in source
    assert f'href="/sendouts/{campaign.pk}"' in source


def test_the_tabs_part_new_from_back_catalogue(item: Item, client: Client) -> None:
    Item.objects.update(state=ItemState.SEEN)
    assert item.title not in words(client.get("/news"))
    page = words(client.get("/news?show=all"))
    assert item.title in page
    assert "Back catalogue" in page


def test_search_finds_words_and_says_when_it_finds_none(item: Item, client: Client) -> None:
    more_items(item.organisation, 2)
    assert "Nyhed nummer" not in words(client.get("/news?q=ærø"))
    assert "Nothing found" in words(client.get("/news?q=<b>intet</b>"))
    assert "<b>intet" not in client.get("/news?q=<b>intet</b>").content.decode()


def test_pages(item: Item, client: Client) -> None:
    more_items(item.organisation, 25)
    assert "Page 1 of 2" in words(client.get("/news"))
    assert "Page 2 of 2" in words(client.get("/news?page=2"))
    assert "Page 2 of 2" in words(client.get("/news?page=99"))


def test_empty_lists_teach_the_next_step(client: Client, source: Source) -> None:
    assert "No new news yet" in words(client.get("/news"))
    source.delete()
    assert "No news source yet" in words(client.get("/news"))


def test_back_catalogue_is_taken_as_new_and_back_to_the_same_list(item: Item, client: Client) -> None:
    Item.objects.update(state=ItemState.SEEN)
    response = client.post("/news/take", {"item": item.pk, "next": "/news?show=all&page=1"})
    assert response["Location"] == "/news?show=all&page=1"
    item.refresh_from_db()
    assert item.state == ItemState.NEW


@pytest.mark.parametrize("onward", ["https://evil.example.org/", "//evil.example.org", ""])
def test_taking_never_leads_elsewhere(onward: str, item: Item, client: Client) -> None:
    assert client.post("/news/take", {"item": item.pk, "next": onward})["Location"] == "/news"


def test_nobody_takes_another_organisations_items_or_by_get(item: Item, client: Client, sven: User) -> None:
    Item.objects.update(state=ItemState.SEEN)
    signed_in(sven).post("/news/take", {"item": item.pk})
    client.get("/news/take", {"item": item.pk})
    client.post("/news/take", {"item": "²"})
    item.refresh_from_db()
    assert item.state == ItemState.SEEN


def test_one_item_with_all_we_know(rich: Item, client: Client, newsletter: Newsletter) -> None:
    campaign = send_out(rich, newsletter)
    Item.objects.update(revision=3)
    response = client.get(f"/news/{rich.pk}")
    page, source = words(response), response.content.decode()
    expected = (rich.lead, "Åse Sørensen", "Furesø, Halsnæs, Ishøj, Køge and Roskilde", ALT, "Used in 1 send-out.")
    for said in (*expected, "Changed 2 times at its source"):
        assert said in page, said
    assert f'href="{rich.link}"' in source
    assert f'href="/sendouts/{campaign.pk}"' in source
    assert f'href="/news/{rich.pk}/plan"' in source


def test_a_lead_that_the_body_begins_with_stands_once(item: Item, client: Client) -> None:
    Item.objects.update(
        lead="Kom og hør.", body_text="Kom og hør. Der er kaffe.", body_html="<p>Kom og hør. Der er kaffe.</p>"
    )
    assert words(client.get(f"/news/{item.pk}")).count("Kom og hør.") == 1


def test_an_items_markup_is_cleaned_once_more(item: Item, client: Client) -> None:
    Item.objects.update(
        body_html='<p onclick="x()">Hej<script>x()</script><img src="https://elsewhere.example.org/1.gif"></p>'
    )
    page = client.get(f"/news/{item.pk}").content.decode()
    assert "Hej" in page
    assert UNTIDY.findall(page) == []
    assert "elsewhere.example.org" not in page


def test_a_reader_sees_and_changes_nothing(item: Item) -> None:
    reader = signed_in(reader_in(item.organisation))
    for path in ("/news", f"/news/{item.pk}", "/"):
        response = reader.get(path)
        assert item.title in words(response)
        assert f"/news/{item.pk}/plan" not in response.content.decode()
        assert "Plan a send-out" not in words(response)
    assert reader.post("/news/take", {"item": item.pk}).status_code == 403
    assert reader.get(f"/news/{item.pk}/plan").status_code == 403


def test_a_stranger_finds_nothing(item: Item, sven: User) -> None:
    assert signed_in(sven).get(f"/news/{item.pk}").status_code == 404
    assert item.title not in words(signed_in(sven).get("/news"))


def test_more_rows_ask_no_more_questions(rich: Item, client: Client, newsletter: Newsletter) -> None:
    send_out(rich, newsletter)
    before = questions(client, "/news")
    for each in more_items(rich.organisation, 8):
        each.areas.set(rich.areas.all())
        send_out(each, newsletter)
    assert questions(client, "/news") == before <= 20
    assert questions(client, f"/news/{rich.pk}") <= 20
