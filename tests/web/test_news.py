"""News: the list in its views, searched, narrowed and paged; taking back catalogue into use."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from publisher.items.pictures import store_picture
from publisher.models import Area, Cooperation, Item, Newsletter, Sighting, Source, Topic, User
from publisher.vocabulary import ItemState
from publisher.web.news import EMPTY
from tests.compose.conftest import ALT, picture_of
from tests.review.send_outs import send_out
from tests.web.desk import more_items, questions
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
    response = client.get("/news?show=planned")
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
    for show in ("all", "older"):
        page = words(client.get(f"/news?show={show}"))
        assert item.title in page
        assert "Take as new" in page
    assert item.title in words(client.get("/news?show=nonsense&show=all&page=x"))


def test_each_tab_has_its_number(item: Item, client: Client, newsletter: Newsletter) -> None:
    send_out(item, newsletter)
    more_items(item.organisation, 3)
    Item.objects.filter(title="Nyhed nummer 0").update(withdrawn_at=timezone.now(), withdrawn_why="gone")
    page = words(client.get("/news"))
    assert "New 2 Planned 1 Published 0 Withdrawn 1 Back catalogue 0 All 4" in page
    assert "Held back" not in page
    assert "2 new news items have not been used yet." in page
    Item.objects.filter(title="Nyhed nummer 1").update(state=ItemState.HELD)
    assert "Withdrawn 1 Held back 1" in words(client.get("/news"))
    planned = words(client.get("/news?show=planned"))
    assert item.title in planned and "In progress" in planned


def test_search_finds_words_and_says_when_it_finds_none(item: Item, client: Client) -> None:
    more_items(item.organisation, 2)
    assert "Nyhed nummer" not in words(client.get("/news?q=ærø"))
    assert "Nothing found" in words(client.get("/news?q=<b>intet</b>"))
    assert "<b>intet" not in client.get("/news?q=<b>intet</b>").content.decode()


def test_searching_looks_among_all_and_the_heading_counts_what_is_shown(item: Item, client: Client) -> None:
    Item.objects.update(state=ItemState.SEEN)
    found = client.get("/news?q=ærø")
    assert item.title in words(found) and "1 news item fits." in words(found)
    assert 'name="show"' not in found.content.decode(), "the next search is among all too"
    new = words(client.get("/news?show=new&q=ærø"))
    assert "0 news items fit." in new and "1 news item among all of them" in new


def test_what_is_found_in_another_view_is_one_click_away(item: Item, client: Client) -> None:
    response = client.get("/news?show=withdrawn&q=ærø")
    assert "Nothing here, but 1 news item among all of them." in words(response)
    assert 'href="?q=%C3%A6r%C3%B8&amp;show=all"' in response.content.decode().replace(
        "?show=all&amp;q=%C3%A6r%C3%B8", "?q=%C3%A6r%C3%B8&amp;show=all"
    )


def test_what_is_on_is_said_and_can_be_taken_off(rich: Item, source: Source, client: Client) -> None:
    more_items(rich.organisation, 2)
    topic = Topic.objects.get()
    response = client.get(f"/news?q=kom&source={source.pk}&topic={topic.pk}&picture=with&period=30&page=1")
    page, html = words(response), response.content.decode()
    assert "Nyhed nummer" not in page and rich.title in page
    for chip in ("“kom”", "News source: Nyheder", "Topic: Musik", "Picture: With a picture", "The last 30 days"):
        assert chip in page, chip
    assert "4 are on" in page and "1 news item fits." in page
    assert f'href="?q=kom&amp;source={source.pk}&amp;picture=with&amp;period=30"' in html, "without the topic, page one"
    assert 'value="with" selected' in html


@pytest.mark.parametrize(
    "query", ["source=999999", "topic=x", "period=-1", "picture=none", "area=1%27", "events=maybe"]
)
def test_an_old_address_still_leads_to_the_list(item: Item, client: Client, query: str) -> None:
    response = client.get(f"/news?{query}")
    assert response.status_code == 200
    if not query.startswith("events"):
        assert item.title in words(response)


def test_news_written_here_and_events_can_be_asked_for(rich: Item, client: Client) -> None:
    written = more_items(rich.organisation, 1)[0]
    assert written.title in words(client.get("/news?source=hand"))
    assert rich.title not in words(client.get("/news?source=hand"))
    Item.objects.filter(pk=rich.pk).update(event_starts_at=timezone.now())
    page = words(client.get("/news?events=on"))
    assert rich.title in page and written.title not in page and "Only events" in page


def test_nobody_narrows_by_what_belongs_to_others(item: Item, source: Source, sven: User) -> None:
    page = words(signed_in(sven).get(f"/news?source={source.pk}"))
    assert source.name not in page and item.title not in page


def test_pages(item: Item, client: Client) -> None:
    more_items(item.organisation, 25)
    assert "Page 1 of 2" in words(client.get("/news"))
    assert "Page 2 of 2" in words(client.get("/news?page=2"))
    assert "Page 2 of 2" in words(client.get("/news?page=99"))


def test_empty_lists_teach_the_next_step(client: Client, source: Source) -> None:
    assert "No new news yet" in words(client.get("/news"))
    for show, (heading, text) in EMPTY.items():
        page = words(client.get(f"/news?show={show}"))
        assert f"{heading} {text}" in page, show
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
    assert item.title not in words(signed_in(sven).get("/news"))


def test_more_rows_ask_no_more_questions(rich: Item, client: Client, newsletter: Newsletter) -> None:
    send_out(rich, newsletter)
    planned = questions(client, "/news?show=planned")
    for each in more_items(rich.organisation, 8):
        each.areas.set(rich.areas.all())
        send_out(each, newsletter)
        Sighting.objects.create(source=rich.sightings.get().source, item=each, external_key=str(each.pk))
    for address in ("/news?show=planned", "/news?show=all&q=nyhed"):
        assert questions(client, address) <= 24
    assert questions(client, "/news?show=planned") == planned
