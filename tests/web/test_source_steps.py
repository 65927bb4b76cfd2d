"""A database becomes a source over several pages: tried at each step, nothing typed lost, the address never shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from publisher.items.collect import collect_source, due_sources
from publisher.items.first_look import with_stored_secrets
from publisher.models import AuditEntry, Item, Organisation, Source, User
from publisher.sources import database_looks
from publisher.sources.database_connection import Patience
from publisher.vocabulary import ItemState
from publisher.web import source_steps
from tests.databases import Cms, sqlite_cms
from tests.items.website import website
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database
ADD = "/settings/sources/add/database"


@pytest.fixture
def cms(tmp_path: Path, settings: Any) -> Cms:
    settings.OPSLAG_DATABASE_FILES = (tmp_path,)
    return sqlite_cms(tmp_path)


def fields_of(response: Any) -> dict[str, str]:
    """What a browser would send of a page's main form, with what is filled in."""
    page = source_of(response).partition('id="main"')[2]
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in given:
            found[given["name"]] = given.get("value", "")
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        found[name] = text.strip()
    return found


def go(client: Client, page: Any, at: str = ADD, **changes: str) -> Any:
    """Send the page's form with some fields changed."""
    return client.post(at, fields_of(page) | changes)


def test_from_an_address_to_a_source(anna: User, secretariat: Organisation, cms: Cms) -> None:
    client = signed_in(anna)
    page = client.get(ADD)
    assert "Which database?" in words(page) and "Step 1 of 4" in words(page)
    page = go(client, page, database_url=cms.url)
    assert page.status_code == 200 and "The connection works" in words(page)
    assert '<option value="nyhed" selected>' in source_of(page), "the only table"
    page = go(client, page)
    assert "Which column is what?" in words(page) and "Step 3 of 4" in words(page)
    sent = fields_of(page)
    assert (sent["title_column"], sent["areas_column"], sent["published_values"]) == (
        "overskrift",
        "kommune",
        "udgivet",
    )
    shown = words(page)
    assert "Ny kulturaftale er underskrevet" in shown and "Wed 13 Jan 2021 15:16" in shown
    assert "Albertslund, Furesø" in shown
    assert "Not published in the database (kladde): it is not collected." in shown
    page = go(client, page)
    assert "What is it called?" in words(page) and "1 news item." in words(page)
    assert not Source.objects.exists(), "nothing is stored before the end"
    page = client.post(ADD, fields_of(page) | {"name": "Vores CMS"}, follow=True)
    assert "“Vores CMS” is added and is being read." in words(page)
    source = Source.objects.get(organisation=secretariat)
    assert source.config["table"] == "nyhed" and source.config["title_column"] == "overskrift"
    assert source.credentials == {"database_url": cms.url} and "database_url" not in source.config
    assert due_sources(timezone.now()) == [source.pk]
    with website():
        assert collect_source(source.pk).error is None
    assert Item.objects.get().state == ItemState.SEEN, "what is there now becomes back catalogue"


def test_the_address_is_in_no_page(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    page = client.get(ADD)
    for _step in range(3):
        page = go(client, page, database_url=cms.url) if _step == 0 else go(client, page)
        assert "cms.sqlite3" not in source_of(page)
        assert fields_of(page)["sealed_secret"]
    page = client.post(ADD, fields_of(page) | {"name": "CMS"}, follow=True)
    assert "cms.sqlite3" not in source_of(page)
    assert "cms.sqlite3" not in source_of(client.get("/settings/sources"))


def test_an_address_that_does_not_work_is_said_and_need_not_be_typed_again(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    page = go(client, client.get(ADD), database_url=cms.url + "x")
    assert page.status_code == 422 and "There is no file called “cms.sqlite3x”" in words(page)
    assert "Nothing was lost" in words(page) and "Leave it empty to keep what you wrote" in words(page)
    Path(cms.url.removeprefix("sqlite:///")).rename(cms.url.removeprefix("sqlite:///") + "x")
    assert "The connection works" in words(go(client, page))


def test_a_password_has_a_field_of_its_own_and_goes_to_no_other_server(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    page = client.get(ADD)
    assert re.search(
        r'<input type="password" name="database_password"[^>]*autocomplete="new-password"', source_of(page)
    )
    page = go(client, page, database_url=cms.url, database_password="meget-hemmeligt")
    assert "meget-hemmeligt" not in source_of(page)
    for _step in range(2):
        page = go(client, page)
    client.post(ADD, fields_of(page) | {"name": "Vores CMS"})
    source = Source.objects.get()
    assert source.credentials == {"database_url": cms.url, "database_password": "meget-hemmeligt"}
    assert "meget-hemmeligt" not in str(source.config)
    given = {"database_url": cms.url, "database_password": ""}
    assert with_stored_secrets(source, given)["database_password"] == "meget-hemmeligt"
    assert with_stored_secrets(source, given | {"database_url": "postgresql://x@andre.example.org/x"}) == {
        "database_url": "postgresql://x@andre.example.org/x", "database_password": "",
    }  # fmt: skip
    at = f"/settings/sources/{source.pk}/address"
    page = client.get(at)
    assert "unless you write another address" in words(page) and "meget-hemmeligt" not in source_of(page)


def test_an_endless_query_is_said_to_be_one(anna: User, cms: Cms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_looks, "WAITED_FOR", Patience(connect_s=4, statement_s=1, total_s=9.0))
    monkeypatch.setattr(source_steps, "_LOOK_S", 0.5)
    client = signed_in(anna)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, i AS overskrift FROM n"
    page = go(client, go(client, client.get(ADD), database_url=cms.url), table="", query=endless)
    assert "needed more than 1 seconds to show the first rows" in words(page)
    page = go(client, page)
    assert page.status_code == 422 and "took too long" in words(page)


def test_without_an_address_or_a_table(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    page = go(client, client.get(ADD))
    assert page.status_code == 422 and "This field is required" in words(page)
    page = go(client, client.get(ADD), database_url=cms.url)
    page = go(client, page, table="", query="DROP TABLE nyhed")
    assert page.status_code == 422 and "The query must begin with SELECT." in words(page)
    assert "DROP TABLE nyhed" in source_of(page), "what was typed stands there"
    page = go(client, page, query="")
    assert page.status_code == 422 and "Choose a table, or write a query." in words(page)


def test_looking_again_shows_what_comes_of_the_fields(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    page = go(client, go(client, client.get(ADD), database_url=cms.url))
    page = go(client, page, go="look", title_column="manchet", status_column="", published_values="")
    assert page.status_code == 200
    shown = words(page).partition("This is what comes of it")[2]
    assert "Det er med glæde og stolthed." in shown and "Left out" not in shown
    page = go(client, page, go="look", status_column="status")
    assert "Write which values of the status mean published" in words(page)
    page = go(client, page)
    assert page.status_code == 422 and fields_of(page)["title_column"] == "manchet"


@pytest.mark.parametrize("name", ["status", "Tilstand", "er_udgivet", "published", "kladde", "isDraft"])
def test_a_column_that_may_tell_drafts_must_be_answered_for(anna: User, cms: Cms, name: str) -> None:
    cms.execute(f"CREATE TABLE sider (nr INTEGER PRIMARY KEY, titel TEXT, {name} TEXT)")
    cms.execute("INSERT INTO sider VALUES (1, 'Ude', '1'), (2, 'Kladde', '0')")
    client = signed_in(anna)
    page = go(client, go(client, client.get(ADD), database_url=cms.url), table="sider")
    page = go(client, page, status_column="", published_values="", published_column="")
    assert page.status_code == 422 and f"The column “{name}” looks as if it told drafts" in words(page)
    as_date = go(client, page, published_column=name)
    assert as_date.status_code == 422, "a date never says only yes or no"
    chosen = go(client, page, status_column=name, published_values="1")
    assert "1 news item." in words(chosen)
    said = go(client, page, without_status="all")
    assert "2 news items." in words(said)


def test_a_table_without_a_status_is_asked_nothing(anna: User, cms: Cms) -> None:
    cms.execute("CREATE TABLE sider (nr INTEGER PRIMARY KEY, titel TEXT, udgivet TEXT)")
    cms.execute("INSERT INTO sider VALUES (1, 'Ude', '2026-11-01 08:00')")
    client = signed_in(anna)
    page = go(client, go(client, client.get(ADD), database_url=cms.url), table="sider")
    assert fields_of(page)["published_column"] == "udgivet"
    assert "1 news item." in words(go(client, page))


def test_back_one_step_and_forth_again_loses_nothing(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    page = go(client, go(client, client.get(ADD), database_url=cms.url))
    page = go(client, page, go="back", author_column="manchet", separator="bar")
    assert "Which table?" in words(page)
    page = go(client, page)
    assert (fields_of(page)["author_column"], fields_of(page)["separator"]) == ("manchet", "bar")


def test_another_table_is_guessed_anew(anna: User, cms: Cms) -> None:
    cms.execute("CREATE TABLE kalender (nr INTEGER PRIMARY KEY, titel TEXT, starttid TEXT)")
    client = signed_in(anna)
    page = go(client, go(client, client.get(ADD), database_url=cms.url), table="nyhed")
    page = go(client, go(client, page, go="back"), table="kalender")
    sent = fields_of(page)
    assert (sent["id_column"], sent["title_column"], sent["event_starts_column"]) == ("nr", "titel", "starttid")
    assert sent["lead_column"] == ""


def test_somebody_elses_sealed_address_opens_nothing(anna: User, bo: User, cms: Cms) -> None:
    client = signed_in(anna)
    page = go(client, client.get(ADD), database_url=cms.url)
    stolen = signed_in(bo).post(ADD, fields_of(page))
    assert stolen.status_code == 422 and "That is not the address of a database" in words(stolen)


def added(client: Client, cms: Cms) -> Source:
    page = go(client, client.get(ADD), database_url=cms.url)
    for _step in range(2):
        page = go(client, page)
    client.post(ADD, fields_of(page) | {"name": "Vores CMS"})
    return Source.objects.get()


def test_the_mapping_may_be_changed_later_and_the_address_stays(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    source = added(client, cms)
    with website():
        collect_source(source.pk)
    at = f"/settings/sources/{source.pk}/address"
    assert "Change how it is read" in words(client.get(f"/settings/sources/{source.pk}"))
    page = client.get(at)
    assert "cms.sqlite3" not in source_of(page) and "Step 1 of 3" in words(page)
    page = go(client, go(client, page, at), at)
    assert fields_of(page)["author_column"] == "forfatter"
    page = client.post(at, fields_of(page) | {"author_column": ""}, follow=True)
    assert "Saved. “Vores CMS” is being read again." in words(page)
    source.refresh_from_db()
    assert source.credentials == {"database_url": cms.url}
    assert source.config["author_column"] == "" and source.first_poll_done, "the same rows are no back catalogue again"
    assert AuditEntry.objects.filter(action="source_moved", user=anna).exists()
    cms.execute("UPDATE nyhed SET status = 'udgivet' WHERE id = 2")
    with website():
        collect_source(source.pk)
    assert Item.objects.get(title="Kladde: ikke udgivet").state == ItemState.NEW


def test_other_rows_become_back_catalogue(anna: User, cms: Cms) -> None:
    client = signed_in(anna)
    source = added(client, cms)
    with website():
        collect_source(source.pk)
    at = f"/settings/sources/{source.pk}/address"
    page = go(client, go(client, client.get(at), at), at)
    client.post(at, fields_of(page) | {"published_values": "udgivet, kladde"})
    with website():
        collect_source(source.pk)
    assert Item.objects.get(title="Kladde: ikke udgivet").state == ItemState.SEEN


def test_the_same_table_twice_is_one_source_and_another_database_another(anna: User, cms: Cms, tmp_path: Path) -> None:
    client = signed_in(anna)
    added(client, cms)
    (tmp_path / "nabo").mkdir()
    for database, number in ((cms, 1), (sqlite_cms(tmp_path / "nabo"), 2)):
        page = go(client, client.get(ADD), database_url=database.url)
        for _step in range(2):
            page = go(client, page)
        client.post(ADD, fields_of(page) | {"name": "Igen"})
        assert Source.objects.count() == number


def test_who_may_not_edit_may_not_look_into_databases(secretariat: Organisation, cms: Cms) -> None:
    reader = signed_in(reader_in(secretariat))
    assert reader.get(ADD).status_code == reader.post(ADD, {"step": "0", "database_url": cms.url}).status_code == 403
