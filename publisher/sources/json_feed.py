"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/) into candidates."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.sources.contract import Candidate, PictureRef
from publisher.sources.feed_dates import moment
from publisher.sources.feed_entries import (
    LEAD_CHARACTERS,
    MAX_ENTRIES,
    MAX_MARKUP,
    NOT_A_FEED,
    ReadFeed,
    headline,
)
from publisher.sources.feed_markup import (
    paragraphs,
    plain_text,
    primary_language,
    web_address,
    with_absolute_addresses,
    without_controls,
)
from publisher.sources.feed_newest import newest
from publisher.sources.feed_text import text_of
from publisher.sources.markup_pictures import best_first, pictures_in

# A feed of 500 items needs a twentieth of it; each may take 30 times its own length of memory.
MAX_PARTS = 200_000
_VERSION = "jsonfeed.org/version/"
# A feed that says it is finished is looked at once a day, in case it is not.
_FINISHED_INTERVAL_S = 86_400
_Object = Mapping[str, Any]


def begins_as_json(body: bytes) -> bool:
    """Whether `body` can only be JSON: an object or a list, after white space and byte order mark."""
    head = body[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return head.startswith((b"{", b"["))


def read_json_feed(body: bytes, content_type: str, url: str) -> ReadFeed:
    """Read a JSON Feed; at most MAX_ENTRIES items, the newest. `url` is where it came from: addresses start there.

    Raises PermanentError (`not_a_feed`) in words that say what is wrong.
    """
    feed = _load(body, content_type)
    items = feed.get("items")
    if _VERSION not in _text(feed, "version") or not isinstance(items, list):
        raise PermanentError(
            gettext_noop(
                "This address gives JSON, but not a feed (JSON Feed). Use the address of the site's RSS, Atom or JSON "
                "Feed."
            ),
            reason=NOT_A_FEED,
        )
    items = [item for item in items if isinstance(item, dict)]
    wanted = newest([_latest(item) for item in items], MAX_ENTRIES) if len(items) > MAX_ENTRIES else range(len(items))
    found = [_candidate(item, feed, url) for place, item in enumerate(items) if place in wanted]
    return ReadFeed(
        plain_text(_text(feed, "title")),
        tuple(candidate for candidate in found if candidate.title),
        _FINISHED_INTERVAL_S if feed.get("expired") is True else 0,
        left_out=len(items) - len(wanted),
    )


def _load(body: bytes, content_type: str) -> _Object:
    """The outermost object; {} if it is something else."""
    if max(body.count(b"{"), body.count(b"[")) > MAX_PARTS:
        raise PermanentError(
            gettext_noop("The feed consists of so many parts that it is not safe to read."), reason=NOT_A_FEED
        )
    try:
        value = json.loads(
            text_of(body, content_type), strict=False, parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError) as error:
        raise PermanentError(
            gettext_noop("The feed is so damaged that it cannot be read."), reason=NOT_A_FEED
        ) from error
    return value if isinstance(value, dict) else {}


def _candidate(item: _Object, feed: _Object, url: str) -> Candidate:
    link = _address(item, "url", url) or _address(item, "external_url", url)
    body, summary = _body(item, url), plain_text(_text(item, "summary"))
    words = plain_text(body)
    lead = summary if summary != words else ""
    if not summary and len(words) <= LEAD_CHARACTERS:
        lead = words
    return Candidate(
        external_key=without_controls(_text(item, "id")).strip(),
        title=headline(_text(item, "title"), lead, body, link),
        link=link,
        lead=lead,
        body_html=body or html.escape(summary, quote=False),
        author=_author(item) or _author(feed),
        published_at=moment(_text(item, "date_published")) or moment(_text(item, "date_modified")),
        language=primary_language(_text(item, "language")) or primary_language(_text(feed, "language")),
        tags=tuple(dict.fromkeys(word for tag in _list(item, "tags") if (word := _word(tag)))),
        pictures=best_first([*_pictures(item, url), *pictures_in(body, link or url)]),
    )


def _latest(item: _Object) -> datetime | None:
    times = (moment(_text(item, "date_published")), moment(_text(item, "date_modified")))
    return max((each for each in times if each), default=None)


def _body(item: _Object, url: str) -> str:
    markup = without_controls(_text(item, "content_html")[:MAX_MARKUP]).strip()
    if markup:
        return with_absolute_addresses(markup, url)
    return paragraphs(without_controls(_text(item, "content_text")[:MAX_MARKUP]))


def _author(holder: _Object) -> str:
    """JSON Feed 1.1 has a list, 1.0 one."""
    for author in [*_list(holder, "authors"), holder.get("author")]:
        name = _word(author.get("name")) if isinstance(author, dict) else ""
        if name and "@" not in name:
            return name
    return ""


def _pictures(item: _Object, url: str) -> Iterator[PictureRef]:
    for name in ("image", "banner_image"):
        address = _address(item, name, url)
        if address:
            yield PictureRef(address)
    for attachment in _list(item, "attachments"):
        if isinstance(attachment, dict) and _text(attachment, "mime_type").lower().startswith("image/"):
            address = _address(attachment, "url", url)
            if address:
                yield PictureRef(address, alt=_word(attachment.get("title")))


def _address(holder: _Object, name: str, url: str) -> str:
    written = _text(holder, name).strip()
    return web_address(written, url) if written else ""


def _text(holder: _Object, name: str) -> str:
    """A text, or a number as it is written (ids were numbers in early feeds); "" for anything else."""
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    return plain_text(value) if isinstance(value, str) else ""


def _list(holder: _Object, name: str) -> list[Any]:
    value = holder.get(name)
    return value if isinstance(value, list) else []
