"""What a query of staff may say: one SELECT that cannot act, however its texts and names are quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import DataObject, data, integers, just, lists, sampled_from, text, tuples

from publisher.errors import PermanentError
from publisher.sources.database import DatabaseSource
from publisher.sources.database_address import MYSQL, POSTGRESQL, SQLITE
from publisher.sources.database_connection import reading
from publisher.sources.database_query import checked_query
from tests.databases import Cms
from tests.sources.test_database import config_of

SOURCE = DatabaseSource()
KINDS = (SQLITE, POSTGRESQL, MYSQL)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM nyhed",
        "  update nyhed set id = 1",
        "SELECT 1; DELETE FROM nyhed",
        "SELECT * FROM nyhed INTO OUTFILE '/tmp/x'",
        "SELECT * INTO kopi FROM nyhed",
        "WITH væk AS (DELETE FROM nyhed RETURNING *) SELECT * FROM væk",
        "SELECT * FROM nyhed FOR UPDATE",
        "SELECT load_file('/etc/passwd')",
        "SELECT pg_read_file('/etc/passwd'), 1",
        "SELECT sleep(100)",
        "SELECT 1 -- og mere",
        "SELECT 1 /*! INTO OUTFILE 'x' */",
        "PRAGMA query_only = OFF",
        "ATTACH 'andet.sqlite3' AS andet",
        "SELECT '" + "x" * 20_000 + "'",
        "SELECT 1) AS a, (SELECT 2",
        "SELECT (1",
        "SELECT 'åben",
        "",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_anything_but_one_select_is_refused_before_it_is_asked(query: str, kind: str) -> None:
    with pytest.raises(PermanentError):
        checked_query(query, kind)


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        (POSTGRESQL, r"SELECT '\' AS a, pg_terminate_backend(1) AS b, ''"),
        (POSTGRESQL, "SELECT $$ ' $$, pg_sleep(9), $$ ' $$"),
        (POSTGRESQL, "SELECT $a$ $$ ' $a$, pg_sleep(9), $b$ ' $b$"),
        (POSTGRESQL, 'SELECT "pg_sleep"(10)'),
        (POSTGRESQL, 'SELECT pg_catalog . "pg_sleep" (10)'),
        (POSTGRESQL, r"""SELECT U&"pg\005fsleep"(10)"""),
        (POSTGRESQL, """SELECT U&"pg!005fsleep" UESCAPE '!' (10)"""),
        (POSTGRESQL, "SELECT E'a'\n'x\\' , ' , pg_sleep(1) , ' '"),
        (POSTGRESQL, "SELECT ts_stat('SELECT pg_sleep(9)')"),
        (MYSQL, r"SELECT 'a\\', sleep(9), 'b'"),
        (MYSQL, 'SELECT "\'", sleep(9), "\'"'),
        (MYSQL, "SELECT `sleep`(9)"),
        (MYSQL, "SELECT 1 # '\n, sleep(9) # '"),
        (MYSQL, "SELECT * FROM nyhed LOCK IN SHARE MODE"),
        (SQLITE, "SELECT [load_extension]('x')"),
        (SQLITE, r"SELECT '\', load_extension('x'), ''"),
        (SQLITE, "SELECT [it's], load_extension(1), [it's]"),
    ],
)
def test_quotes_hide_nothing(kind: str, query: str) -> None:
    with pytest.raises(PermanentError):
        checked_query(query, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, overskrift FROM nyhed WHERE manchet LIKE '%delete into update%' ;",
        "with a as (select * from nyhed) select replace(overskrift, 'x', ''), \"into\" from a",
        "SELECT * FROM nyhed WHERE manchet = 'a;b -- /* (' AND sleep = 'pg_sleep(1)'",
        "SELECT 'det''s' AS x, '' AS y",
    ],
)
def test_a_select_may_say_what_it_likes(query: str, kind: str) -> None:
    assert checked_query(query, kind) == query.rstrip(" ;")


def test_a_backslash_means_what_it_means_there() -> None:
    assert checked_query(r"SELECT 'C:\' AS sti, 'b' AS b", POSTGRESQL)
    assert checked_query(r"SELECT 'it\'s; sleep(1)' AS a", MYSQL)
    assert checked_query(r"SELECT E'it\'s; sleep(1)' AS a", POSTGRESQL)
    assert checked_query("SELECT a[1], $$ ; $$ FROM nyhed", POSTGRESQL)


QUOTED = {
    POSTGRESQL: ("'{}'", '"{}"', "$${}$$", "$x${}$x$", "E'{}'"),
    MYSQL: ("'{}'", '"{}"', "`{}`"),
    SQLITE: ("'{}'", '"{}"', "`{}`", "[{}]"),
}


@given(data())
def test_a_call_between_any_texts_is_seen_and_one_within_them_is_not(draw: DataObject) -> None:
    kind = draw.draw(sampled_from(KINDS))
    said = text("ab ;(-*#$", max_size=6).filter(lambda each: "$" not in each or kind != POSTGRESQL)
    parts = draw.draw(lists(tuples(sampled_from(QUOTED[kind]), said | just("sleep(1)")), min_size=1, max_size=5))
    texts = [form.format(words) for form, words in parts]
    assert checked_query("SELECT " + ", ".join(texts), kind)
    place = draw.draw(integers(0, len(texts)))
    with pytest.raises(PermanentError, match="SLEEP"):
        checked_query("SELECT " + ", ".join([*texts[:place], "sleep(1)", *texts[place:]]), kind)


def test_a_semicolon_in_a_text_is_read(cms: Cms) -> None:
    query = "SELECT * FROM nyhed WHERE overskrift <> 'a;b'"
    assert SOURCE.samples(config_of(cms, table="", query=query))


def test_the_server_reads_quotes_as_the_check_does(cms: Cms) -> None:
    asked = {"postgresql": "SHOW standard_conforming_strings", "mariadb": "SELECT @@sql_mode"}
    if cms.kind == "sqlite":
        pytest.skip("it has one way of reading them")
    with reading(cms.url) as connection:
        assert connection.exec_driver_sql(asked[cms.kind]).scalar() == {"postgresql": "on", "mariadb": ""}[cms.kind]
