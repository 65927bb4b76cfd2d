"""Looks at a database: what there is to choose, what the newest rows will look like, the next rows to collect."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, PermanentError
from publisher.sources import database_query as ask
from publisher.sources.contract import Candidate, Offer, Poll, Sample, Step
from publisher.sources.database import COLUMN, DatabaseConfig
from publisher.sources.database_address import parse
from publisher.sources.database_columns import guesses, is_yes_or_no, may_be_status, published_words
from publisher.sources.database_connection import WAITED_FOR, reading
from publisher.sources.database_latest import may_be_the_latest
from publisher.sources.database_memory import Memory, bound, newest, since
from publisher.sources.database_rows import candidate_of, moment, status_word

SEPARATORS = {"semicolon": ";", "comma": ",", "bar": "|", "line": "\n", "slash": "/"}
MOST_WAITING = 200
SAMPLES = 6
# Fields of a row that are text, and how much of it is read (characters).
_LONGEST = {
    "title": 1_000, "lead": 10_000, "body": 500_000, "picture": 2_000, "picture_alt": 2_000, "author": 500,
    "areas": 10_000, "tags": 10_000, "link": 2_000, "status": 200, "event_place": 500,
}  # fmt: skip


def host(config: DatabaseConfig) -> str:
    """The database server; "" for a file. Raises PermanentError for what is no address."""
    return parse(config.database_url).host


def offers(step: Step, config: DatabaseConfig) -> Mapping[str, Offer]:
    """Tables once the address is known, columns and guesses once the table is. Raises as `poll`."""
    if "table" in step.fields:
        with _shown(config) as connection:
            found = ask.tables(connection)
        none = ("", _("– none, I write a query –"))
        only = found[0] if len(found) == 1 else ""
        return {"table": Offer((none, *((name, name) for name in found)), only)}
    if "id_column" in step.fields:
        with _shown(config) as connection:
            return _columns_offered(connection, _rows(connection, config), config)
    return {}


def samples(config: DatabaseConfig) -> Sequence[Sample]:
    """The newest rows, drafts among them. Raises as `poll`."""
    reader = _Reader(config)
    latest = next(name for name in ("updated", "published", "id") if name in reader.columns)
    with _shown(config) as connection:
        order = (ask.column(reader.columns[latest]).desc(),)
        rows, _more = reader.page(connection, _origin(connection, config), order=order, limit=SAMPLES)
    return [Sample(reader.candidate(row), reader.kept_out(row)) for row in rows]


def poll(config: DatabaseConfig, state: Mapping[str, Any]) -> Poll:
    """Read the next page of the whole and, in a large table, what changed since the last time.

    Raises TransientError (unreachable, locked, too slow), PermanentError (refused, no such table or column).
    """
    reader, memory = _Reader(config), Memory.of(state)
    with reading(config.database_url, config.database_password) as connection:
        return reader.poll(connection, _origin(connection, config), memory)


def first_poll(config: DatabaseConfig) -> Poll:
    """As `poll`, once it is said what becomes of drafts where there is a column that may tell them."""
    if not config.status_column and config.without_status != "all":
        with reading(config.database_url, config.database_password) as connection:
            column = _unanswered(connection, _origin(connection, config), config)
        if column:
            raise PermanentError(
                gettext_noop(
                    "The column “%(column)s” looks as if it told drafts from what is published. Choose it as status, "
                    "or say that all rows are published."
                ),
                reason="not_set_up",
                column=column,
            )
    return poll(config, {})


def _unanswered(connection: sa.Connection, rows: ask.Origin, config: DatabaseConfig) -> str:
    """A column that may be a status and is used as nothing else; "" if there is none.

    A date may be called the same: one that is used as such and only says yes or no is none.
    """
    used = set(config.columns().values())
    for name in filter(may_be_status, rows.columns):
        is_date = name == config.published_column
        if name not in used or (is_date and is_yes_or_no(map(status_word, ask.distinct(connection, rows, name)))):
            return name
    return ""


class _Reader:
    """One visit with one mapping."""

    def __init__(self, config: DatabaseConfig) -> None:
        self.columns = config.columns()
        self._config = config
        self._zone = _zone(config.time_zone)
        self._separator = SEPARATORS.get(config.separator, ";")
        self._published = config.published()
        self._now = datetime.now(UTC)
        if not config.id_column or not config.title_column:
            raise PermanentError(
                gettext_noop("Choose which column holds the id of the row and which the headline."), reason="not_set_up"
            )
        if config.status_column and not self._published:
            raise PermanentError(
                gettext_noop("Write which values of the status mean published: only those rows are collected."),
                reason="not_set_up",
            )

    def poll(self, connection: sa.Connection, rows: ask.Origin, memory: Memory) -> Poll:
        """All of it if that is one page; else the next page of it, and once it was read to its end also the changes."""
        memory = replace(memory, began=memory.began or self._now)
        if memory.sweep is None:
            is_part = may_be_the_latest(connection, self._config.table, self._config.query)
            memory = replace(memory, swept_from=None if is_part else self._now)
        after = [self._id() > bound(memory.sweep)] if memory.sweep is not None else []
        found, more = self.page(connection, rows, where=after, order=(self._id(),))
        whole = memory.sweep is None and not more
        later = replace(
            memory,
            sweep=found[-1]["id"] if more else None,
            passed=memory.passed or not more,
            newest=newest((row.get(self._clock) for row in found), memory.newest),
        )
        cut = not later.passed
        if later.passed and not memory.passed:
            later = replace(later, read_at=memory.began, began=None)
        if memory.passed and not whole:
            found += self._waiting(connection, rows, memory)
            later = replace(later, waiting=())
            changed, later, cut = self._changes(connection, rows, later)
            found += changed
        is_all = memory.swept_from is not None and not more
        poll = self._as_poll(found, later, whole=whole, more=cut)
        # An empty table is more likely being filled than emptied.
        return replace(poll, complete=is_all and not poll.unchanged and bool(found or not whole))

    def candidate(self, row: Mapping[str, Any]) -> Candidate:
        """What a row says."""
        return candidate_of(row, self._zone, self._separator, is_html=self._config.body_is == "html")

    def kept_out(self, row: Mapping[str, Any]) -> Explanation | None:
        """Why a row is not collected now; None if it is."""
        if not self._is_published(row):
            words = gettext_noop("Not published in the database (%(status)s): it is not collected.")
            return Explanation(words, {"status": status_word(row.get("status")) or "–"})
        if self._is_for_later(row):
            return Explanation(gettext_noop("Its time has not come yet: it is collected then."))
        return None

    def page(
        self,
        connection: sa.Connection,
        rows: ask.Origin,
        *,
        where: Iterable[sa.ColumnElement[bool]] = (),
        order: Sequence[Any] = (),
        limit: int = 0,
    ) -> tuple[list[dict[str, Any]], bool]:
        conditions = [self._id().is_not(None), *where]
        return ask.page(connection, rows, self.columns, _LONGEST, where=conditions, order=order, limit=limit)

    @property
    def _clock(self) -> str:
        """The field by which what is new is found: the time of change, else the id."""
        return "updated" if "updated" in self.columns else "id"

    def _id(self) -> sa.ColumnElement[Any]:
        return ask.column(self.columns["id"])

    def _changes(
        self, connection: sa.Connection, rows: ask.Origin, memory: Memory
    ) -> tuple[list[dict[str, Any]], Memory, bool]:
        """What changed since the newest row that we saw, some of it again; what to remember; whether it was cut."""
        if memory.newest is None or memory.read_at is None:
            return [], replace(memory, began=None), False
        clock = ask.column(self.columns[self._clock])
        if memory.resume:
            at, last = (bound(value) for value in memory.resume)
            begin: sa.ColumnElement[bool] = sa.or_(clock > at, sa.and_(clock == at, self._id() > last))
        else:
            start, behind = since(memory.newest, self._zone, memory.read_at)
            begin = clock > bound(start) if behind else clock >= bound(start)
        found, more = self.page(connection, rows, where=[begin], order=(clock, self._id()))
        resume = (found[-1][self._clock], found[-1]["id"]) if more else None
        latest = newest((row[self._clock] for row in found), memory.newest)
        if more:
            return found, replace(memory, newest=latest, resume=resume), True
        return found, replace(memory, newest=latest, resume=None, read_at=memory.began, began=None), False

    def _waiting(self, connection: sa.Connection, rows: ask.Origin, memory: Memory) -> list[dict[str, Any]]:
        if not memory.waiting:
            return []
        known = sa.or_(*(self._id() == bound(value) for value in memory.waiting))
        return self.page(connection, rows, where=[known], order=(self._id(),))[0]

    def _as_poll(self, found: list[dict[str, Any]], memory: Memory, *, whole: bool, more: bool) -> Poll:
        rows = list({row["id"]: row for row in found}.values())
        published = [row for row in rows if self._is_published(row)]
        later = [row["id"] for row in published if self._is_for_later(row)]
        candidates = tuple(self.candidate(row) for row in published if not self._is_for_later(row))
        withdrawn = tuple(self.candidate(row).external_key for row in rows if not self._is_published(row))
        digest = hashlib.sha256(repr((candidates, withdrawn)).encode()).hexdigest() if whole else ""
        if whole and digest == memory.digest:
            return Poll(state=memory.as_json(), unchanged=True)
        read = {row["id"] for row in rows}
        still = [] if whole else [value for value in memory.waiting if value not in read]
        return Poll(
            candidates,
            withdrawn=withdrawn,
            began=None if whole else memory.swept_from,
            state=replace(memory, digest=digest, waiting=tuple(still + later)[:MOST_WAITING]).as_json(),
            partial=not whole,
            more=more,
        )

    def _is_published(self, row: Mapping[str, Any]) -> bool:
        return "status" not in self.columns or status_word(row["status"]) in self._published

    def _is_for_later(self, row: Mapping[str, Any]) -> bool:
        at = moment(row.get("published"), self._zone)
        return at is not None and at > self._now


def _shown(config: DatabaseConfig) -> AbstractContextManager[sa.Connection]:
    """A connection for somebody who waits for the page."""
    return reading(config.database_url, config.database_password, WAITED_FOR)


def _rows(connection: sa.Connection, config: DatabaseConfig) -> ask.Origin:
    if not config.table and not config.query.strip():
        raise PermanentError(gettext_noop("Choose a table, or write a query."), reason="not_set_up")
    return ask.origin(connection, "" if config.query.strip() else config.table, config.query)


def _origin(connection: sa.Connection, config: DatabaseConfig) -> ask.Origin:
    """The rows, if they have the columns that are mapped: SQLite takes a missing one's quoted name for a text."""
    rows = _rows(connection, config)
    missing = sorted(set(config.columns().values()) - set(rows.columns))
    if missing:
        raise PermanentError(
            gettext_noop("There is no column called “%(columns)s” (any more). Choose another one for it."),
            reason="no_column",
            columns=", ".join(missing),
        )
    return rows


def _columns_offered(connection: sa.Connection, rows: ask.Origin, config: DatabaseConfig) -> dict[str, Offer]:
    """Every field a choice of the columns, with a guess; what the status says, as it stands there."""
    guessed = guesses(rows.columns)
    columns = tuple((name, name) for name in rows.columns)
    none = ("", _("– not there –"))
    offered = {
        each.name: Offer((none, *columns), guessed.get(each.name, ""))
        for each in fields(config)
        if each.name.endswith(COLUMN)
    }
    status = config.status_column if config.status_column in rows.columns else guessed.get("status_column", "")
    if status:
        words = sorted({status_word(value) for value in ask.distinct(connection, rows, status)} - {""})
        found = _("In the column now: %(words)s") % {"words": ", ".join(words)}
        offered["published_values"] = Offer(guess=", ".join(published_words(words)), help=found)
    return offered


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PermanentError(
            gettext_noop("There is no time zone “%(zone)s”. Write for example Europe/Copenhagen."),
            reason="not_set_up",
            zone=name,
        ) from error
