"""Known again: which item an entry is, although its guid, its link or its headline is not what it was.

What is surely the same is an edit, what is surely another is new; where there is doubt, it waits for a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import BigIntegerField, F, QuerySet, Value
from django.db.models.functions import Coalesce, Left, NullIf
from django.utils.translation import gettext_noop

from publisher.errors import Explanation
from publisher.items.entries import Entry
from publisher.items.identity import normalise_link
from publisher.items.likeness import (
    BEGINNING,
    LIKE,
    Said,
    are_apart,
    is_another,
    is_surely_same,
    likeness,
    may_be_same,
    said_by,
    said_of,
)
from publisher.models import Item, Sighting, Source
from publisher.models.given import Among, Given
from publisher.models.reading import Reading
from publisher.sources import SOURCES
from publisher.vocabulary import ItemState

# Why something is held that has a key of another; `params` as those of `LIKE`.
REUSED_KEY = gettext_noop(
    "The website gave it the identifier of “%(title)s”, whose headline, text and date are others."
)
REUSED_LINK = gettext_noop("It has the address of “%(title)s”, whose headline, text and date are others.")
_SIGHTED = Reading(
    lambda: Sighting.objects.filter(
        Among("external_key", "keys"), source_id=Given("source", BigIntegerField())
    ).values_list("external_key", "item_id", "asked_at")
)
_OF_SOURCE = Reading(
    lambda: Sighting.objects.filter(
        Among("item_id", "items"), source_id=Given("source", BigIntegerField())
    ).values_list("item_id", "source_id")
)
_ITEMS = Reading(lambda: Item.objects.filter(Among("pk", "items")))


def _latest_absent(number: int) -> QuerySet[Sighting, tuple[Any, ...]]:
    """So many of a source's items that are not in a look, as the source has them, the latest first."""
    text = Coalesce(NullIf(F("item__body_text"), Value("")), F("item__lead"))
    dated = Coalesce("item__dated_at", "item__published_at")
    absent = Sighting.objects.filter(~Among("item_id", "present"), source_id=Given("source", BigIntegerField()))
    return absent.order_by("-first_seen_at").values_list(
        "item_id", "item__title", "item__title_key", Left(text, BEGINNING), dated,
        "item__said", "item__state", "item__held_why__msgid",
    )[:number]  # fmt: skip


# As many as a look shows are enough: what was given another key in a feed was seen later than what dropped out of it.
_ABSENT = {number: Reading(partial(_latest_absent, number)) for number in (20, 60, 200)}


def _alike() -> QuerySet[Item]:
    """An organisation's items with these links, headlines or texts, each looked for in its index.

    That links and texts are not empty is said once more: databases do not see by themselves that the indexes will do.
    """
    here = Item.objects.filter(organisation_id=Given("organisation", BigIntegerField()))
    linked = here.filter(Among("link_key", "links")).exclude(link_key="")
    worded = here.filter(Among("text_key", "texts")).exclude(text_key="")
    titled = here.filter(Among("title_key", "titles"))
    return Item.objects.filter(pk__in=linked.values("pk").union(titled.values("pk"), worded.values("pk"))).order_by(
        "pk"
    )


_ALIKE = Reading(_alike)


@dataclass(frozen=True)
class Recognised:
    """What an entry turned out to be: `item` None if it is one that nobody has seen.

    `entry` goes by the key under which it is to be remembered, and by its link only if that is no other item's.
    `doubt`: why a person must say whether it is new.
    """

    entry: Entry
    item: Item | None
    doubt: Explanation | None = None


class Known:
    """What an organisation knows of the entries of one look at a source, read in two questions if that is all.

    `wary`: what looks new is compared with what the source gave before.
    """

    def __init__(self, source: Source, entries: Iterable[Entry], *, wary: bool = True) -> None:
        entries = list(entries)
        links = {entry.link_key for entry in entries if entry.link_key}
        keys = links.union(*((entry.external_key, entry.words_key) for entry in entries))
        rows = _SIGHTED.ask(source=source.pk, keys=keys)
        self._asked = {pk for _key, pk, asked_at in rows if asked_at}
        self._unasked = {pk for _key, pk, asked_at in rows if not asked_at}
        known = self._asked | self._unasked
        items = {item.pk: item for item in _ITEMS.ask(items=known)} if known else {}
        self._by_key = {key: items[pk] for key, pk, _asked_at in rows if pk in items}
        self._by_link = {item.link_key: item for item in items.values() if item.link_key}
        self._ids_last = SOURCES[source.kind].has_lasting_ids
        # Items of the same source with the headlines and the texts of entries that neither key nor link tells.
        self._by_title: dict[str, list[Item]] = defaultdict(list)
        self._by_text: dict[str, list[Item]] = defaultdict(list)
        # The latest of the source that this look does not show.
        self._absent: list[Said] = []
        told = [self._told(entry) for entry in entries]
        untold = [each.entry for each in told if each.item is None]
        elsewhere = links - self._by_link.keys()
        by_words = [] if self._ids_last else untold
        if elsewhere or by_words:
            self._look_for(source, elsewhere, by_words)
        self._is_wary = wary and bool(by_words) and source.first_poll_done
        if self._is_wary:
            present = {each.item.pk for each in told if each.item}
            enough = next((number for number in _ABSENT if number >= len(entries)), max(_ABSENT))
            self._absent = [_absent(*row) for row in _ABSENT[enough].ask(source=source.pk, present=present)]

    def _look_for(self, source: Source, links: Collection[str], untold: Iterable[Entry]) -> None:
        titles = {entry.title_key for entry in untold if entry.title_key}
        texts = {entry.text_key for entry in untold if entry.text_key}
        found = _ALIKE.ask(organisation=source.organisation_id, links=links, titles=titles, texts=texts)
        self._by_link |= {item.link_key: item for item in found if item.link_key in links}
        alike = [item for item in found if item.title_key in titles or item.text_key in texts]
        of_source = _OF_SOURCE.ask(source=source.pk, items=[item.pk for item in alike]) if alike else []
        theirs = {pk for pk, _source in of_source}
        for item in alike:
            if item.pk in theirs:
                self._by_title[item.title_key].append(item)
                self._by_text[item.text_key].append(item)

    def of_look(self, entries: Iterable[Entry]) -> list[Recognised]:
        """All entries of one look. One that is there under its own key or link is nobody else's disguise."""
        told = [self._told(entry) for entry in entries]
        taken = {each.item.pk for each in told if each.item}
        found = []
        for each in told:
            known = each if each.item else self._by_words(each, taken)
            taken |= {known.item.pk} if known.item else set()
            found.append(known)
        return [self._doubted(each, taken) for each in found]

    def recognise(self, entry: Entry, taken: Collection[int] = ()) -> Recognised:
        """One entry; items in `taken` are others'."""
        told = self._told(entry)
        return told if told.item else self._doubted(self._by_words(told, taken), taken)

    def reappeared(self, found: Iterable[Recognised]) -> set[int]:
        """Which of the items that were there before may have vanished meanwhile, so that their pages were asked."""
        there = {each.item.pk for each in found if each.item}
        return there & self._asked | there - self._unasked

    def is_sighted(self, entry: Entry) -> bool:
        """Whether the source is known to know an item by this entry's key."""
        return entry.external_key in self._by_key

    def _told(self, entry: Entry) -> Recognised:
        """By key and link. Where they tell two items, what the entry says fits one of them better."""
        by_key = self._by_key.get(entry.external_key)
        by_link = self._by_link.get(entry.link_key) or self._by_key.get(entry.link_key) if entry.link_key else None
        if by_link is None and (by_key is None or not entry.has_guid):
            return Recognised(entry, by_key)
        is_agreed = by_key and by_link and by_key.pk == by_link.pk and _has_two_keys(entry)
        if by_key and (self._ids_last or is_agreed):
            return Recognised(_as_told(entry, by_key, by_key, by_link), by_key)
        said = said_by(entry)
        item = _better(said, by_key, by_link)
        # An item of nobody but a colleague is what its address says.
        if not item.content_hash or not is_another(said, said_of(item)):
            return Recognised(_as_told(entry, item, by_key, by_link), item)
        own = _as_its_own(entry, by_key, by_link)
        before = self._by_key.get(own.external_key)
        doubt = None if before else _doubt(REUSED_LINK if item is by_link else REUSED_KEY, said_of(item))
        return Recognised(own, before, doubt)

    def _by_words(self, told: Recognised, taken: Collection[int]) -> Recognised:
        """What a re-keyed entry still has in common with its item: two of headline, text and date."""
        said = said_by(told.entry)
        alike = (item for item in self._family(told.entry) if item.pk not in taken)
        same = next((item for item in alike if is_surely_same(said, said_of(item))), None)
        return replace(told, item=same, doubt=None) if same else told

    def _doubted(self, found: Recognised, taken: Collection[int]) -> Recognised:
        """What would be new, but is like something of the same source that this look does not show elsewhere."""
        if found.item or found.doubt or not self._is_wary:
            return found
        said = said_by(found.entry)
        others = (*map(said_of, self._family(found.entry)), *self._absent)
        family = [other for other in others if may_be_same(said, other)]
        like = [other for other in family if other.pk not in taken]
        is_series = bool(found.entry.link_key) and any(other.recurs for other in family)
        if not like or (is_series and all(are_apart(said, other) for other in like)):
            return found
        return replace(found, doubt=_doubt(LIKE, like[0]))

    def _family(self, entry: Entry) -> Sequence[Item]:
        """The source's items with an entry's headline or text."""
        titled = self._by_title.get(entry.title_key, []) if entry.title_key else []
        worded = self._by_text.get(entry.text_key, []) if entry.text_key else []
        return list({item.pk: item for item in (*titled, *worded)}.values())


def _absent(
    pk: int,
    title: str,
    title_key: str,
    text: str,
    at: datetime | None,
    said: dict[str, str],
    state: str,
    held_why: str | None,
) -> Said:
    if said:
        title, text = said["title"], said["body_text"] or said["lead"]
    return Said(pk, title, title_key, text[:BEGINNING], at, state == ItemState.NEW and held_why == LIKE)


def _better(said: Said, by_key: Item | None, by_link: Item | None) -> Item:
    """Which of two items an entry is rather: that of its link if it is as like it, unless both are the same news."""
    if by_key is None or by_link is None:
        item = by_key or by_link
        assert item is not None
        return item
    linked, keyed = likeness(said, said_of(by_link)), likeness(said, said_of(by_key))
    is_rather_linked = linked > keyed or (linked == keyed > 0 and said.title_key != by_key.title_key)
    return by_link if is_rather_linked else by_key


def _has_two_keys(entry: Entry) -> bool:
    """Whether its guid says something that its link does not."""
    return entry.has_guid and normalise_link(entry.external_key) != entry.link_key


def _as_told(entry: Entry, item: Item, by_key: Item | None, by_link: Item | None) -> Entry:
    """By the key under which its item is known from now on."""
    if by_key and by_link and by_key.pk != by_link.pk:
        if item is by_link:
            return replace(entry, external_key=entry.link_key, has_guid=False)
        return replace(entry, link_key="")
    return entry


def _as_its_own(entry: Entry, by_key: Item | None, by_link: Item | None) -> Entry:
    """By what of its keys is no other item's: its guid, its link, or else its words."""
    if by_link is None:
        return replace(entry, external_key=entry.link_key or entry.words_key, has_guid=False)
    if by_key is None and _has_two_keys(entry):
        return replace(entry, link_key="")
    return replace(entry, external_key=entry.words_key, has_guid=False, link_key="")


def _doubt(words: str, other: Said) -> Explanation:
    return Explanation(words, {"title": other.title, "item": str(other.pk)})
