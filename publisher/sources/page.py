"""What the page of a news item says about it: the pictures it shows when it is shared, and the event it is about.

Open Graph (https://ogp.me), Twitter cards, and schema.org in JSON-LD. Reads what a page may hold at most, and never
fails: whatever cannot be understood is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from publisher.sources.contract import Event, PictureRef
from publisher.sources.feed_markup import TOKEN, attributes_of, pixels, plain_text, web_address
from publisher.sources.markup_pictures import best_first, merged
from publisher.sources.schema_events import event_of_page

MAX_BYTES = 1_000_000
_MAX_TAGS = 50_000
_MAX_DOCUMENTS = 20
_LONGEST_DOCUMENT = 200_000
_MAX_PICTURES = 10
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_PICTURE_NAMES = frozenset({"og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"})
_ALT_NAMES = frozenset({"og:image:alt", "twitter:image:alt"})


@dataclass(frozen=True)
class PageFacts:
    """What a page told: its pictures, the best first, and its event."""

    pictures: tuple[PictureRef, ...] = ()
    event: Event | None = None


def read_page(body: bytes, content_type: str, url: str) -> PageFacts:
    """Read an HTML page that came from `url`, its first MAX_BYTES; nothing where it is something else."""
    if content_type and "html" not in content_type.lower():
        return PageFacts()
    page = _text(body[:MAX_BYTES], content_type)
    metas: list[tuple[str, str]] = []
    documents: list[list[object]] = []
    for name, attributes, after in _tags(page):
        if name == "meta":
            key = (attributes.get("property") or attributes.get("name") or "").strip().lower()
            metas.append((key, attributes.get("content", "")))
        elif name == "link" and attributes.get("rel", "").strip().lower() == "image_src":
            metas.append(("og:image", attributes.get("href", "")))
        elif len(documents) < _MAX_DOCUMENTS and attributes.get("type", "").strip().lower() == "application/ld+json":
            documents.append(_document(page, after))
    return PageFacts(best_first(_pictures(metas, url)), event_of_page(documents, url) if documents else None)


def _text(body: bytes, content_type: str) -> str:
    """The page's letters: as the header says, else as the page itself does, else UTF-8."""
    named = _CHARSET.search(content_type) or _CHARSET.search(body[:2048].decode("ascii", "replace"))
    try:
        return body.decode(named[1] if named else "utf-8", "replace")
    except (LookupError, ValueError):  # no such charset, or one that is not for text
        return body.decode("utf-8", "replace")


def _tags(page: str) -> Iterator[tuple[str, dict[str, str], int]]:
    """The tags that may tell something: name, attributes, and where their content begins."""
    for number, token in enumerate(TOKEN.finditer(page)):
        if number >= _MAX_TAGS:
            return
        name = (token["name"] or "").lower()
        if name in {"meta", "link", "script"} and not token["end"]:
            yield name, attributes_of(token["rest"]), token.end()


def _document(page: str, start: int) -> list[object]:
    """The JSON that begins at `start`, in a list; an empty one if it is none."""
    end = page.find("</", start, start + _LONGEST_DOCUMENT)
    while end >= 0 and page[end + 2 : end + 8].lower() != "script":
        end = page.find("</", end + 2, start + _LONGEST_DOCUMENT)
    if end < 0:
        return []
    try:
        return [json.loads(page[start:end], strict=False)]
    except (ValueError, RecursionError):
        return []


def _pictures(metas: list[tuple[str, str]], url: str) -> list[PictureRef]:
    """Each picture that is named, with what the lines after it say of it (https://ogp.me/#structured)."""
    known: dict[str, PictureRef] = {}
    last = ""
    for name, content in metas:
        if name in _PICTURE_NAMES:
            last = web_address(content, url) if content.strip() else ""
            if last and len(known) < _MAX_PICTURES:
                known.setdefault(last, PictureRef(last))
        elif last in known:
            known[last] = merged(known[last], _told(name, content, known[last]))
    return list(known.values())


def _told(name: str, content: str, picture: PictureRef) -> PictureRef:
    if name in _ALT_NAMES:
        return replace(picture, alt=plain_text(content))
    if name == "og:image:width":
        return replace(picture, width=pixels(content))
    if name == "og:image:height":
        return replace(picture, height=pixels(content))
    return picture
