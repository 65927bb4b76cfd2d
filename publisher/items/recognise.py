"""Known again: which item an entry is, although its guid, its link or its headline is not what it was."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from publisher.models import Item, Sighting, Source

if TYPE_CHECKING:
    from publisher.items.entries import Entry

# Two times so far apart are one time that was written in two zones, or rounded; a daily headline comes after more.
SAME_TIME = timedelta(hours=12)
# Of two texts with so many words in common (of all their words) one is an edit of the other.
EDITED_SHARE = 0.5


@dataclass(frozen=True)
class Recognised:
    """What an entry turned out to be: `item` None if it is one that nobody has seen.

    `entry` goes by the key under which it is to be remembered. `is_reused`: its own key was another item's before.
    """

    entry: Entry
    item: Item | None
    is_reused: bool = False


class Known:
    """What an organisation knows of the entries of one look at a source, read in three questions."""

    def __init__(self, source: Source, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        links = {entry.link_key for entry in entries if entry.link_key}
        keys = {entry.external_key for entry in entries} | links
        sightings = Sighting.objects.filter(source=source, external_key__in=keys).select_related("item")
        self._by_key = {sighting.external_key: sighting.item for sighting in sightings}
        there = Item.objects.filter(organisation_id=source.organisation_id, link_key__in=links)
        self._by_link = {item.link_key: item for item in there}
        self._by_title = self._named_alike(source, entries)

    def _named_alike(self, source: Source, entries: Iterable[Entry]) -> dict[str, list[Item]]:
        """Items of the same source with the headlines of entries that neither key nor link tells."""
        titles = {entry.title_key for entry in entries if entry.title_key and self._told(entry).item is None}
        found: dict[str, list[Item]] = defaultdict(list)
        if titles:
            known = Item.objects.filter(organisation_id=source.organisation_id, title_key__in=titles)
            for item in known.filter(sightings__source=source).distinct().order_by("pk"):
                found[item.title_key].append(item)
        return found

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

    def is_sighted(self, entry: Entry) -> bool:
        """Whether the source is known to know an item by this entry's key."""
        return entry.external_key in self._by_key

    def _told(self, entry: Entry) -> Recognised:
        """By the key; by the link where the key says nothing, or what the link and the headline say it is not."""
        by_key = self._by_key.get(entry.external_key)
        by_link = self._by_link.get(entry.link_key) or self._by_key.get(entry.link_key) if entry.link_key else None
        if by_key is None:
            return Recognised(entry, by_link)
        another = by_link is not None and by_link.pk != by_key.pk
        is_other = another and by_link is not None and by_link.title_key == entry.title_key != by_key.title_key
        reused = entry.has_guid and is_another(entry, by_key)
        if not (entry.has_guid and is_other) and not reused:
            return Recognised(entry, by_key)
        by_its_link = replace(entry, external_key=entry.link_key, has_guid=False)
        return Recognised(by_its_link, by_link if another else None, is_reused=not another)

    def _by_words(self, told: Recognised, taken: Collection[int]) -> Recognised:
        """What a re-keyed entry still has in common with its item: the headline, and the time or the text."""
        alike = [item for item in self._by_title.get(told.entry.title_key, ()) if item.pk not in taken]
        same = next((item for item in alike if _at_same_time(told.entry, item)), None)
        same = same or next((item for item in alike if _in_same_words(told.entry, item)), None)
        return replace(told, item=same, is_reused=False) if same else told


def is_another(entry: Entry, item: Item) -> bool:
    """Whether an entry under an item's guid is something else: page, headline and text differ, and it came later."""
    if not (entry.link_key and item.link_key and entry.published_at and item.published_at):
        return False
    differs = entry.link_key != item.link_key and entry.title_key != item.title_key
    return differs and entry.published_at > item.published_at and _share(entry, item) < EDITED_SHARE


def _at_same_time(entry: Entry, item: Item) -> bool:
    if entry.published_at is None or item.published_at is None:
        return False
    return abs(entry.published_at - item.published_at) < SAME_TIME


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
