"""Collecting: looks at a source and writes what it found as items. The only writer of Item from sources.

The row is claimed first, the network is used outside any transaction, and what the source is to remember is stored
last: whatever stops a poll, the next one sees the same entries again and makes no item twice.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property
from urllib.parse import urlsplit

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, OpslagError, PermanentError, TransientError
from publisher.items import picture_words, withdrawing
from publisher.items.entries import Entry, entries_of
from publisher.items.hosts import sites_of
from publisher.items.labels import Labels
from publisher.items.page_facts import Pages
from publisher.items.pictures import fetch_picture
from publisher.items.polling import Claim, ClaimLostError, claim, due_sources, give_up
from publisher.items.quarantine import flood, has_held_more, tell_of_held
from publisher.items.recognise import Known, Recognised
from publisher.items.recording import Done, Fetched, is_news, lacks_picture, record, record_new, sight
from publisher.models import Item, Source
from publisher.sources import SOURCES
from publisher.sources.contract import Poll
from publisher.vocabulary import ItemState

__all__ = ["Collected", "collect_source", "due_sources"]

PICTURES_PER_ENTRY = 3
PICTURE_TIME = timedelta(minutes=5)
SMALLEST_WIDTH = 100
_TRY_PICTURES_FOR = timedelta(days=1)
NO_TIME_FOR_PICTURE = Explanation(gettext_noop("The picture has not been fetched yet; it is tried again."))


@dataclass
class Collected:
    """What a poll gave: ids of new items, and of all that were made (`created`); how many of those went to the back
    catalogue (`seen`) or were held back (`held`); how many changed, or were found to be withdrawn.

    `claimed` is False if nothing was done because another worker has the source or it is not active; `error` says why
    the source could not be read (also on its row); `without_picture` are ids of items whose picture was no use.
    """

    new: list[int] = field(default_factory=list)
    created: set[int] = field(default_factory=set)
    seen: int = 0
    held: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: bool = False
    without_picture: list[int] = field(default_factory=list)
    claimed: bool = True
    error: Explanation | None = None

    def count(self, done: Done, item: Item) -> None:
        """Add what became of one entry."""
        if done is Done.CREATED:
            self.created.add(item.pk)
        if done is Done.CREATED and item.state == ItemState.NEW:
            self.new.append(item.pk)
        self.seen += done is Done.CREATED and item.state == ItemState.SEEN
        self.held += done is Done.CREATED and item.state == ItemState.HELD
        self.changed += done is Done.CHANGED


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


def take_in(source: Source, poll: Poll) -> Collected:
    """Write as items what came without a look, since its publisher pushed it: it is news at once."""
    unclaimed = _Unclaimed(source.pk, uuid.UUID(int=0), timezone.now())
    return _Taking(unclaimed, source, ItemState.NEW).take_in(poll)


class _Unclaimed(Claim):
    """Instead of a claim on a source that nobody else reads: there is nothing to keep."""

    def renew(self) -> None:
        """Nobody can take it over."""


def _look(mine: Claim, back_catalogue: bool) -> Collected:
    source = mine.source()
    poll = _poll(source)
    if poll.gone:
        return Collected(error=mine.gone(source))
    if poll.unchanged:
        mine.succeeded(source, poll, dict(poll.state), new=False)
        return Collected(unchanged=True)
    taking = _Taking(mine, source, _state(source, back_catalogue), wants_all=back_catalogue)
    collected = taking.take_in(poll)
    _name_after(source, poll)
    # Without the new validators the next poll gives everything again, so that pictures left behind are tried.
    # A long table goes on all the same: one picture must not keep it on its page.
    state = source.state if taking.is_incomplete and not poll.more else dict(poll.state)
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


def _looks_at_pages(source: Source) -> bool:
    """Whether an item's own page may be asked for what its source does not say: not while a publisher waits for us."""
    return SOURCES[source.kind].polled


class _Taking:
    """One run's way from entries to items; keeps the claim alive and the time for pictures within bounds."""

    def __init__(self, mine: Claim, source: Source, state: ItemState, *, wants_all: bool = False) -> None:
        self.is_incomplete = False
        self._wants_all = wants_all
        self._claim = mine
        self._source = source
        self._state = state
        self._written: set[int] = set()
        # All items that entries of this look are, so that none of them is taken for another entry's disguise.
        self._taken: set[int] = set()
        self._held_why: Explanation | None = None
        self._pages = Pages(patient=state is ItemState.NEW, wanted=_looks_at_pages(source))
        self._pictures_end = timezone.now() + PICTURE_TIME

    @cached_property
    def _labels(self) -> Labels:
        """Read when the first entry is written: most looks write none."""
        return Labels.of(self._source.organisation_id, self._source)

    def take_in(self, poll: Poll) -> Collected:
        """Write all entries of a poll; then see what is not there any more."""
        collected = Collected()
        entries = entries_of(
            poll.candidates, str(self._source.config.get("url", "")), sites_of(self._source.organisation_id)
        )
        self._known = Known(self._source, entries)
        found = self._known.of_look(entries)
        if self._state is ItemState.NEW and not self._wants_all:
            self._held_why = flood(self._source, found, partial=poll.partial)
        self._taken = {each.item.pk for each in found if each.item}
        at_once = self._take_at_once(found, collected)
        for each in found:
            if each.entry in at_once:
                continue
            self._claim.renew()
            if each.item and each.item.pk in self._written:
                # The same page twice in one poll: the first wording counts.
                sight(self._source, each.entry, each.item)
                continue
            written = self._take(each, collected)
            self._written.add(written)
            self._taken.add(written)
        picture_words.fill_in(found, self._known, self._claim.renew, self._pictures_end)
        if collected.held and not has_held_more(self._source, collected.held):
            tell_of_held(self._source, collected.held)
        collected.withdrawn = withdrawing.after_look(
            self._source,
            poll,
            entries,
            self._written,
            self._claim.renew,
            reappeared=self._known.reappeared(found),
        )
        return collected

    def _take_at_once(self, found: Sequence[Recognised], collected: Collected) -> set[Entry]:
        """Write what is surely new and has no picture to fetch, in few statements; answers these entries."""
        self._claim.renew()
        links = Counter(each.entry.link_key for each in found)
        plain = [
            each.entry
            for each in found
            if each.item is None
            and not each.doubt
            and not each.entry.pictures
            and not self._pages.wanted_for(each.entry)
            and (not each.entry.link_key or links[each.entry.link_key] == 1)
        ]
        state = ItemState.HELD if self._held_why else self._state
        if not plain:
            return set()
        items = record_new(self._source, plain, state=state, labels=self._labels, held_why=self._held_why)
        for item in items:
            collected.count(Done.CREATED, item)
        self._written.update(item.pk for item in items)
        self._taken.update(item.pk for item in items)
        return set(plain) if items else set()

    def _take(self, found: Recognised, collected: Collected) -> int:
        entry, item = found.entry, found.item
        fetched = Fetched()
        if self._wants_picture(entry, item):
            entry = self._pages.completed(entry)
            fetched = self._first_usable(entry)
        if item and self._is_as_it_was(entry, item, fetched):
            return item.pk
        held_why = (found.doubt if self._state is ItemState.NEW else None) or self._held_why
        done, item = record(
            self._source,
            entry,
            fetched,
            state=ItemState.HELD if held_why else self._state,
            labels=self._labels,
            held_why=held_why,
            taken=self._taken - ({item.pk} if item else set()),
        )
        if done is not Done.CREATED:
            withdrawing.back_again(self._source, item)
        collected.count(done, item)
        if fetched.error:
            collected.without_picture.append(item.pk)
            # What only its page may show is looked for when the feed changes next, not by reading it all again.
            self.is_incomplete = self.is_incomplete or bool(entry.pictures and fetched.error.get("again"))
        return item.pk

    def _is_as_it_was(self, entry: Entry, item: Item, fetched: Fetched) -> bool:
        """Whether there is nothing to write of it: so it is with most entries of most polls."""
        settled = fetched.picture is None and fetched.error is None and item.withdrawn_at is None
        return settled and self._known.is_sighted(entry) and not is_news(self._source, entry, item)

    def _wants_picture(self, entry: Entry, item: Item | None) -> bool:
        """Whether it is new, says something else, or still lacks a picture that was promised or that is new here."""
        if item is None or (item.content_hash != entry.content_hash and is_news(self._source, entry, item)):
            return True
        if not lacks_picture(item):
            return False
        if not self._known.is_sighted(entry) and entry.pictures:
            return True
        if not item.picture_error.get("again"):
            return False
        return timezone.now() - item.first_seen_at < _TRY_PICTURES_FOR

    def _first_usable(self, entry: Entry) -> Fetched:
        # That its page will not be read says nothing to staff: most feeds name their pictures themselves.
        error = entry.page_error if entry.page_error and entry.page_error["again"] else None
        fit = [reference for reference in entry.pictures if not 0 < reference.width < SMALLEST_WIDTH]
        for reference in fit[:PICTURES_PER_ENTRY]:
            if timezone.now() > self._pictures_end:
                return Fetched(error=NO_TIME_FOR_PICTURE.as_json() | {"again": True})
            self._claim.renew()
            try:
                return Fetched(
                    fetch_picture(self._source.organisation, reference), alt=reference.alt or reference.caption
                )
            except OpslagError as reason:
                again = isinstance(reason, TransientError)
                error = error or reason.explanation.as_json() | {"again": again}
        return Fetched(error=error)
