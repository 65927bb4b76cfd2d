"""No sequence of edits hides a row, and none lets a draft out: what the table says is what is known after a round."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from publisher.sources import database_query
from publisher.sources.database import DatabaseConfig, DatabaseSource

SOURCE = DatabaseSource()
IDS = st.integers(1, 30)
STATUSES = st.sampled_from(["udgivet", "kladde", "arkiv"])
# How far back a row's stamp lies: transactions that end late, clocks that differ.
LATE = st.integers(0, 100)


class Editing(RuleBasedStateMachine):
    """A newsroom writes into a table while we read it, in pages of four rows."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "cms.sqlite3"
        self.config = DatabaseConfig(
            f"sqlite:///{self.path}", table="n", id_column="id", title_column="title", updated_column="updated",
            status_column="status", published_values="udgivet",
        )  # fmt: skip
        self.state: dict[str, Any] = {}
        self.known: dict[str, str] = {}
        self.seen: dict[str, datetime] = {}
        self.number = 0
        self.write("CREATE TABLE n (id INTEGER PRIMARY KEY, title TEXT, updated TEXT, status TEXT)")

    def write(self, statement: str, *values: object) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    @rule(key=IDS, status=STATUSES, late=LATE)
    def put(self, key: int, status: str, late: int) -> None:
        self.number += 1
        at = (datetime.now(UTC) - timedelta(minutes=late)).strftime("%Y-%m-%d %H:%M:%S")
        self.write("INSERT OR REPLACE INTO n VALUES (?, ?, ?, ?)", key, f"Nyhed {self.number}", at, status)

    @rule(status=STATUSES)
    def all_at_once(self, status: str) -> None:
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self.write("UPDATE n SET status = ?, updated = ?", status, at)

    @rule(key=IDS, status=STATUSES)
    def silently(self, key: int, status: str) -> None:
        self.write("UPDATE n SET status = ? WHERE id = ?", status, key)

    @rule(key=IDS)
    def delete(self, key: int) -> None:
        self.write("DELETE FROM n WHERE id = ?", key)

    @rule()
    def look(self) -> None:
        poll = SOURCE.poll(self.config, self.state)
        drafts = {str(key) for (key,) in self.write("SELECT id FROM n WHERE status <> 'udgivet'")}
        assert not drafts & {each.external_key for each in poll.candidates}, "a draft went out"
        self.known |= {each.external_key: each.title for each in poll.candidates}
        self.seen |= dict.fromkeys((each.external_key for each in poll.candidates), datetime.now(UTC))
        gone = set(poll.withdrawn)
        if poll.complete:
            given = {each.external_key for each in poll.candidates}
            gone |= {key for key in self.known if (self.seen[key] < poll.began if poll.began else key not in given)}
        for key in gone:
            self.known.pop(key, None)
        self.state = dict(poll.state)

    def teardown(self) -> None:
        """After two rounds nothing that is published is unknown, and nothing known that is gone."""
        for _page in range(20):
            self.look()
        published = {str(key): title for key, title in self.write("SELECT id, title FROM n WHERE status = 'udgivet'")}
        # One that was emptied is not believed.
        is_empty = not self.write("SELECT * FROM n LIMIT 1")
        self.folder.cleanup()
        assert published == self.known or is_empty


def test_nothing_is_missed_and_no_draft_goes_out(monkeypatch: Any) -> None:
    monkeypatch.setattr(database_query, "PAGE", 4)
    with override_settings(OPSLAG_DATABASE_FILES=(Path(tempfile.gettempdir()).resolve(),)):
        Editing.TestCase.settings = settings(
            max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        )
        Editing.TestCase().runTest()
