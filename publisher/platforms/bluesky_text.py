"""What a text becomes on Bluesky: addresses shown short, and links, hashtags and mentions marked by UTF-8 bytes.

Rules: app.bsky.richtext.facet (lexicon) and @atproto/api's rich text detection, so that people see there what they know
from Bluesky's own app.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import regex

from publisher.platforms.length import graphemes

TEXT_BYTES = 3000
BYTES_PER_CHARACTER = 10  # 300 characters may have 3000 bytes
TAG_GRAPHEMES, TAG_BYTES = 64, 640
# As in Bluesky's own app (toShortUrl): a longer path is cut.
_WHOLE_PATH, _CUT_PATH = 15, 13
_HANDLE_LENGTH = 253
_LINK = regex.compile(r"(?<![\w@#/])https?://[^\s<>\"“”„«»]+", regex.IGNORECASE)
_AFTER_LINK = ".,;:!?'’)]"
# Invisible characters that end a hashtag.
_ENDS_TAG = r"\s\u00ad\u2060\u200a-\u200d\u20e2"
_TAG = regex.compile(rf"(?<!\S)[#＃](?!\ufe0f)([^{_ENDS_TAG}]+)")
_TAG_WORD = regex.compile(r"[^\d\p{P}]")
_AFTER_TAG = regex.compile(r"\p{P}+$")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MENTION = regex.compile(rf"(?<![\w@#/.-])@((?>(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?))(?![\w@-])", regex.I)


class MarkKind(StrEnum):
    """What a marked stretch of text is."""

    LINK = "link"
    TAG = "tag"
    MENTION = "mention"


@dataclass(frozen=True)
class Mark:
    """Characters `start` to before `end`, and where they lead: a whole address, a tag without #, a handle without @."""

    start: int
    end: int
    kind: MarkKind
    value: str


def marks(text: str, link: str = "") -> list[Mark]:
    """The http(s) addresses, hashtags and handles in `text`, in order and apart from each other.

    `link` is an address known to be one to its last character, even if that looks like a full stop.
    """
    links = [_link(match.start(), match.group(), link) for match in _LINK.finditer(text)]
    others = [mark for mark in (*_tags(text), *_mentions(text)) if not _within(mark, links)]
    return sorted([*links, *others], key=lambda mark: mark.start)


def shown(text: str, link: str = "") -> tuple[str, list[Mark]]:
    """The text as it is published, with short addresses, and the marks in that; `link` as for `marks`."""
    pieces, moved, length, end = [], [], 0, 0
    for mark in marks(text, link):
        word = short_address(mark.value) if mark.kind is MarkKind.LINK else text[mark.start : mark.end]
        between = text[end : mark.start]
        start = length + len(between)
        length, end = start + len(word), mark.end
        pieces += [between, word]
        moved.append(Mark(start, length, mark.kind, mark.value))
    return "".join([*pieces, text[end:]]), moved


def short_address(address: str) -> str:
    """The host and the beginning of the path: what readers see of an address; all of it leads there."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    host = parts.netloc.rpartition("@")[2]
    path = address.partition("://")[2][len(parts.netloc) :]
    path = "" if path == "/" else path
    return f"{host}{path if len(path) <= _WHOLE_PATH else path[:_CUT_PATH] + '…'}" if host else address


def bluesky_length(text: str) -> int:
    """Graphemes of the text as it is published; where its bytes are what is too much, they count ten to a character.

    So it is over 300 exactly where Bluesky's 300 graphemes or 3000 UTF-8 bytes are (app.bsky.feed.post).
    """
    published, _marks = shown(text)
    size = len(published.encode())
    count = graphemes(published)
    return count if size <= TEXT_BYTES else max(count, -(-size // BYTES_PER_CHARACTER))


def facets(text: str, marked: Sequence[Mark], dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """The marks as the API takes them: UTF-8 byte ranges, the end exclusive. `dids`: handle (lower case) → DID.

    A handle that nobody has stays plain text.
    """
    found = []
    for mark in marked:
        feature = _feature(mark, dids)
        start = len(text[: mark.start].encode())
        index = {"byteStart": start, "byteEnd": start + len(text[mark.start : mark.end].encode())}
        found += [{"index": index, "features": [feature]}] if feature else []
    return found


def _feature(mark: Mark, dids: Mapping[str, str]) -> dict[str, str] | None:
    named = {"$type": f"app.bsky.richtext.facet#{mark.kind}"}
    if mark.kind is MarkKind.LINK:
        return {**named, "uri": mark.value}
    if mark.kind is MarkKind.TAG:
        return {**named, "tag": mark.value}
    did = dids.get(mark.value.lower(), "")
    return {**named, "did": did} if did else None


def _link(start: int, found: str, known: str) -> Mark:
    """The address in what was found, without the full stop or the bracket after it that did not open in it."""
    end = len(found)
    unopened = found.count(")") - found.count("(")
    while found != known and found[end - 1] in _AFTER_LINK:
        if found[end - 1] == ")":
            if unopened <= 0:
                break
            unopened -= 1
        end -= 1
    return Mark(start, start + end, MarkKind.LINK, found[:end])


def _tags(text: str) -> Iterator[Mark]:
    for match in _TAG.finditer(text):
        tag = _AFTER_TAG.sub("", match.group(1))
        fits = graphemes(tag) <= TAG_GRAPHEMES and len(tag.encode()) <= TAG_BYTES
        if fits and _TAG_WORD.search(tag):
            yield Mark(match.start(), match.start(1) + len(tag), MarkKind.TAG, tag)


def _mentions(text: str) -> Iterator[Mark]:
    for match in _MENTION.finditer(text):
        if len(match.group(1)) <= _HANDLE_LENGTH:
            yield Mark(match.start(), match.end(), MarkKind.MENTION, match.group(1))


def _within(mark: Mark, others: Sequence[Mark]) -> bool:
    return any(mark.start < other.end and other.start < mark.end for other in others)
