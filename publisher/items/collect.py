"""Collecting: looks at a source and writes what it found as items. The only writer of Item from sources.

The row is claimed first, the network is used outside any transaction, and what the source is to remember is stored
last: whatever stops a poll, the next one sees the same entries again and makes no item twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, OpslagError, PermanentError, TransientError
from publisher.items.entries import (
    Done,
    Entry,
    Fetched,
    entries_of,
    is_news,
    item_of,
    only_new,
    record,
    record_new,
    sight,
)
from publisher.items.labels import Labels
from publisher.items.pictures import fetch_picture
from publisher.items.polling import Claim, ClaimLostError, claim, due_sources, give_up
from publisher.models import Item, Source
from publisher.sources import SOURCES
from publisher.sources.contract import PictureRef, Poll
from publisher.vocabulary import ItemState

__all__ = ["Collected", "collect_source", "due_sources"]

PICTURES_PER_ENTRY = 3
PICTURE_TIME = timedelta(minutes=5)
SMALLEST_WIDTH = 100
_TRY_PICTURES_FOR = timedelta(days=1)
NO_TIME_FOR_PICTURE = Explanation(gettext_noop("The picture has not been fetched yet; it is tried again."))


@dataclass
class Collected:
    """What a poll gave: ids of new items; how many went to the back catalogue (`seen`) or changed.

    `claimed` is False if nothing was done because another worker has the source or it is not active; `error` says why
    the source could not be read (also on its row); `without_picture` are ids of items whose picture was no use.
    """

    new: list[int] = field(default_factory=list)
    seen: int = 0
    changed: int = 0
    unchanged: bool = False
    without_picture: list[int] = field(default_factory=list)
    claimed: bool = True
    error: Explanation | None = None


def collect_source(source_id: int, *, back_catalogue: bool = False, due_only: bool = False) -> Collected:
    """Claim a source, look at it once and write its items; errors of the outside world go onto the row, never up.

    The first look at a source is its back catalogue: `seen`, which no rule may use; `new` with `back_catalogue`.
    `due_only` looks only if it is the source's time and its host has been left alone for a moment.
    """
    mine = claim(source_id, due_only=due_only)
    if mine is None:
        return _not_claimed(source_id)
    try:
        return _look(mine, back_catalogue)
    except ClaimLostError:
        return Collected(claimed=False)
    except OpslagError as error:
        mine.failed(error)
        return Collected(error=error.explanation)
    except (Source.DoesNotExist, IntegrityError):
        # Somebody removed the source while it was read; what came from it until then stays.
        if Source.objects.filter(pk=source_id).exists():
            raise
        return Collected(claimed=False)


def _not_claimed(source_id: int) -> Collected:
    if not give_up(source_id):
        return Collected(claimed=False)
    row = Source.objects.defer("credentials").get(pk=source_id)
    return Collected(claimed=False, error=Explanation.from_json(row.last_error))


def _look(mine: Claim, back_catalogue: bool) -> Collected:
    source = Source.objects.select_related("organisation").get(pk=mine.source_id)
    poll = _poll(source)
    if poll.gone:
        return Collected(error=mine.gone(source))
    if poll.unchanged:
        mine.succeeded(source, poll, dict(poll.state), new=False)
        return Collected(unchanged=True)
    taking = _Taking(mine, source, _state(source, back_catalogue))
    collected = taking.take_in(poll)
    _name_after(source, poll)
    # Without the new validators the next poll gives everything again, so that pictures left behind are tried.
    state = source.state if taking.is_incomplete else dict(poll.state)
    mine.succeeded(source, poll, state, new=bool(collected.new))
    return collected


def _state(source: Source, back_catalogue: bool) -> ItemState:
    return ItemState.NEW if source.first_poll_done or back_catalogue else ItemState.SEEN


def _poll(source: Source) -> Poll:
    plug_in = SOURCES.get(source.kind)
    if plug_in is None:
        raise PermanentError(
            gettext_noop("This installation does not know the kind of source “%(kind)s”."),
            reason="unknown_source",
            kind=source.kind,
        )
    given = {**source.config, **source.credentials}
    known = {known.name for known in fields(plug_in.config_class)}
    try:
        config = plug_in.config_class(**{name: value for name, value in given.items() if name in known})
    except TypeError as error:
        raise PermanentError(
            gettext_noop("The source is not set up completely. Fill in what is missing."), reason="not_set_up"
        ) from error
    source.host = source.host or plug_in.host(config)
    return plug_in.poll(config, source.state)


def _name_after(source: Source, poll: Poll) -> None:
    """A source that was only given an address takes the name that it gives itself."""
    host = urlsplit(str(source.config.get("url", ""))).hostname
    if poll.title and not source.first_poll_done and source.name == host:
        Source.objects.filter(pk=source.pk).update(name=poll.title[:120])


class _Taking:
    """One run's way from entries to items; keeps the claim alive and the time for pictures within bounds."""

    def __init__(self, mine: Claim, source: Source, state: ItemState) -> None:
        self.is_incomplete = False
        self._claim = mine
        self._source = source
        self._state = state
        self._labels = Labels.of(source.organisation)
        self._pictures_end = timezone.now() + PICTURE_TIME

    def take_in(self, poll: Poll) -> Collected:
        """Write all entries of a poll."""
        collected = Collected()
        entries = entries_of(poll.candidates, str(self._source.config.get("url", "")))
        written = self._all_new(entries, collected)
        done = set(written.values())
        for entry in entries:
            if entry.external_key in done:
                continue
            self._claim.renew()
            item = item_of(self._source, entry)
            if item and item.pk in written:
                # The same page twice in one poll: the first wording counts.
                sight(self._source, entry, item)
                continue
            written[self._take(entry, item, collected)] = entry.external_key
        return collected

    def _all_new(self, entries: Sequence[Entry], collected: Collected) -> dict[int, str]:
        """Write the new entries that need no picture together; answers items and keys of those that are written."""
        self._claim.renew()
        at_once = [entry for entry in only_new(self._source, entries) if not entry.pictures]
        items = record_new(self._source, at_once, state=self._state, labels=self._labels) if at_once else []
        for item in items:
            self._count(Done.CREATED, item, collected)
        return {item.pk: entry.external_key for item, entry in zip(items, at_once, strict=False)}

    def _take(self, entry: Entry, item: Item | None, collected: Collected) -> int:
        fetched = self._picture(entry, item)
        done, item = record(self._source, entry, fetched, state=self._state, labels=self._labels)
        self._count(done, item, collected)
        if fetched.error:
            collected.without_picture.append(item.pk)
            self.is_incomplete = self.is_incomplete or bool(fetched.error.get("again"))
        return item.pk

    def _count(self, done: Done, item: Item, collected: Collected) -> None:
        if done is Done.CREATED and self._state is ItemState.NEW:
            collected.new.append(item.pk)
        collected.seen += done is Done.CREATED and self._state is ItemState.SEEN
        collected.changed += done is Done.CHANGED

    def _picture(self, entry: Entry, item: Item | None) -> Fetched:
        if item is None or (item.content_hash != entry.content_hash and is_news(self._source, entry, item)):
            return self._first_usable(entry.pictures)
        if item.picture_id or not item.picture_error.get("again"):
            return Fetched()
        is_young = timezone.now() - item.first_seen_at < _TRY_PICTURES_FOR
        return self._first_usable(entry.pictures) if is_young else Fetched()

    def _first_usable(self, references: Iterable[PictureRef]) -> Fetched:
        error: dict[str, Any] | None = None
        fit = [reference for reference in references if not 0 < reference.width < SMALLEST_WIDTH]
        for reference in fit[:PICTURES_PER_ENTRY]:
            if timezone.now() > self._pictures_end:
                return Fetched(error=NO_TIME_FOR_PICTURE.as_json() | {"again": True})
            self._claim.renew()
            try:
                return Fetched(fetch_picture(self._source.organisation, reference))
            except OpslagError as reason:
                again = isinstance(reason, TransientError)
                error = error or reason.explanation.as_json() | {"again": again}
        return Fetched(error=error)
