"""Only reading is possible, in time, where it is allowed; what goes wrong is said in words, without the password."""

from __future__ import annotations

import logging
import socket
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from django.core.exceptions import ImproperlyConfigured

from publisher import settings as publisher_settings
from publisher.address_guard import time_limit
from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.sources import database_connection, database_looks
from publisher.sources.database import DatabaseConfig, DatabaseSource
from publisher.sources.database_address import parse
from publisher.sources.database_connection import Patience, reading
from tests.databases import PASSWORD, WRITTEN_PASSWORD, Cms
from tests.sources.test_database import config_of

pytestmark = pytest.mark.usefixtures("in_english")

SOURCE = DatabaseSource()


def trouble(config: DatabaseConfig) -> OpslagError:
    with pytest.raises((TransientError, PermanentError)) as caught:
        SOURCE.poll(config, {})
    told = f"{caught.value!s}{caught.value!r}{caught.value.explanation}{caught.value.__cause__!r}{config!r}"
    assert PASSWORD not in told and WRITTEN_PASSWORD not in told and "forkert" not in told
    return caught.value


def test_nothing_can_be_written(cms: Cms) -> None:
    for statement in ("INSERT INTO nyhed (id) VALUES (99)", "UPDATE nyhed SET overskrift = ''", "DROP TABLE nyhed"):
        with pytest.raises(PermanentError, match="only reads"), reading(cms.url) as connection:
            connection.exec_driver_sql(statement)
    assert len(SOURCE.samples(config_of(cms))) == 2


def test_a_wrong_password_is_said_and_never_shown(cms: Cms, caplog: pytest.LogCaptureFixture) -> None:
    if cms.kind == "sqlite":
        pytest.skip("a file has no password")
    caplog.set_level(logging.DEBUG)
    wrong = cms.url.replace(WRITTEN_PASSWORD, "forkert%2Fkode")
    assert "refuses the user name or the password" in str(trouble(config_of(Cms(cms.kind, wrong, cms.execute))))
    assert "forkert" not in caplog.text


def test_what_is_missing_is_said(cms: Cms) -> None:
    assert "no such table" in str(trouble(config_of(cms, table="nyheder"))).lower()
    assert "There is no column called “rubrik”" in str(trouble(config_of(cms, title_column="rubrik")))
    query = config_of(cms, table="", query="SELECT * FRUM nyhed")
    assert "does not understand this query" in str(trouble(query))
    assert isinstance(trouble(config_of(cms, id_column="")), PermanentError)
    assert "Write which values" in str(trouble(config_of(cms, published_values=" , ")))
    assert "no time zone" in str(trouble(config_of(cms, time_zone="Europa/København")))
    assert "Choose a table" in str(trouble(config_of(cms, table="")))


def test_a_database_that_is_not_there(cms: Cms) -> None:
    if cms.kind == "sqlite":
        url = cms.url + ".bak"
        assert "There is no file called “cms.sqlite3.bak”" in str(trouble(config_of(Cms("", url, cms.execute))))
        return
    url = cms.url.removesuffix("/cms") + "/andet"
    assert "There is no database “andet”" in str(trouble(config_of(Cms("", url, cms.execute))))


def test_the_password_may_stand_beside_the_address(cms: Cms) -> None:
    if cms.kind == "sqlite":
        pytest.skip("a file has none")
    bare = cms.url.replace(f":{WRITTEN_PASSWORD}", "")
    config = replace(config_of(cms), database_url=bare, database_password=PASSWORD)
    assert SOURCE.poll(config, {}).candidates and SOURCE.samples(config)
    refused = trouble(replace(config, database_password="forkert"))
    assert "refuses the user name or the password" in str(refused)
    assert SOURCE.poll(replace(config, database_url=bare.replace("reader", "reader:gammelt")), {}).candidates


def test_a_server_that_is_not_there(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({f"127.0.0.1:{port}"})
    for kind in ("postgresql", "mariadb"):
        error = trouble(DatabaseConfig(f"{kind}://a:forkert@127.0.0.1:{port}/cms", "nyhed", "", "id", "overskrift"))
        assert isinstance(error, TransientError) and "could not be reached" in str(error)
        nowhere = DatabaseConfig(f"{kind}://a:forkert@ingen-steder.invalid/cms", "nyhed", "", "id", "overskrift")
        assert "There is no server called ingen-steder.invalid" in str(trouble(nowhere))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 300, b"\x4a\x00\x00\x00\x0a"])
def test_what_answers_may_be_no_database(kind: str, says: bytes, settings: Any) -> None:
    """It talks nonsense, or nothing at all: an error in words, in time."""
    with socket.create_server(("127.0.0.1", 0)) as listening, time_limit(2):

        def answer() -> None:
            other, _address = listening.accept()
            with other:
                other.sendall(says)
                other.recv(10_000)
                other.recv(10_000)

        threading.Thread(target=answer, daemon=True).start()
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({host})
        trouble(DatabaseConfig(f"{kind}://a:forkert@{host}/cms", "nyhed", "", "id", "overskrift"))


def test_a_query_that_takes_too_long_is_cut_off(cms: Cms) -> None:
    short = Patience(connect_s=8, statement_s=1 if cms.kind == "sqlite" else 20, total_s=1.0)
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        "postgresql": "SELECT pg_sleep(60)",
        "mariadb": "SELECT SLEEP(60)",
    }
    with pytest.raises(TransientError, match="needed more than"), reading(cms.url, "", short) as connection:
        connection.exec_driver_sql(slow[cms.kind])


def test_a_page_does_not_wait_for_a_query_without_an_end(small: Cms, monkeypatch: Any) -> None:
    monkeypatch.setattr(database_looks, "WAITED_FOR", Patience(connect_s=4, statement_s=1, total_s=9.0))
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, i AS overskrift FROM n"
    config = DatabaseConfig(small.url, query=endless, id_column="id", title_column="overskrift")
    with pytest.raises(TransientError, match="needed more than 1 seconds to show the first rows"):
        SOURCE.samples(config)


def test_the_server_itself_ends_a_statement(cms: Cms) -> None:
    if cms.kind == "sqlite":
        pytest.skip("there is no server")
    short = Patience(connect_s=8, statement_s=1, total_s=30.0)
    slow = {
        "postgresql": "SELECT count(*) FROM generate_series(1, 1000000000)",
        "mariadb": "WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    }
    with pytest.raises(TransientError, match="needed more than"), reading(cms.url, "", short) as connection:
        if cms.kind == "mariadb":
            connection.exec_driver_sql("SET SESSION max_recursive_iterations = 4000000000")
        connection.exec_driver_sql(slow[cms.kind])


def test_a_locked_file_is_tried_again(small: Cms, monkeypatch: Any) -> None:
    monkeypatch.setattr(database_connection, "LOCK_S", 0)
    writer = sqlite3.connect(small.url.removeprefix("sqlite:///"))
    writer.execute("BEGIN EXCLUSIVE")
    error = trouble(config_of(small))
    writer.close()
    assert isinstance(error, TransientError) and "is locked by another program" in str(error)


def test_a_file_that_is_no_database(small: Cms) -> None:
    path = Path(small.url.removeprefix("sqlite:///"))
    path.write_bytes(b"not a database at all " * 100)
    assert "is not an SQLite database" in str(trouble(config_of(small)))


def test_only_files_in_folders_that_were_named(small: Cms, tmp_path: Path, settings: Any) -> None:
    settings.OPSLAG_DATABASE_FILES = (tmp_path / "andet",)
    (tmp_path / "andet").mkdir()
    (tmp_path / "andet" / "genvej.sqlite3").symlink_to(tmp_path / "cms.sqlite3")
    for path in (
        tmp_path / "cms.sqlite3",
        tmp_path / "andet" / ".." / "cms.sqlite3",
        tmp_path / "andet" / "genvej.sqlite3",
        Path("/etc/passwd"),
    ):
        for written in (f"sqlite:///{path}", str(path)):
            assert "is in no folder that Opslag may read" in str(
                trouble(DatabaseConfig(written, table="nyhed", id_column="id", title_column="t"))
            )
    settings.OPSLAG_DATABASE_FILES = ()
    with pytest.raises(PermanentError):
        parse(small.url)


@pytest.mark.parametrize(
    "address",
    [
        "", "nyhed", "http://www.example.org/", "postgresql://", "postgresql:///cms", "postgresql://host.example.org/",
        "oracle://a:b@host.example.org/cms", "postgresql://a:b@%2Fvar%2Frun/cms", "postgresql://a:b@host:x/cms",
        "postgresql://a:forkert@host.example.org/cms?hostaddr=127.0.0.1", "sqlite://", "sqlite:///:memory:",
        "mysql://a:forkert@host.example.org/cms?unix_socket=/run/mysqld.sock", "sqlite:///relative.sqlite3",
        "postgresql://a:forkert@db.example.org/cms?sslmode=allow", "postgresql://a:b@one.example.org,two.example.org/x",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_quoting_it(address: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(address)
    assert "forkert" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.5", "[::1]", "2130706433", "169.254.169.254"])
def test_the_address_guard_holds_for_databases_too(host: str) -> None:
    for kind in ("postgresql", "mariadb"):
        config = DatabaseConfig(f"{kind}://a:forkert@{host}/cms", "nyhed", "", "id", "overskrift")
        assert "is not on the public internet" in str(trouble(config))


def test_another_port_needs_to_be_allowed() -> None:
    config = DatabaseConfig("postgresql://a:forkert@db.example.org:22/cms", "nyhed", "", "id", "overskrift")
    assert "names a port that is not allowed" in str(trouble(config))


def test_drivers_words_are_masked() -> None:
    address = parse("postgresql://a:hemmeligt%20kodeord%2F1@db.example.org/cms")
    for form in (PASSWORD, WRITTEN_PASSWORD, "hemmeligt+kodeord%2F1"):
        assert address.masked(f"cannot connect with {form} now") == "cannot connect with ••• now"
    assert PASSWORD not in repr(address)


def test_the_drivers_are_not_loaded_with_every_process() -> None:
    code = "import django, sys; django.setup(); import publisher.urls; print([m for m in ('sqlalchemy', 'pymysql') if m in sys.modules])"  # noqa: E501
    environment = {"DJANGO_SETTINGS_MODULE": "publisher.settings"}
    import os

    said = subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr


def test_sqlalchemy_knows_no_address(small: Cms) -> None:
    with reading(small.url) as connection:
        assert str(connection.engine.url) == "sqlite://"
        assert isinstance(connection, sa.Connection)


@pytest.mark.parametrize("folder", ["cms", "/", "{home}", "{home}/keys", "{home}/.."])
def test_a_setting_that_would_open_too_much_stops_the_start(folder: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPSLAG_DATABASE_FILES", folder.format(home=publisher_settings.OPSLAG_HOME))
    with pytest.raises(ImproperlyConfigured, match="OPSLAG_DATABASE_FILES"):
        publisher_settings._folder_list("OPSLAG_DATABASE_FILES")
    monkeypatch.setenv("OPSLAG_DATABASE_FILES", "/srv/cms, /srv/museum")
    assert publisher_settings._folder_list("OPSLAG_DATABASE_FILES") == (Path("/srv/cms"), Path("/srv/museum"))
