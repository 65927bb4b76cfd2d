"""From one entry of a source to its Item: which one it is, what it says, what changed. Short transactions only."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation
from publisher.items.content import clean_html, excerpt, one_line, text_of_clean, tidy
from publisher.items.events import event_key, put_event
from publisher.items.identity import (
    Sites,
    at_site,
    guid_of,
    identity_of,
    identity_without_guid,
    normalise_link,
    title_key,
    web_address,
    without_tracking,
)
from publisher.items.labels import Labels, Matched
from publisher.items.recognise import Known, Recognised
from publisher.items.suggestion import SUGGESTED, suggest
from publisher.models import Item, ItemRevision, Picture, Sighting, Source, User
from publisher.sources.contract import Candidate, Event, PictureRef
from publisher.vocabulary import ItemState, SourceStatus

TITLE_LENGTH = 300
LEAD_FROM_BODY = 300
LONGEST_LEAD = 2_000
_TAG_LENGTH = 120
_TRIES = 3
NO_SITES: Sites = {}
REUSED_KEY = Explanation(
    gettext_noop("The website gave it the identifier of an older news item, whose headline, page and date are others.")
)
# An edited entry may stand in a feed twice, as it was and as it is; what says more under one key is several entries.
_BEFORE_AND_AFTER = 2


@dataclass(frozen=True)
class Entry:
    """A candidate in the words of an Item: cleaned, cut to what the columns hold. `link_key` "" if it tells nothing.

    `has_guid`: its key is one that the source gave it, not one that was made of its link or its words.
    `page_error`: why its page was not read (as Fetched.error), so that what it lacks may stand there.
    """

    external_key: str
    has_guid: bool
    link: str
    link_key: str
    title: str
    title_key: str
    lead: str
    body_html: str
    body_text: str
    author: str
    language: str
    published_at: datetime | None
    tags: tuple[str, ...]
    areas: tuple[str, ...]
    pictures: tuple[PictureRef, ...]
    event: Event | None
    content_hash: str
    page_error: dict[str, Any] | None = None


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


def entries_of(candidates: Iterable[Candidate], base_url: str = "", sites: Sites = NO_SITES) -> list[Entry]:
    """All that can become items, each once: of two with one key the first wording counts.

    A link that is a front page or that different entries share tells nothing; neither does a guid that entries with
    different links and headlines share, and then they go by their links, or else by their words.
    """
    read = [(candidate, entry) for candidate in candidates if (entry := _entry_of(candidate, base_url, sites)).title]
    shared = _shared_links([entry for _candidate, entry in read])
    told = [
        (candidate, replace(entry, link_key="") if entry.link_key in shared else entry) for candidate, entry in read
    ]
    unsure = _shared_guids([entry for _candidate, entry in told])
    entries: dict[str, Entry] = {}
    for candidate, entry in told:
        key = entry.external_key
        if key in unsure or not (entry.has_guid or entry.link_key):
            key = identity_without_guid(replace(candidate, link=entry.link), link_tells=bool(entry.link_key))
        has_guid = entry.has_guid and entry.external_key not in unsure
        entries.setdefault(key, replace(entry, external_key=key, has_guid=has_guid))
    return list(entries.values())


def _shared_links(entries: Sequence[Entry]) -> set[str]:
    """The link keys that tell nothing of which entry it is."""
    titles: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for number, entry in enumerate(entries):
        titles[entry.link_key][entry.external_key if entry.has_guid else str(number)].add(entry.title_key)
    return {key for key, by_guid in titles.items() if _is_front_page(key) or _is_several(list(by_guid.values()))}


def _is_several(titles: Sequence[set[str]]) -> bool:
    if any(len(each) > _BEFORE_AND_AFTER for each in titles):
        return True
    return len(titles) > 1 and len(set.union(*titles)) > 1


def _shared_guids(entries: Sequence[Entry]) -> set[str]:
    """The guids under which there are entries with neither a link nor a headline in common."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.has_guid:
            groups[entry.external_key].append(entry)
    return {guid for guid, group in groups.items() if any(_differ(group[0], other) for other in group[1:])}


def _differ(one: Entry, other: Entry) -> bool:
    return one.title_key != other.title_key and not (one.link_key and one.link_key == other.link_key)


def _is_front_page(link_key: str) -> bool:
    return not any(mark in link_key for mark in "/?") and not link_key.startswith("sha256:")


def sight(source: Source, entry: Entry, item: Item) -> None:
    """Remember under which key this source knows an item."""
    Sighting.objects.get_or_create(
        source=source, external_key=entry.external_key, defaults={"item": item, "link": entry.link}
    )


def is_news(source: Source, entry: Entry, item: Item) -> bool:
    """Whether the source now says something else about an item, or has moved it."""
    moved = bool(entry.link_key) and entry.link_key != item.link_key
    return (moved or item.content_hash != entry.content_hash) and speaks_for(source, item)


def speaks_for(source: Source, item: Item) -> bool:
    """Whether a source's words about an item count: only those of the source that saw it first.

    Two that word it differently would overwrite each other for ever.
    """
    sightings = item.sightings.filter(source__status=SourceStatus.ACTIVE).order_by("id")
    return sightings.values_list("source_id", flat=True).first() == source.pk


def record(
    source: Source,
    entry: Entry,
    fetched: Fetched,
    *,
    state: str,
    labels: Labels,
    held_why: Explanation | None = None,
    taken: Collection[int] = (),
) -> tuple[Done, Item]:
    """Write an entry: a new item in `state`, another sighting, or a new revision. Never changes an item's state.

    `held_why` is for the state `held`. A new item whose key was another's before is held whatever `state` says.
    `taken` are items that other entries of the same look are.
    """
    held = held_why.as_json() if held_why else {}
    for _attempt in range(_TRIES - 1):
        try:
            return _record_once(source, entry, fetched, state, labels, held, taken)
        except IntegrityError:
            continue  # another source wrote the same link in this moment: look again
    return _record_once(source, entry, fetched, state, labels, held, taken)


@transaction.atomic
def _record_once(
    source: Source,
    entry: Entry,
    fetched: Fetched,
    state: str,
    labels: Labels,
    held: dict[str, Any],
    taken: Collection[int],
) -> tuple[Done, Item]:
    found = recognised(source, entry, taken)
    entry = found.entry
    if found.item is None:
        if found.is_reused and state == ItemState.NEW:
            state, held = ItemState.HELD, REUSED_KEY.as_json()
        return Done.CREATED, _create(source, entry, fetched, state, labels, held)
    item = Item.objects.select_for_update().get(pk=found.item.pk)
    sight(source, entry, item)
    if item.pk in taken:
        # The same page twice in one look: the first wording counts.
        return Done.SAME, item
    if is_news(source, entry, item):
        return _change(item, entry, fetched, labels), item
    if fetched.picture and not item.picture_id:
        item.picture, item.picture_error = fetched.picture, {}
        item.save(update_fields=["picture", "picture_error", "updated_at"])
    return Done.SAME, item


def recognised(source: Source, entry: Entry, taken: Collection[int] = ()) -> Recognised:
    """Which item one entry is, looked up now."""
    return Known(source, [entry]).recognise(entry, taken)


def record_new(
    source: Source,
    entries: Sequence[Entry],
    *,
    state: str,
    labels: Labels,
    held_why: Explanation | None = None,
) -> list[Item]:
    """Write entries by which nothing here is known, and that share no link, as new items, in few statements.

    [] if another source wrote the same link in this moment: then nothing is written, and each is to be recorded alone.
    """
    matched = [_matched(entry, labels) for entry in entries]
    held = held_why.as_json() if held_why else {}
    items = [
        _item(source, entry, Fetched(), state, match.rest, held) for entry, match in zip(entries, matched, strict=True)
    ]
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


def _matched(entry: Entry, labels: Labels) -> Matched:
    return labels.match(entry.tags, entry.areas, entry.title, entry.lead, entry.body_text)


def _create(source: Source, entry: Entry, fetched: Fetched, state: str, labels: Labels, held: dict[str, Any]) -> Item:
    matched = _matched(entry, labels)
    item = _item(source, entry, fetched, state, matched.rest, held)
    item.save(force_insert=True)
    item.topics.add(*matched.topics)
    item.areas.add(*matched.areas)
    Sighting.objects.create(source=source, item=item, external_key=entry.external_key, link=entry.link)
    return item


def _item(
    source: Source, entry: Entry, fetched: Fetched, state: str, tags: Iterable[str], held: dict[str, Any]
) -> Item:
    item = Item(
        organisation_id=source.organisation_id,
        state=state,
        held_why=held,
        title=entry.title,
        title_key=entry.title_key,
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
    put_event(item, entry.event, source.organisation.timezone)
    return item


def _change(item: Item, entry: Entry, fetched: Fetched, labels: Labels) -> Done:
    before = content_of(item)
    _follow_link(item, entry)
    if item.content_hash != entry.content_hash and item.worded_at:
        suggest(item, entry.content_hash, {name: getattr(entry, name) for name in SUGGESTED})
    elif item.content_hash != entry.content_hash:
        _say(item, entry, fetched, labels)
    changed = revise(item, before)
    item.save()
    return Done.CHANGED if changed else Done.SAME


def revise(item: Item, before: dict[str, Any], by: User | None = None) -> bool:
    """Note a change in an item's history: `before` is its `content_of` from before it. The caller saves the item.

    Raises its revision; False, and nothing is noted, if it says what it said. Call it in the change's own transaction.
    """
    after = content_of(item)
    # That a page has moved changes nothing that anybody reads.
    if {**after, "link": ""} == {**before, "link": ""}:
        return False
    ItemRevision.objects.get_or_create(item=item, number=item.revision, defaults={"content": before})
    item.revision += 1
    ItemRevision.objects.create(item=item, number=item.revision, content=after, by=by)
    return True


def _say(item: Item, entry: Entry, fetched: Fetched, labels: Labels) -> None:
    item.title, item.lead, item.author = entry.title, entry.lead, entry.author or item.author
    item.title_key = entry.title_key
    item.body_html, item.body_text = entry.body_html, entry.body_text
    item.published_at = entry.published_at or item.published_at
    item.content_hash = entry.content_hash
    if not item.picture_by_hand and (fetched.picture or not (entry.pictures or entry.page_error)):
        item.picture = fetched.picture
    item.picture_error = fetched.error or {}
    put_event(item, entry.event, item.organisation.timezone)
    matched = _matched(entry, labels)
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
        "link": item.link,
        "event_starts_at": _iso(item.event_starts_at),
        "event_ends_at": _iso(item.event_ends_at),
        "event_all_day": item.event_all_day,
        "event_place": item.event_place,
        "event_price": item.event_price,
        "event_booking_url": item.event_booking_url,
        "event_status": item.event_status,
        "topics": [topic.name for topic in item.topics.order_by("name", "pk")],
        "areas": [area.name for area in item.areas.order_by("name", "pk")],
    }


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _entry_of(candidate: Candidate, base_url: str, sites: Sites) -> Entry:
    link = web_address(at_site(without_tracking(web_address(candidate.link)), sites))
    body_html = clean_html(candidate.body_html, link or base_url)
    body_text = text_of_clean(body_html)
    lead = excerpt(tidy(candidate.lead), LONGEST_LEAD) or excerpt(_first_paragraph(body_text), LEAD_FROM_BODY)
    title = excerpt(one_line(candidate.title) or lead or link, TITLE_LENGTH)
    picture = candidate.pictures[0].url if candidate.pictures else ""
    event = [event_key(candidate.event)] if candidate.event else []
    said = json.dumps([title, lead, body_html, normalise_link(picture), *event])
    now = timezone.now()
    return Entry(
        external_key=identity_of(replace(candidate, link=link)),
        has_guid=bool(guid_of(candidate.external_key)),
        link=link,
        link_key=normalise_link(link),
        title=title,
        title_key=title_key(title),
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
        event=candidate.event,
        content_hash=hashlib.sha256(said.encode()).hexdigest(),
    )


def _first_paragraph(text: str) -> str:
    return text.partition("\n\n")[0].removeprefix("- ")
