"""From a website's table to items: once, with the right instant; a draft never; an edit as a revision."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from publisher.items.collect import collect_source
from publisher.items.first_look import add_source
from publisher.models import Area, Cooperation, Item, Organisation, Source
from publisher.sources import database_query
from publisher.vocabulary import ItemState, SourceStatus, Withdrawal
from tests.databases import ALT, AREAS, LINK, PICTURE, Cms
from tests.items.website import FEED, Story, drawing, website
from tests.sources.test_database import config_of

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("in_english")]


def added(organisation: Organisation, cms: Cms) -> Source:
    source, _made = add_source(organisation, "database", vars(config_of(cms)), "CMS")
    return source


def collect(source: Source) -> None:
    with website() as site:
        site.put(PICTURE, drawing())
        collected = collect_source(source.pk)
    assert collected.error is None
    # So that a test need not wait for a quarter of an hour.
    Source.objects.filter(pk=source.pk).update(next_poll_at=None)


def test_all_rows_become_items_and_the_draft_none(
    secretariat: Organisation, cooperation: Cooperation, cms: Cms
) -> None:
    for name in AREAS.split(";"):
        Area.objects.create(cooperation=cooperation, name=name, slug=name.lower())
    source = added(secretariat, cms)
    assert "database_url" not in source.config and source.credentials == {"database_url": cms.url}
    collect(source)
    item = Item.objects.get()
    assert item.title == "Ny kulturaftale er underskrevet" and item.state == ItemState.SEEN
    assert item.published_at == datetime(2021, 1, 13, 14, 16, tzinfo=UTC)
    assert sorted(area.name for area in item.areas.all()) == sorted(AREAS.split(";"))
    assert item.picture and item.picture.alt == ALT
    assert item.link == LINK and item.sightings.get().external_key == "1"


def test_a_draft_appears_when_it_is_published_and_an_edit_is_a_revision(secretariat: Organisation, cms: Cms) -> None:
    source = added(secretariat, cms)
    collect(source)
    collect(source)
    assert Item.objects.count() == 1
    cms.execute("UPDATE nyhed SET status = 'udgivet', overskrift = 'Nu er den her' WHERE id = 2")
    cms.execute("UPDATE nyhed SET manchet = 'Den er på plads.' WHERE id = 1")
    collect(source)
    assert Item.objects.get(title="Nu er den her").state == ItemState.NEW
    changed = Item.objects.get(title="Ny kulturaftale er underskrevet")
    assert (changed.lead, changed.revision) == ("Den er på plads.", 2)
    assert changed.revisions.count() == 2
    assert changed.picture, "an edit of the words leaves the picture"


def test_a_feed_and_a_database_give_one_item_with_two_sightings(secretariat: Organisation, cms: Cms) -> None:
    collect(added(secretariat, cms))
    feed = Source.objects.create(organisation=secretariat, kind="feed", name="Feed", config={"url": FEED})
    with website(Story("Ny kulturaftale er underskrevet", LINK + "?utm_source=rss", guid="kultur:1")):
        collect_source(feed.pk)
    assert Item.objects.get().sightings.count() == 2


def test_a_large_table_is_back_catalogue_to_its_end(
    secretariat: Organisation, small: Cms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_query, "PAGE", 20)
    with_rows(small, 10, 39)
    source = added(secretariat, small)
    collect(source)
    source.refresh_from_db()
    assert not source.first_poll_done, "there is more to come"
    collect(source)
    source.refresh_from_db()
    assert source.first_poll_done
    assert Item.objects.filter(state=ItemState.SEEN).count() == Item.objects.count() == 31


def with_rows(cms: Cms, first: int, last: int) -> None:
    rows = ", ".join(
        f"({number}, 'Nyhed {number}', '', '', '', '', '', '', '', '', '2021-01-01', '2021-01-01', 'udgivet')"
        for number in range(first, last + 1)
    )
    cms.execute(f"INSERT INTO nyhed VALUES {rows}")


def withdrawn() -> dict[str, str]:
    return dict(Item.objects.filter(withdrawn_at__isnull=False).values_list("title", "withdrawn_why"))


QUERY = "SELECT id, overskrift FROM nyhed WHERE status = 'udgivet'"


@pytest.fixture(params=["table", "query"])
def large(
    request: pytest.FixtureRequest, secretariat: Organisation, cms: Cms, monkeypatch: pytest.MonkeyPatch
) -> Source:
    """A table of more rows than a page has, or a query that gives them; read to its end once."""
    monkeypatch.setattr(database_query, "PAGE", 20)
    with_rows(cms, 10, 59)
    read = {"table": ""} if request.param == "query" else {}
    mapped = {"query": QUERY, "id_column": "id", "title_column": "overskrift"} if read else vars(config_of(cms))
    source, _made = add_source(secretariat, "database", {"database_url": cms.url} | mapped, "CMS")
    for _page in range(3):
        collect(source)
    assert Item.objects.count() == 51 and not withdrawn()
    return source


def a_round(source: Source) -> None:
    """The looks that read all of it, whatever page they begin with."""
    for _page in range(5):
        collect(source)


def test_a_row_that_is_deleted_from_a_large_table_is_withdrawn_and_comes_back(large: Source, cms: Cms) -> None:
    collect(large)
    cms.execute("DELETE FROM nyhed WHERE id IN (15, 40, 59)")
    a_round(large)
    gone = {f"Nyhed {number}": Withdrawal.UNPUBLISHED for number in (15, 40, 59)}
    assert withdrawn() == gone
    with_rows(cms, 40, 40)
    a_round(large)
    del gone["Nyhed 40"]
    assert withdrawn() == gone


def test_a_large_table_that_lacks_most_of_it_is_not_believed(large: Source, cms: Cms) -> None:
    cms.execute("DELETE FROM nyhed WHERE id BETWEEN 10 AND 37")
    a_round(large)
    assert not withdrawn()


def test_an_unpublished_row_of_a_large_table_is_withdrawn(large: Source, cms: Cms) -> None:
    cms.execute("UPDATE nyhed SET status = 'arkiv' WHERE id = 33")
    a_round(large)
    assert list(withdrawn()) == ["Nyhed 33"]


def test_what_left_a_query_of_the_latest_rows_is_only_old(secretariat: Organisation, small: Cms) -> None:
    with_rows(small, 10, 30)
    fields = {"database_url": small.url, "id_column": "id", "title_column": "overskrift"}
    query = "SELECT id, overskrift FROM nyhed WHERE status = 'udgivet' ORDER BY id DESC LIMIT 12"
    source, _made = add_source(secretariat, "database", {**fields, "query": query}, "CMS")
    collect(source)
    with_rows(small, 31, 33)
    collect(source)
    assert Item.objects.count() == 15 and not withdrawn()


def test_what_left_a_view_of_the_latest_rows_is_only_old(secretariat: Organisation, small: Cms) -> None:
    with_rows(small, 10, 30)
    small.execute("CREATE VIEW seneste AS SELECT * FROM nyhed WHERE status = 'udgivet' ORDER BY id DESC LIMIT 12")
    fields = {"database_url": small.url, "table": "seneste", "id_column": "id", "title_column": "overskrift"}
    source, _made = add_source(secretariat, "database", fields, "CMS")
    collect(source)
    with_rows(small, 31, 33)
    collect(source)
    assert Item.objects.count() == 15 and not withdrawn()


def test_what_left_the_result_of_a_query_is_withdrawn(secretariat: Organisation, small: Cms) -> None:
    with_rows(small, 10, 12)
    fields = {"database_url": small.url, "id_column": "id", "title_column": "overskrift"}
    source, _made = add_source(secretariat, "database", {**fields, "query": QUERY}, "CMS")
    collect(source)
    small.execute("DELETE FROM nyhed WHERE id = 10")
    small.execute("UPDATE nyhed SET status = 'arkiv' WHERE id = 11")
    collect(source)
    assert withdrawn() == {"Nyhed 10": Withdrawal.UNPUBLISHED, "Nyhed 11": Withdrawal.UNPUBLISHED}


def test_trouble_is_on_the_row_in_words_without_the_password(secretariat: Organisation, cms: Cms) -> None:
    source = added(secretariat, cms)
    cms.execute("DROP TABLE nyhed")
    collect_source(source.pk)
    source.refresh_from_db()
    assert source.status == SourceStatus.ACTIVE and source.failures == 1
    assert source.last_error["msgid"].startswith("There is no such table")
    assert cms.url not in str(source.last_error) and "hemmeligt" not in str(source.last_error)
