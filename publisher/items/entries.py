"""From what a source gives to entries: candidates in the words of an Item, cleaned and cut, each key once."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from publisher.items.content import clean_html, excerpt, one_line, text_of_clean, tidy
from publisher.items.events import event_key
from publisher.items.identity import (
    Sites,
    at_site,
    guid_of,
    identity_of,
    links_at_site,
    normalise_link,
    text_key,
    title_key,
    web_address,
    without_tracking,
    words_key,
)
from publisher.sources.contract import Candidate, Event, PictureRef

TITLE_LENGTH = 300
LEAD_FROM_BODY = 300
LONGEST_LEAD = 2_000
_TAG_LENGTH = 120
# A date so far ahead is that of no event, but a mistake.
FURTHEST = timedelta(days=3_650)
NO_SITES: Sites = {}
# An edited entry may stand in a feed twice, as it was and as it is; what says more under one key is several entries.
_BEFORE_AND_AFTER = 2


@dataclass(frozen=True)
class Entry:
    """A candidate in the words of an Item: cleaned, cut to what the columns hold. `link_key` "" if it tells nothing.

    `has_guid`: its key is one that the source gave it, not one that was made of its link or its words; `words_key` is
    the one that is made of its words. `dated_at`: the date as the source gave it, also one that is still to come.
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
    text_key: str
    author: str
    language: str
    published_at: datetime | None
    dated_at: datetime | None
    tags: tuple[str, ...]
    areas: tuple[str, ...]
    pictures: tuple[PictureRef, ...]
    event: Event | None
    content_hash: str
    words_key: str
    page_error: dict[str, Any] | None = None


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
    for _candidate, entry in told:
        key = entry.external_key
        if key in unsure or not (entry.has_guid or entry.link_key):
            key = entry.link_key or entry.words_key
        has_guid = entry.has_guid and entry.external_key not in unsure
        is_sure = key == entry.external_key and has_guid == entry.has_guid
        entries.setdefault(key, entry if is_sure else replace(entry, external_key=key, has_guid=has_guid))
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


def _entry_of(candidate: Candidate, base_url: str, sites: Sites) -> Entry:
    written = without_tracking(web_address(candidate.link))
    link = web_address(at_site(written, sites))
    body_html = clean_html(candidate.body_html, written or base_url)
    body_text = text_of_clean(body_html)
    lead = excerpt(tidy(candidate.lead), LONGEST_LEAD) or excerpt(_first_paragraph(body_text), LEAD_FROM_BODY)
    title = excerpt(one_line(candidate.title) or lead or link, TITLE_LENGTH)
    picture = candidate.pictures[0].url if candidate.pictures else ""
    event = [event_key(candidate.event)] if candidate.event else []
    # As the source has it, so that naming another address of its website is no edit.
    said = json.dumps([title, lead, body_html, normalise_link(picture), *event])
    published, now = candidate.published_at, timezone.now()
    return Entry(
        external_key=identity_of(candidate if link == candidate.link else replace(candidate, link=link)),
        has_guid=bool(guid_of(candidate.external_key)),
        link=link,
        link_key=normalise_link(link),
        title=title,
        title_key=title_key(title),
        lead=lead,
        body_html=links_at_site(body_html, sites),
        body_text=body_text,
        text_key=text_key(body_text),
        author=one_line(candidate.author)[:200],
        language=candidate.language[:8],
        # A date ahead of us would keep an item on top of every list until then.
        published_at=min(published, now) if published else None,
        dated_at=published if published and published < now + FURTHEST else None,
        tags=tuple(word for tag in candidate.tags if (word := one_line(tag)[:_TAG_LENGTH])),
        areas=tuple(word for area in candidate.areas if (word := one_line(area)[:_TAG_LENGTH])),
        pictures=candidate.pictures,
        event=candidate.event,
        content_hash=hashlib.sha256(said.encode()).hexdigest(),
        words_key=words_key(candidate),
    )


def _first_paragraph(text: str) -> str:
    return text.partition("\n\n")[0].removeprefix("- ")
