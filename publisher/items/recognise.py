"""Known again: which item an entry is, although its guid, its link or its headline is not what it was."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import BigIntegerField, QuerySet

from publisher.items.entries import Entry
from publisher.models import Item, Sighting, Source
from publisher.models.given import Among, Given
from publisher.models.reading import Reading

# Two times so far apart are one time that was written in two zones, or rounded; a daily headline comes after more.
SAME_TIME = timedelta(hours=12)
TO_THE_MINUTE = timedelta(minutes=1)
# Of two texts with so many words in common (of all their words) one is an edit of the other.
EDITED_SHARE = 0.5
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

    `entry` goes by the key under which it is to be remembered. `is_reused`: its own key was another item's before.
    """

    entry: Entry
    item: Item | None
    is_reused: bool = False


class Known:
    """What an organisation knows of the entries of one look at a source, read in two questions if that is all."""

    def __init__(self, source: Source, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        links = {entry.link_key for entry in entries if entry.link_key}
        keys = {entry.external_key for entry in entries} | links
        rows = _SIGHTED.ask(source=source.pk, keys=keys)
        self._asked = {pk for _key, pk, asked_at in rows if asked_at}
        self._unasked = {pk for _key, pk, asked_at in rows if not asked_at}
        known = self._asked | self._unasked
        items = {item.pk: item for item in _ITEMS.ask(items=known)} if known else {}
        self._by_key = {key: items[pk] for key, pk, _asked_at in rows if pk in items}
        self._by_link = {item.link_key: item for item in items.values() if item.link_key}
        # Items of the same source with the headlines and the texts of entries that neither key nor link tells.
        self._by_title: dict[str, list[Item]] = defaultdict(list)
        self._by_text: dict[str, list[Item]] = defaultdict(list)
        untold = [entry for entry in entries if self._told(entry).item is None]
        elsewhere = links - self._by_link.keys()
        if elsewhere or untold:
            self._look_for(source, elsewhere, untold)

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
                self._by_text[item.body_text].append(item)

    def of_look(self, entries: Iterable[Entry]) -> list[Recognised]:
        """All entries of one look. One that is there under its own key or link is nobody else's disguise."""
        told = [self._told(entry) for entry in entries]
        taken = {each.item.pk for each in told if each.item}
        found = []
        for each in told:
            known = each if each.item else self._by_words(each, taken)
            taken |= {known.item.pk} if known.item else set()
            found.append(known)
        return found

    def recognise(self, entry: Entry, taken: Collection[int] = ()) -> Recognised:
        """One entry; items in `taken` are others'."""
        told = self._told(entry)
        return told if told.item else self._by_words(told, taken)

    def reappeared(self, found: Iterable[Recognised]) -> set[int]:
        """Which of the items that were there before may have vanished meanwhile, so that their pages were asked."""
        there = {each.item.pk for each in found if each.item}
        return there & self._asked | there - self._unasked

    def is_sighted(self, entry: Entry) -> bool:
        """Whether the source is known to know an item by this entry's key."""
        return entry.external_key in self._by_key

    def _told(self, entry: Entry) -> Recognised:
        """By the key; by the link where there is no key, or where what the entry says fits the link's item better."""
        by_key = self._by_key.get(entry.external_key)
        by_link = self._by_link.get(entry.link_key) or self._by_key.get(entry.link_key) if entry.link_key else None
        if by_key is None or not entry.has_guid:
            return Recognised(entry, by_key or by_link)
        by_its_link = replace(entry, external_key=entry.link_key, has_guid=False)
        if by_link is not None and by_link.pk != by_key.pk and _likeness(entry, by_link) > _likeness(entry, by_key):
            return Recognised(by_its_link, by_link)
        if is_another(entry, by_key):
            other = by_link if by_link is not None and by_link.pk != by_key.pk else None
            return Recognised(by_its_link, other, is_reused=other is None)
        return Recognised(entry, by_key)

    def _by_words(self, told: Recognised, taken: Collection[int]) -> Recognised:
        """What a re-keyed entry still has in common with its item: the headline and the time, or the text."""
        entry = told.entry
        named = [item for item in self._by_title.get(entry.title_key, ()) if item.pk not in taken]
        alike = [item for item in self._by_text.get(entry.body_text, ()) if item.pk not in taken]
        same = next((item for item in named if _at_same_time(entry, item)), None)
        same = same or next((item for item in named if _in_same_words(entry, item)), None)
        tells = entry.has_own_text and entry.text_key and len(self._by_text[entry.body_text]) == 1
        same = same or (alike[0] if alike and tells else None)
        return replace(told, item=same, is_reused=False) if same else told


def is_another(entry: Entry, item: Item) -> bool:
    """Whether an entry under an item's guid is something else: page, headline, date and text all differ."""
    if not (entry.link_key and item.link_key and entry.published_at and item.published_at):
        return False
    differs = entry.link_key != item.link_key and entry.title_key != item.title_key
    # An article that is rewritten keeps its date to the minute.
    return differs and not _at_same_time(entry, item, TO_THE_MINUTE) and _share(entry, item) < EDITED_SHARE


def _likeness(entry: Entry, item: Item) -> float:
    """How well an entry's words fit an item: headline, date and text, each up to 1."""
    return (entry.title_key == item.title_key) + _at_same_time(entry, item) + _share(entry, item)


def _at_same_time(entry: Entry, item: Item, within: timedelta = SAME_TIME) -> bool:
    if entry.published_at is None or item.published_at is None:
        return False
    return abs(entry.published_at - item.published_at) < within


def _in_same_words(entry: Entry, item: Item) -> bool:
    if entry.body_text or item.body_text:
        return entry.body_text == item.body_text
    return bool(entry.lead) and entry.lead == item.lead


def _share(entry: Entry, item: Item) -> float:
    """How much of the words of both is in both; 0 to 1."""
    one, other = _words(entry.body_text or entry.lead), _words(item.body_text or item.lead)
    return len(one & other) / len(one | other) if one and other else 0.0


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
