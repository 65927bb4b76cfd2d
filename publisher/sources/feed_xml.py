"""feedparser, driven by us: one pass over a feed's XML, within bounds, with what feedparser does not know.

It mixes up a picture's media:description with the description of the news item, and knows no tombstones (RFC 6721). It
also reads without end and expands what it is given. So expat's events come here first. Feeds that are not well-formed
go through its forgiving parser, a bounded part of them. Its own cleaning of HTML is off: `items.content` cleans.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.entities import html5
from itertools import islice
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from feedparser.api import LooseFeedParser

from publisher.sources.feed_elements import FeedElements, Name, parser_for, split
from publisher.sources.feed_newest import ENTRIES, newest_in

MAX_ENTRIES = 500
# Enough for 500 entries, or for 100 articles whose paragraphs are elements of the feed itself.
MAX_ELEMENTS = 50_000
# What lies deeper is markup that nobody wrote.
MAX_DEPTH = 100
# An entry has a few of these; feedparser compares each with all others.
_FEW = frozenset(
    {"category", "subject", "keywords", "link", "enclosure", "thumbnail", "content", "author", "contributor"}
)
MAX_OF_A_KIND = 100
# So many mistakes are worth putting right.
MAX_MENDED = 100_000
# What the forgiving parser is given, in characters: it is slow.
MAX_LOOSE = 500_000
_MEDIA_RSS = frozenset({"http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss"})
_TEXTS = {"description": "alt", "title": "title", "credit": "credit"}
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_ENTRY_BEGINS = re.compile(r"<(?:item|entry)[\s>]", re.IGNORECASE)
# An ampersand that begins nothing XML knows; CDATA sections, where it may stand, are matched to be passed over.
_LOOSE_AMPERSAND = re.compile(
    r"<!\[CDATA\[(?:[^\]]|\](?!\]>))*+(?:\]\]>)?"
    r"|&(?!(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,30};)?"
)


class DeclaresEntitiesError(Exception):
    """The feed defines XML entities of its own: a few lines of them can expand to gigabytes."""


class _EnoughError(Exception):
    """What was read until here is all that is wanted."""


class _UnknownLetterError(Exception):
    """An entity that only a DTD elsewhere defines; the forgiving parser knows those of HTML."""


@dataclass
class ParsedFeed:
    """What feedparser made of it; `version` is "" if it is no feed. `deleted`: keys of entries taken back → when.

    `damaged`: it was not well-formed and could not be mended, so that something of it may be missing. `left_out`: so
    many entries were not read, since there are more than we read.
    """

    version: str
    feed: Mapping[str, Any]
    entries: list[Any]
    deleted: dict[str, str] = field(default_factory=dict)
    damaged: bool = False
    left_out: int = 0


def parse_feed(text: str) -> ParsedFeed:
    """Read RSS or Atom. At most MAX_ENTRIES entries, the newest (feed_newest).

    Addresses stay relative to where the feed came from; what xml:base says is heeded. (With a base feedparser joins
    addresses at each element, which is a quarter of its work.)

    Raises DeclaresEntitiesError, and whatever feedparser meets broken feeds with.
    """
    text = text.lstrip()
    read = _read_strictly(text)
    if read is None and text.count("&") < MAX_MENDED and (mended := _mended(text)) != text:
        read = _read_strictly(mended)
    return read or _read_loosely(text)


def _read_strictly(text: str) -> ParsedFeed | None:
    strict = _Reader(newest_in(text, MAX_ENTRIES, MAX_ELEMENTS))
    try:
        strict.read(text)
    except _EnoughError:
        pass
    except (expat.ExpatError, _UnknownLetterError):
        return None
    return strict.result()


def _mended(text: str) -> str:
    """Without the most frequent mistakes: “&” as itself, and HTML's names for letters."""

    def put_right(found: re.Match[str]) -> str:
        if found[0].startswith("<"):
            return found[0]
        name = found[1] or ""
        return escape(html5[name]) if name in html5 else f"&amp;{name}"

    return _LOOSE_AMPERSAND.sub(put_right, text)


def _read_loosely(text: str) -> ParsedFeed:
    text = text[:MAX_LOOSE]
    for number, begins in enumerate(_ENTRY_BEGINS.finditer(text)):
        if number == MAX_ENTRIES:
            text = text[: begins.start()]
            break
    parser = LooseFeedParser("", None, "utf-8", {})
    parser.resolve_relative_uris = parser.sanitize_html = False
    parser.feed(text)
    # Where the feed breaks off in an entry, only half of its text is there: it is not news before it is whole.
    entries = parser.entries[:-1] if parser.inentry else parser.entries
    return ParsedFeed(parser.version, parser.feeddata, entries, damaged=True)


class _Reader:
    """Expat's events on their way to feedparser."""

    def __init__(self, newest: tuple[frozenset[int], int] | None) -> None:
        self._feed = FeedElements()
        # The places of the entries that are read (None: all), and how many others there are.
        self._chosen: frozenset[int] | None = newest[0] if newest else None
        self._left_out = newest[1] if newest else 0
        # Of the entry that is being read: its depth (0: none is), its place, whether it is one of the others.
        self._entry_depth, self._place, self._is_other = 0, -1, False
        self._deleted: dict[str, str] = {}
        self._elements = self._depth = 0
        self._kinds: Counter[str] = Counter()
        self._names: dict[str, Name] = {}
        # Depth of elements that are not passed on; the picture text that is being read, if any.
        self._hidden = 0
        self._reading: tuple[Name, str] | None = None
        self._pieces: list[str] = []
        # From the outermost in: media objects of an item, of a group, one of them; and the texts given at that level.
        self._levels: list[tuple[Name, list[dict[str, Any]], dict[str, str]]] = []

    def read(self, text: str) -> None:
        """Raises ExpatError if it is not well-formed."""
        parser = parser_for(self._start, self._end, self._text)
        parser.StartNamespaceDeclHandler = lambda prefix, uri: self._feed.startPrefixMapping(prefix, uri or "")
        parser.EntityDeclHandler = _refuse
        parser.SkippedEntityHandler = _unknown_letter
        parser.Parse(text.encode("utf-8", "replace"), True)

    def result(self) -> ParsedFeed:
        entries = self._feed.entries[:MAX_ENTRIES]
        return ParsedFeed(self._feed.version, self._feed.feeddata, entries, self._deleted, left_out=self._left_out)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        name = self._names.get(tag) or self._names.setdefault(tag, split(tag))
        if self._chosen is not None and self._is_left_out(name[1]):
            self._hidden += 1
            return
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise _EnoughError
        if len(attributes) > MAX_OF_A_KIND:
            attributes = dict(islice(attributes.items(), MAX_OF_A_KIND))
        if self._hidden or self._reading or self._depth > MAX_DEPTH or self._is_one_too_many(name[1]):
            self._hidden += 1
        elif name == (_TOMBSTONES, "deleted-entry"):
            self._hidden = 1
            if attributes.get("ref") and len(self._deleted) < MAX_ENTRIES:
                self._deleted[attributes["ref"]] = attributes.get("when", "")
        elif self._levels and name[0] in _MEDIA_RSS and name[1] in _TEXTS:
            self._reading, self._pieces = (name, _TEXTS[name[1]]), []
        else:
            self._pass_on(name, attributes)

    def _is_left_out(self, kind: str) -> bool:
        if not self._entry_depth and kind in ENTRIES:
            self._entry_depth = self._depth
            self._place += 1
            self._is_other = self._chosen is not None and self._place not in self._chosen
        return self._is_other

    def _is_one_too_many(self, kind: str) -> bool:
        if kind not in _FEW:
            return False
        self._kinds[kind] += 1
        return self._kinds[kind] > MAX_OF_A_KIND

    def _pass_on(self, name: Name, attributes: dict[str, str]) -> None:
        if name[1] in ENTRIES:
            self._kinds.clear()
            if len(self._feed.entries) >= MAX_ENTRIES:
                raise _EnoughError
        self._feed.begin(name, attributes)
        if name[1] in ENTRIES and not self._levels:
            self._levels.append((name, [], {}))
        elif self._levels and name[0] in _MEDIA_RSS and name[1] in {"group", "content", "thumbnail"}:
            self._levels.append((name, self._media_of(name[1]), {}))

    def _media_of(self, kind: str) -> list[dict[str, Any]]:
        known = self._feed.entries[-1].get(f"media_{kind}") if self._feed.entries and self._feed.inentry else None
        return [known[-1]] if known and kind != "group" else []

    def _text(self, text: str) -> None:
        if self._reading:
            self._pieces.append(text)
        elif not self._hidden:
            self._feed.characters(text)

    def _end(self, tag: str) -> None:
        name = self._names[tag]
        if self._depth == self._entry_depth:
            self._entry_depth, self._is_other = 0, False
        self._depth -= 1
        if self._hidden:
            self._hidden -= 1
            return
        if self._reading:
            self._levels[-1][2].setdefault(self._reading[1], "".join(self._pieces).strip())
            self._reading = None
            return
        if self._levels and self._levels[-1][0] == name:
            self._close_level()
        self._feed.end(name)

    def _close_level(self) -> None:
        """Texts are for the media objects of their level that have none of their own; without any for the item.

        A title is an object's own: further out it is the headline, which describes no picture.
        """
        name, media, texts = self._levels.pop()
        for each in media:
            for key, words in texts.items():
                if key != "title" or name[1] not in {"group", *ENTRIES}:
                    each[key] = each.get(key) or words
        if self._levels:
            self._levels[-1][1].extend(media)
            if not media:
                for key, words in texts.items():
                    self._levels[-1][2].setdefault(key, words)
        elif not media and texts and self._feed.entries:
            _describe(self._feed.entries[-1], texts)


def _describe(entry: Any, texts: Mapping[str, str]) -> None:
    """An item that is a film says about itself only what it says about the film."""
    if texts.get("title") and not entry.get("title"):
        entry["title"] = texts["title"]
    if texts.get("alt") and not entry.get("summary") and not entry.get("content"):
        entry["summary"] = texts["alt"]
        entry["summary_detail"] = {"type": "text/plain", "value": texts["alt"]}


def _refuse(*_declaration: object) -> None:
    raise DeclaresEntitiesError


def _unknown_letter(*_entity: object) -> None:
    raise _UnknownLetterError
