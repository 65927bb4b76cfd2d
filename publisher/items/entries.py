"""From one entry of a source to its Item: which one it is, what it says, what changed. Short transactions only."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from publisher.items.content import clean_html, excerpt, one_line, text_of_clean, tidy
from publisher.items.identity import identity_of, normalise_link, web_address, without_tracking
from publisher.items.labels import Labels
from publisher.models import Item, ItemRevision, Picture, Sighting, Source
from publisher.sources.contract import Candidate, PictureRef
from publisher.vocabulary import SourceStatus

TITLE_LENGTH = 300
LEAD_FROM_BODY = 300
LONGEST_LEAD = 2_000
_TAG_LENGTH = 120
_TRIES = 3


@dataclass(frozen=True)
class Entry:
    """A candidate in the words of an Item: cleaned, cut to what the columns hold. `link_key` "" if it tells nothing."""

    external_key: str
    link: str
    link_key: str
    title: str
    lead: str
    body_html: str
    body_text: str
    author: str
    language: str
    published_at: datetime | None
    tags: tuple[str, ...]
    areas: tuple[str, ...]
    pictures: tuple[PictureRef, ...]
    content_hash: str


@dataclass(frozen=True)
class Fetched:
    """What came of an entry's picture. `error` as an Explanation's JSON, with "again" where it is worth a later try."""

    picture: Picture | None = None
    error: dict[str, Any] | None = None


class Done(Enum):
    """What writing an entry did."""

    CREATED = "created"
    CHANGED = "changed"
    SAME = "same"


def entries_of(candidates: Iterable[Candidate], base_url: str = "") -> list[Entry]:
    """All that can become items, each key once. A front page as link, or one that guids share, tells nothing."""
    entries: dict[str, Entry] = {}
    for candidate in candidates:
        entry = _entry_of(candidate, base_url)
        if entry.title:
            entries.setdefault(entry.external_key, entry)
    titles: dict[str, set[str]] = defaultdict(set)
    for entry in entries.values():
        if entry.external_key != entry.link_key:
            titles[entry.link_key].add(entry.title)
    return [
        replace(entry, link_key="") if len(titles[entry.link_key]) > 1 or _is_front_page(entry.link_key) else entry
        for entry in entries.values()
    ]


def _is_front_page(link_key: str) -> bool:
    return not any(mark in link_key for mark in "/?") and not link_key.startswith("sha256:")


def item_of(source: Source, entry: Entry) -> Item | None:
    """The item that an entry is: by this source's key for it, else by its link within the organisation."""
    sighting = Sighting.objects.filter(source=source, external_key=entry.external_key).select_related("item").first()
    if sighting:
        return sighting.item
    if not entry.link_key:
        return None
    return Item.objects.filter(organisation_id=source.organisation_id, link_key=entry.link_key).first()


def sight(source: Source, entry: Entry, item: Item) -> None:
    """Remember under which key this source knows an item."""
    Sighting.objects.get_or_create(
        source=source, external_key=entry.external_key, defaults={"item": item, "link": entry.link}
    )


def is_news(source: Source, entry: Entry, item: Item) -> bool:
    """Whether the source now says something else about an item, or has moved it."""
    moved = bool(entry.link_key) and entry.link_key != item.link_key
    return (moved or item.content_hash != entry.content_hash) and _speaks_for(source, item)


def _speaks_for(source: Source, item: Item) -> bool:
    """Only the source that saw an item first: two that word it differently would overwrite each other for ever."""
    sightings = item.sightings.filter(source__status=SourceStatus.ACTIVE).order_by("id")
    return sightings.values_list("source_id", flat=True).first() == source.pk


def record(source: Source, entry: Entry, fetched: Fetched, *, state: str, labels: Labels) -> tuple[Done, Item]:
    """Write an entry: a new item in `state`, another sighting, or a new revision. Never changes an item's state."""
    for _attempt in range(_TRIES - 1):
        try:
            return _record_once(source, entry, fetched, state, labels)
        except IntegrityError:
            continue  # another source wrote the same link in this moment: look again
    return _record_once(source, entry, fetched, state, labels)


@transaction.atomic
def _record_once(source: Source, entry: Entry, fetched: Fetched, state: str, labels: Labels) -> tuple[Done, Item]:
    found = item_of(source, entry)
    if found is None:
        return Done.CREATED, _create(source, entry, fetched, state, labels)
    item = Item.objects.select_for_update().get(pk=found.pk)
    sight(source, entry, item)
    if is_news(source, entry, item):
        return _change(item, entry, fetched, labels), item
    if fetched.picture and not item.picture_id:
        item.picture, item.picture_error = fetched.picture, {}
        item.save(update_fields=["picture", "picture_error", "updated_at"])
    return Done.SAME, item


def only_new(source: Source, entries: Sequence[Entry]) -> list[Entry]:
    """Those of a look's entries that nothing here is known by, neither key nor link, and that share no link."""
    keys, links = [entry.external_key for entry in entries], [entry.link_key for entry in entries if entry.link_key]
    sighted = set(source.sightings.filter(external_key__in=keys).values_list("external_key", flat=True))
    there = Item.objects.filter(organisation_id=source.organisation_id, link_key__in=links)
    known = {*there.values_list("link_key", flat=True), *(link for link, times in Counter(links).items() if times > 1)}
    return [entry for entry in entries if entry.external_key not in sighted and entry.link_key not in known]


def record_new(source: Source, entries: Sequence[Entry], *, state: str, labels: Labels) -> list[Item]:
    """Write `only_new` entries without pictures as new items, in few statements; in their order.

    [] if another source wrote the same link in this moment: then nothing is written, and each is to be recorded alone.
    """
    matched = [labels.match(entry.tags, entry.areas) for entry in entries]
    items = [_item(source, entry, Fetched(), state, match.rest) for entry, match in zip(entries, matched, strict=True)]
    topics, areas = Item.topics.through, Item.areas.through
    try:
        with transaction.atomic():
            Item.objects.bulk_create(items)
            Sighting.objects.bulk_create(
                Sighting(source=source, item=item, external_key=entry.external_key, link=entry.link)
                for item, entry in zip(items, entries, strict=True)
            )
            pairs = list(zip(items, matched, strict=True))
            topics.objects.bulk_create(topics(item=item, topic=topic) for item, each in pairs for topic in each.topics)
            areas.objects.bulk_create(areas(item=item, area=area) for item, each in pairs for area in each.areas)
    except IntegrityError:
        return []
    return items


def _create(source: Source, entry: Entry, fetched: Fetched, state: str, labels: Labels) -> Item:
    matched = labels.match(entry.tags, entry.areas)
    item = _item(source, entry, fetched, state, matched.rest)
    item.save(force_insert=True)
    item.topics.add(*matched.topics)
    item.areas.add(*matched.areas)
    Sighting.objects.create(source=source, item=item, external_key=entry.external_key, link=entry.link)
    return item


def _item(source: Source, entry: Entry, fetched: Fetched, state: str, tags: Iterable[str]) -> Item:
    return Item(
        organisation_id=source.organisation_id,
        state=state,
        title=entry.title,
        lead=entry.lead,
        body_html=entry.body_html,
        body_text=entry.body_text,
        picture=fetched.picture,
        picture_error=fetched.error or {},
        author=entry.author,
        tags=list(tags),
        language=entry.language,
        link=entry.link,
        link_key=entry.link_key,
        published_at=entry.published_at,
        content_hash=entry.content_hash,
    )


def _change(item: Item, entry: Entry, fetched: Fetched, labels: Labels) -> Done:
    before = content_of(item)
    _follow_link(item, entry)
    if item.content_hash != entry.content_hash:
        _say(item, entry, fetched, labels)
    after = content_of(item)
    if after != before:
        ItemRevision.objects.get_or_create(item=item, number=item.revision, defaults={"content": before})
        item.revision += 1
        ItemRevision.objects.create(item=item, number=item.revision, content=after)
    item.save()
    return Done.SAME if after == before else Done.CHANGED


def _say(item: Item, entry: Entry, fetched: Fetched, labels: Labels) -> None:
    item.title, item.lead, item.author = entry.title, entry.lead, entry.author or item.author
    item.body_html, item.body_text = entry.body_html, entry.body_text
    item.published_at = entry.published_at or item.published_at
    item.content_hash = entry.content_hash
    if fetched.picture or not entry.pictures:
        item.picture = fetched.picture
    item.picture_error = fetched.error or {}
    matched = labels.match(entry.tags, entry.areas)
    item.tags = list(matched.rest)
    item.topics.add(*matched.topics)
    item.areas.add(*matched.areas)


def _follow_link(item: Item, entry: Entry) -> None:
    """An edited headline often moves the page: go with it, unless another item is already there."""
    if entry.link_key and entry.link_key != item.link_key:
        there = Item.objects.filter(organisation_id=item.organisation_id, link_key=entry.link_key)
        if not there.exists():
            item.link, item.link_key = entry.link, entry.link_key


def content_of(item: Item) -> dict[str, Any]:
    """What an item says, as ItemRevision keeps it."""
    return {
        "title": item.title,
        "lead": item.lead,
        "body_html": item.body_html,
        "body_text": item.body_text,
        "picture_id": item.picture_id,
        "author": item.author,
    }


def _entry_of(candidate: Candidate, base_url: str) -> Entry:
    link = without_tracking(web_address(candidate.link))
    body_html = clean_html(candidate.body_html, link or base_url)
    body_text = text_of_clean(body_html)
    lead = excerpt(tidy(candidate.lead), LONGEST_LEAD) or excerpt(_first_paragraph(body_text), LEAD_FROM_BODY)
    title = excerpt(one_line(candidate.title) or lead or link, TITLE_LENGTH)
    picture = candidate.pictures[0].url if candidate.pictures else ""
    said = json.dumps([title, lead, body_html, normalise_link(picture)])
    now = timezone.now()
    return Entry(
        external_key=identity_of(candidate),
        link=link,
        link_key=normalise_link(link),
        title=title,
        lead=lead,
        body_html=body_html,
        body_text=body_text,
        author=one_line(candidate.author)[:200],
        language=candidate.language[:8],
        # A date ahead of us would keep an item on top of every list until then.
        published_at=min(candidate.published_at, now) if candidate.published_at else None,
        tags=tuple(word for tag in candidate.tags if (word := one_line(tag)[:_TAG_LENGTH])),
        areas=tuple(word for area in candidate.areas if (word := one_line(area)[:_TAG_LENGTH])),
        pictures=candidate.pictures,
        content_hash=hashlib.sha256(said.encode()).hexdigest(),
    )


def _first_paragraph(text: str) -> str:
    return text.partition("\n\n")[0].removeprefix("- ")
