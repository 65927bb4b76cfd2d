"""Rows of a website's table become news: in SQLite, in a real PostgreSQL and in a real MariaDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from publisher.sources.contract import Poll
from publisher.sources.database import DatabaseConfig, DatabaseSource
from publisher.sources.database_columns import guesses
from publisher.sources.database_latest import may_be_the_latest
from publisher.sources.database_rows import words_of
from publisher.sources.feed_markup import paragraphs
from tests.databases import ALT, AREAS, COLUMNS, LINK, PICTURE, Cms

pytestmark = pytest.mark.usefixtures("in_english")

SOURCE = DatabaseSource()


def config_of(cms: Cms, **more: str) -> DatabaseConfig:
    """The table, mapped as the guesses say."""
    mapping = guesses(["id", *COLUMNS])
    return DatabaseConfig(cms.url, **{"table": "nyhed", "published_values": "udgivet"} | mapping | more)


def keys(poll: Poll) -> list[str]:
    return [candidate.external_key for candidate in poll.candidates]


def many(cms: Cms, first: int, last: int, updated: str = "2021-03-01 12:00:00") -> None:
    """Published rows with the ids from `first` to `last`."""
    rows = [
        (number, f"Nyhed {number}", "", "", "", "", "", "", "", f"{LINK}-{number}", updated, updated, "udgivet")
        for number in range(first, last + 1)
    ]
    for start in range(0, len(rows), 500):
        some = rows[start : start + 500]
        places = ", ".join(["(" + ", ".join(["?"] * 13) + ")"] * len(some))
        cms.execute(f"INSERT INTO nyhed VALUES {places}", *(value for row in some for value in row))


def test_a_row_becomes_a_news_item(cms: Cms) -> None:
    poll = SOURCE.poll(config_of(cms), {})
    (candidate,) = poll.candidates
    assert candidate.external_key == "1"
    assert candidate.title == "Ny kulturaftale er underskrevet"
    assert candidate.lead == "Det er med glæde og stolthed."
    assert candidate.body_html.startswith("<p>Det er med glæde og stolthed.</p><p>Ni")
    assert candidate.published_at == datetime(2021, 1, 13, 14, 16, tzinfo=UTC), "15.16 in Copenhagen"
    assert candidate.areas == tuple(AREAS.split(";")) and len(candidate.areas) == 9
    assert candidate.tags == ("Kulturaftale", "Musik")
    assert [(picture.url, picture.alt) for picture in candidate.pictures] == [(PICTURE, ALT)]
    assert (candidate.link, candidate.author) == (LINK, "Rose-Line Mulbj...")
    assert poll.complete and not poll.more and not poll.partial


def test_a_draft_never_appears_and_does_once_it_is_published(cms: Cms) -> None:
    first = SOURCE.poll(config_of(cms), {})
    assert keys(first) == ["1"] and first.withdrawn == ("2",)
    again = SOURCE.poll(config_of(cms), first.state)
    assert again.unchanged and not again.candidates and not again.withdrawn
    # Many a CMS does not touch its “aendret” for that.
    cms.execute("UPDATE nyhed SET status = 'Udgivet ' WHERE id = 2")
    assert keys(SOURCE.poll(config_of(cms), again.state)) == ["1", "2"]


def test_a_row_that_is_taken_back_is_withdrawn(cms: Cms) -> None:
    first = SOURCE.poll(config_of(cms), {})
    cms.execute("UPDATE nyhed SET status = 'arkiveret' WHERE id = 1")
    poll = SOURCE.poll(config_of(cms), first.state)
    assert poll.candidates == () and set(poll.withdrawn) == {"1", "2"}


def test_an_edit_is_seen(cms: Cms) -> None:
    first = SOURCE.poll(config_of(cms), {})
    cms.execute("UPDATE nyhed SET overskrift = 'Ny aftale', aendret = '2021-01-14 09:00:00' WHERE id = 1")
    assert [each.title for each in SOURCE.poll(config_of(cms), first.state).candidates] == ["Ny aftale"]


def test_what_is_to_be_published_later_waits_for_its_time(cms: Cms) -> None:
    at = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S")
    cms.execute("UPDATE nyhed SET udgivet = ? WHERE id = 1", at)
    poll = SOURCE.poll(config_of(cms), {})
    assert poll.candidates == () and poll.withdrawn == ("2",)
    later = next(sample for sample in SOURCE.samples(config_of(cms)) if sample.candidate.external_key == "1")
    assert "Its time has not come yet" in str(later.kept_out)


def test_the_newest_rows_are_shown_with_what_is_left_out(cms: Cms) -> None:
    samples = SOURCE.samples(config_of(cms))
    assert [sample.candidate.external_key for sample in samples] == ["2", "1"]
    assert "kladde" in str(samples[0].kept_out)
    assert samples[1].kept_out is None


def test_tables_and_columns_are_offered_with_guesses(cms: Cms) -> None:
    cms.execute("DROP VIEW IF EXISTS udgivne")
    cms.execute("CREATE VIEW udgivne AS SELECT * FROM nyhed WHERE status = 'udgivet'")
    which, mapping = SOURCE.steps[1], SOURCE.steps[2]
    tables = [value for value, _words in SOURCE.offers(which, DatabaseConfig(cms.url))["table"].choices]
    assert tables == ["", "nyhed", "udgivne"]
    cms.execute("DROP VIEW udgivne")
    if cms.kind == "postgresql":
        cms.execute("CREATE MATERIALIZED VIEW gemte AS SELECT * FROM nyhed")
        offered = SOURCE.offers(which, DatabaseConfig(cms.url))["table"].choices
        cms.execute("DROP MATERIALIZED VIEW gemte")
        assert "gemte" in dict(offered)
    offers = SOURCE.offers(mapping, DatabaseConfig(cms.url, table="nyhed"))
    assert {name: offer.guess for name, offer in offers.items() if offer.guess} == {
        "id_column": "id",
        "title_column": "overskrift",
        "lead_column": "manchet",
        "body_column": "broedtekst",
        "picture_column": "billede_url",
        "picture_alt_column": "billede_alt",
        "author_column": "forfatter",
        "areas_column": "kommune",
        "tags_column": "emner",
        "link_column": "url",
        "published_column": "udgivet",
        "updated_column": "aendret",
        "status_column": "status",
        "published_values": "udgivet",
    }
    assert "kladde, udgivet" in str(offers["published_values"].help)


def test_a_query_is_as_good_as_a_table(cms: Cms) -> None:
    query = "SELECT id, overskrift, 'kl. 12:30 50%' AS broedtekst FROM nyhed WHERE status = 'udgivet' -- "
    config = DatabaseConfig(
        cms.url, query=query.removesuffix(" -- "), id_column="id", title_column="overskrift", body_column="broedtekst"
    )
    poll = SOURCE.poll(config, {})
    assert [(each.external_key, each.body_html) for each in poll.candidates] == [("1", "kl. 12:30 50%")]
    assert poll.complete, "what its result lacks is not there any more"


@pytest.mark.parametrize(
    "ending",
    [
        "ORDER BY udgivet DESC LIMIT 50",
        "WHERE udgivet > CURRENT_DATE",
        "WHERE aendret > ('now')",
        "FETCH FIRST 9 ROWS ONLY",
    ],
)
def test_a_query_may_give_the_latest_rows_only(ending: str) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        assert may_be_the_latest(connection, "", f"SELECT id, overskrift FROM nyhed {ending}")
        harmless = "SELECT id, overskrift, date(udgivet) FROM nyhed WHERE status = 'udgivet'"
        assert not may_be_the_latest(connection, "", harmless)


VIEWS = {
    "the latest": ("SELECT * FROM nyhed ORDER BY id DESC LIMIT 9", "", True),
    "all of them": ("SELECT * FROM nyhed WHERE status = 'udgivet'", "", False),
    "of the latest": ("SELECT * FROM seneste WHERE status = 'udgivet'", "", True),
    "a query of the latest": ("SELECT * FROM nyhed", "SELECT id FROM seneste", True),
    "a query of all": ("SELECT * FROM nyhed", "SELECT id FROM alle", False),
}


@pytest.mark.parametrize(("view", "query", "is_part"), VIEWS.values(), ids=VIEWS)
def test_what_leaves_a_view_of_the_latest_rows_is_only_old(cms: Cms, view: str, query: str, is_part: bool) -> None:
    for name, select in (("seneste", "SELECT * FROM nyhed ORDER BY id DESC LIMIT 9"), ("alle", view)):
        cms.execute(f"CREATE VIEW {name} AS {select}")
    try:
        poll = SOURCE.poll(replace(config_of(cms), table="" if query else "alle", query=query, **only(query)), {})
        assert poll.complete is not is_part
    finally:
        cms.execute("DROP VIEW alle")
        cms.execute("DROP VIEW seneste")


def only(query: str) -> dict[str, str]:
    """A query that gives the id alone has no other columns to map."""
    none = {name: "" for name in vars(DatabaseConfig("")) if name.endswith("_column")}
    return none | {"id_column": "id", "title_column": "id"} if query else {}


def test_what_a_query_of_the_latest_rows_lacks_may_be_there_still(cms: Cms) -> None:
    many(cms, 10, 700)
    for limit in (5, 600):
        query = f"SELECT id, overskrift FROM nyhed ORDER BY id DESC LIMIT {limit}"
        config = DatabaseConfig(cms.url, query=query, id_column="id", title_column="overskrift")
        state: dict[str, Any] = {}
        for _page in range(2):
            poll = SOURCE.poll(config, state)
            state = dict(poll.state)
            assert (poll.complete, poll.began) == (False, None)


def test_a_large_table_is_complete_when_it_was_read_to_its_end(cms: Cms, time_machine: Any) -> None:
    many(cms, 10, 1209)
    config, state, looks = config_of(cms), {}, []
    time_machine.move_to(datetime.now(UTC))
    for _page in range(6):
        time_machine.shift(60)
        began = datetime.now(UTC)
        poll = SOURCE.poll(config, state)
        state = dict(poll.state)
        looks.append((began, poll.began, poll.complete))
    assert [complete for _now, _began, complete in looks] == [False, False, True] * 2
    for now, began, _complete in (looks[0], looks[3]):
        assert began and timedelta() <= began - now < timedelta(seconds=30)
    assert {began for _now, began, _complete in looks} == {looks[0][1], looks[3][1]}


def test_a_large_table_is_read_in_pages_and_then_only_what_changed(cms: Cms) -> None:
    many(cms, 10, 1209)
    config, state, seen = config_of(cms), {}, []
    for page in range(3):
        poll = SOURCE.poll(config, state)
        state = dict(poll.state)
        seen += keys(poll)
        assert poll.more is (page < 2) and poll.partial
    assert seen == ["1", *(str(number) for number in range(10, 1210))]
    cms.execute("UPDATE nyhed SET overskrift = 'Rettet', aendret = '2021-03-01 12:05:00' WHERE id = 1100")
    many(cms, 2000, 2000, "2021-03-01 12:04:00")
    poll = SOURCE.poll(config, state)
    titles = {each.external_key: each.title for each in poll.candidates}
    assert titles["1100"] == "Rettet" and "2000" in titles
    assert not poll.more


def test_rows_with_one_time_are_all_read_however_many_they_are(cms: Cms) -> None:
    config = config_of(cms)
    many(cms, 10, 610, "2021-01-01 00:00:00")
    state: dict[str, Any] = {}
    for _page in range(2):
        state = dict(SOURCE.poll(config, state).state)
    cms.execute("UPDATE nyhed SET overskrift = 'Alle', aendret = '2021-05-05 05:05:05', status = 'udgivet'")
    seen: set[str] = set()
    for _page in range(2):
        poll = SOURCE.poll(config, state)
        state = dict(poll.state)
        seen |= {each.external_key for each in poll.candidates if each.title == "Alle"}
    assert seen == {"1", "2", *(str(number) for number in range(10, 611))}


def wall(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def test_what_was_stamped_earlier_but_came_later_is_not_missed(cms: Cms) -> None:
    """A long transaction commits after we looked, and its rows carry times from before that."""
    now = datetime.now(UTC)
    many(cms, 10, 700, wall(now - timedelta(minutes=10)))
    config, state = config_of(cms, time_zone="UTC"), {}
    for _page in range(2):
        state = dict(SOURCE.poll(config, state).state)
    many(cms, 5000, 5000, wall(now - timedelta(minutes=70)))
    assert "5000" in keys(SOURCE.poll(config, state)), "at once, not when the round comes by"


def test_a_clock_that_is_ahead_hides_nothing(cms: Cms) -> None:
    many(cms, 10, 700)
    cms.execute("UPDATE nyhed SET aendret = '2099-01-01 00:00:00' WHERE id = 300")
    config, state = config_of(cms, time_zone="UTC"), {}
    for _page in range(2):
        state = dict(SOURCE.poll(config, state).state)
    many(cms, 5000, 5000, wall(datetime.now(UTC)))
    assert "5000" in keys(SOURCE.poll(config, state))


def test_a_large_table_that_is_quiet_is_not_read_again_and_again(cms: Cms) -> None:
    many(cms, 10, 1100)
    config, state = config_of(cms), {}
    for _page in range(3):
        state = dict(SOURCE.poll(config, state).state)
    poll = SOURCE.poll(config, state)
    assert len(poll.candidates) < 500 and not poll.more, "one page of the round, and no changes"


def test_without_a_time_of_change_new_rows_are_found_by_their_id(cms: Cms) -> None:
    many(cms, 10, 1100)
    config, state = config_of(cms, updated_column=""), {}
    for _page in range(3):
        state = dict(SOURCE.poll(config, state).state)
    many(cms, 5000, 5001)
    assert {"5000", "5001"} <= set(keys(SOURCE.poll(config, state)))


def test_a_silent_change_in_a_large_table_is_found_on_the_next_round(cms: Cms) -> None:
    many(cms, 10, 1100)
    config, state = config_of(cms), {}
    for _page in range(3):
        state = dict(SOURCE.poll(config, state).state)
    cms.execute("UPDATE nyhed SET status = 'kladde' WHERE id = 900")
    withdrawn: set[str] = set()
    for _page in range(3):
        poll = SOURCE.poll(config, state)
        state = dict(poll.state)
        withdrawn |= set(poll.withdrawn)
    assert "900" in withdrawn


def test_in_a_large_table_too_a_row_comes_when_its_time_has_come(cms: Cms, time_machine: Any) -> None:
    many(cms, 10, 700)
    now = datetime.now(UTC)
    cms.execute("UPDATE nyhed SET udgivet = ? WHERE id = 20", wall(now + timedelta(hours=5)))
    config, state = config_of(cms, time_zone="UTC"), {}
    for _page in range(2):
        poll = SOURCE.poll(config, state)
        state = dict(poll.state)
        assert "20" not in keys(poll)
    time_machine.move_to(now + timedelta(hours=6), tick=False)
    assert "20" in keys(SOURCE.poll(config, state))
    assert "20" not in str(SOURCE.poll(config, state).state["waiting"])


def test_plain_text_and_other_separators() -> None:
    """Only the words; where they come from is tested above."""
    assert paragraphs("Første <b>\r\nlinje\r\n\r\nAnden") == "<p>Første &lt;b&gt;<br>linje</p><p>Anden</p>"
    assert words_of("Køge, Ishøj,,Køge ", ",") == ("Køge", "Ishøj")
    assert words_of('["Køge", "Ishøj"]', ";") == ("Køge", "Ishøj")
    assert words_of(["Køge", None], ";") == ("Køge",)
    assert words_of(None, ";") == ()


def test_an_event_is_read_where_its_columns_are_mapped(cms: Cms) -> None:
    config = replace(config_of(cms), event_starts_column="udgivet", event_place_column="forfatter")
    (candidate,) = SOURCE.poll(config, {}).candidates
    assert candidate.event and candidate.event.starts_at == datetime(2021, 1, 13, 14, 16, tzinfo=UTC)
    assert candidate.event.place == "Rose-Line Mulbj..." and not candidate.event.all_day
