"""From one entry of a source to its Item: which one it is, what it says, what changed. Short transactions only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from django.db import IntegrityError, transaction

from publisher.errors import Explanation
from publisher.items.entries import Entry
from publisher.items.events import put_event
from publisher.items.labels import Labels, Matched
from publisher.items.pictures import own_alt
from publisher.items.recognise import Known, Recognised
from publisher.items.suggestion import SUGGESTED, suggest
from publisher.models import Item, ItemRevision, Picture, Sighting, Source, User
from publisher.models.raw import add_pairs, add_rows
from publisher.vocabulary import ItemState, SourceStatus

_TRIES = 3


@dataclass(frozen=True)
class Fetched:
    """What came of an entry's picture. `alt`: what the entry says that it shows. `error` as an Explanation's JSON, with
    "again" where it is worth a later try."""

    picture: Picture | None = None
    alt: str = ""
    error: dict[str, Any] | None = None

    @property
    def own_alt(self) -> str:
        """As Item.picture_alt."""
        return own_alt(self.picture, self.alt)


class Done(Enum):
    """What writing an entry did."""

    CREATED = "created"
    CHANGED = "changed"
    SAME = "same"


def sight(source: Source, entry: Entry, item: Item) -> bool:
    """Remember under which key this source knows an item; False if it was known."""
    _sighting, is_first = Sighting.objects.get_or_create(
        source=source, external_key=entry.external_key, defaults={"item": item, "link": entry.link}
    )
    return is_first


def label_by_source(item: Item, labels: Labels) -> None:
    """Give an item what is said of everything from a source that has it too; not where a person chose its labels."""
    if item.worded_at is None:
        matched = labels.of_source()
        item.topics.add(*matched.topics)
        item.areas.add(*matched.areas)


def lacks_picture(item: Item) -> bool:
    """Whether a source may still give it one: it has none, and nobody has decided so. A failed try says "again"."""
    decided = item.picture_by_hand or item.worded_at or (item.picture_error and "again" not in item.picture_error)
    return not item.picture_id and not decided


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

    `held_why` is for the state `held`. A new item of which it is doubted that it is one is held anyway.
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
        if found.doubt and state == ItemState.NEW:
            state, held = ItemState.HELD, found.doubt.as_json()
        return Done.CREATED, _create(source, entry, fetched, state, labels, held)
    item = Item.objects.select_for_update().get(pk=found.item.pk)
    if sight(source, entry, item):
        label_by_source(item, labels)
    if item.pk in taken:
        # The same page twice in one look: the first wording counts.
        return Done.SAME, item
    if is_news(source, entry, item):
        return _change(item, entry, fetched, labels), item
    if fetched.picture and not item.picture_id:
        item.picture, item.picture_alt, item.picture_error = fetched.picture, fetched.own_alt, {}
        item.save(update_fields=["picture", "picture_alt", "picture_error", "updated_at"])
    return Done.SAME, item


def recognised(source: Source, entry: Entry, taken: Collection[int] = ()) -> Recognised:
    """Which item one entry is, looked up now. That it may be something else was asked in the look."""
    return Known(source, [entry], wary=False).recognise(entry, taken)


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
    try:
        with transaction.atomic():
            add_rows(items)
            sightings = [
                Sighting(source_id=source.pk, item_id=item.pk, external_key=entry.external_key, link=entry.link)
                for item, entry in zip(items, entries, strict=True)
            ]
            add_rows(sightings)
            pairs = list(zip(items, matched, strict=True))
            add_pairs(Item.topics.through, [(item.pk, topic.pk) for item, each in pairs for topic in each.topics])
            add_pairs(Item.areas.through, [(item.pk, area.pk) for item, each in pairs for area in each.areas])
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
        text_key=entry.text_key,
        picture=fetched.picture,
        picture_alt=fetched.own_alt,
        picture_error=fetched.error or {},
        author=entry.author,
        tags=list(tags),
        language=entry.language,
        link=entry.link,
        link_key=entry.link_key,
        published_at=entry.published_at,
        dated_at=_dated(entry),
        content_hash=entry.content_hash,
    )
    if entry.event:
        put_event(item, entry.event, source.organisation.timezone, headline=entry.title)
    return item


def _change(item: Item, entry: Entry, fetched: Fetched, labels: Labels) -> Done:
    before = content_of(item)
    _follow_link(item, entry)
    if item.content_hash != entry.content_hash:
        earlier = str(item.suggestion.get("title") or item.title)
        if item.worded_at:
            suggest(item, entry.content_hash, {name: getattr(entry, name) for name in SUGGESTED})
        else:
            _say(item, entry, fetched, labels)
        # A colleague's words do not make a concert take place that was called off.
        put_event(item, entry.event, item.organisation.timezone, headline=entry.title, earlier=earlier)
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
    item.body_html, item.body_text, item.text_key = entry.body_html, entry.body_text, entry.text_key
    if entry.published_at:
        item.published_at, item.dated_at = entry.published_at, _dated(entry)
    item.content_hash = entry.content_hash
    if not item.picture_by_hand and (fetched.picture or not (entry.pictures or entry.page_error)):
        item.picture, item.picture_alt = fetched.picture, fetched.own_alt
    item.picture_error = fetched.error or {}
    matched = _matched(entry, labels)
    item.tags = list(matched.rest)
    item.topics.add(*matched.topics)
    item.areas.add(*matched.areas)


def _dated(entry: Entry) -> datetime | None:
    return entry.dated_at if entry.dated_at != entry.published_at else None


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
