"""From a feed's bytes to candidates: what feedparser makes of them, brought into our words."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext_noop

from publisher.errors import Explanation, PermanentError
from publisher.sources.contract import Candidate, PictureRef
from publisher.sources.feed_dates import moment
from publisher.sources.feed_events import event_in
from publisher.sources.feed_markup import (
    pixels,
    plain_text,
    primary_language,
    web_address,
    with_absolute_addresses,
    without_controls,
)
from publisher.sources.feed_pages import NamedFeed, named_feeds
from publisher.sources.feed_text import text_of
from publisher.sources.feed_xml import MAX_ENTRIES, DeclaresEntitiesError, ParsedFeed, parse_feed
from publisher.sources.markup_pictures import best_first, pictures_in

__all__ = ["MAX_ENTRIES", "NOT_A_FEED", "NotAFeedError", "ReadFeed", "read_feed"]

NOT_A_FEED = "not_a_feed"
# A description longer than this is the article itself, not a lead.
LEAD_CHARACTERS = 600
TITLE_CHARACTERS = 100
# No more of a text is kept (items.content).
MAX_MARKUP = 500_000
_HEAD = 65_536
_PERIODS_S = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PICTURE_ENDINGS = frozenset({"jpg", "jpeg", "png", "webp", "gif", "heic", "avif"})
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream", "unknown/unknown"})
_SHORT_WORD = 100
_WRITTEN_TAG = re.compile(r"&lt;(?:p|br|div|a|ul|ol|h[1-6]|img|strong|em|b|i|span|figure)\b", re.IGNORECASE)
_DAMAGED = gettext_noop(
    "The feed is damaged or breaks off. News items that could be read whole: %(number)s. The rest is read when it has "
    "been put right: tell those who publish it."
)
_Entry = Mapping[str, Any]


class NotAFeedError(PermanentError):
    """What was read is no feed; if it is a web page at `url`, `named` are the feeds that it names."""

    def __init__(
        self, msgid: str, *, is_page: bool = False, url: str = "", named: tuple[NamedFeed, ...] = (), **params: object
    ) -> None:
        super().__init__(msgid, reason=NOT_A_FEED, **params)
        self.is_page, self.url, self.named = is_page, url, named


@dataclass(frozen=True)
class ReadFeed:
    """A feed's title, its entries and the pause in seconds that it asks for between polls (0: none).

    `withdrawn` are the keys of entries that it takes back; `damage` says in words that something may be missing;
    `left_out`: so many older entries were not read.
    """

    title: str
    candidates: tuple[Candidate, ...]
    interval_s: int
    withdrawn: tuple[str, ...] = ()
    damage: Explanation | None = None
    left_out: int = 0


def read_feed(body: bytes, content_type: str, url: str) -> ReadFeed:
    """Read RSS or Atom; at most MAX_ENTRIES entries, the newest. `url` is where it came from: links start there.

    Raises PermanentError (`not_a_feed`) if it is something else or nothing of it is whole, in words that say what.
    """
    text = text_of(body, content_type)
    if _begins_as_a_page(text):
        raise _not_a_feed(text, content_type, url)
    parsed = _parse(text)
    if not parsed.version:
        raise _not_a_feed(text, content_type, url)
    withdrawn = _withdrawn(parsed)
    # As plain dicts from here on: feedparser's own have several names for things, which takes ten times as long.
    entries = [entry for entry in map(dict, parsed.entries[:MAX_ENTRIES]) if entry.get("id") not in withdrawn]
    language = parsed.feed.get("language")
    read = tuple(each for entry in entries if (each := _candidate(entry, language, url)).title)
    if not read and not withdrawn and (entries or parsed.damaged):
        raise _nothing_in_it(parsed)
    return ReadFeed(
        plain_text(parsed.feed.get("title") or ""),
        read,
        _interval_s(parsed.feed),
        tuple(without_controls(key) for key in withdrawn),
        Explanation(_DAMAGED, {"number": str(len(read))}) if parsed.damaged else None,
        parsed.left_out,
    )


def _nothing_in_it(parsed: ParsedFeed) -> PermanentError:
    if parsed.damaged:
        return PermanentError(gettext_noop("The feed is so damaged that it cannot be read."), reason=NOT_A_FEED)
    return PermanentError(
        gettext_noop("Nothing in the feed has a headline, a text or an address, so there is no news in it to read."),
        reason=NOT_A_FEED,
    )


def _parse(text: str) -> ParsedFeed:
    try:
        return parse_feed(text)
    except DeclaresEntitiesError as error:
        raise PermanentError(
            gettext_noop(
                "The feed defines XML entities of its own, which is not safe to read. Ask those who publish it for one "
                "without them."
            ),
            reason=NOT_A_FEED,
        ) from error
    except Exception as error:  # feedparser meets broken feeds with errors of every kind
        raise PermanentError(
            gettext_noop("The feed is so damaged that it cannot be read."), reason=NOT_A_FEED
        ) from error


def _withdrawn(parsed: ParsedFeed) -> dict[str, str]:
    """Tombstones that no newer entry of the same name contradicts (RFC 6721 §3)."""
    stands = {
        entry["id"]
        for entry in parsed.entries
        if entry.get("id") in parsed.deleted and _is_newer(entry, parsed.deleted[entry["id"]])
    }
    return {key: when for key, when in parsed.deleted.items() if key not in stands}


def _is_newer(entry: _Entry, deleted: str) -> bool:
    said, gone = dict(entry), moment(deleted)
    changed = moment(str(said.get("updated") or said.get("published") or ""))
    return bool(changed and gone and changed > gone)


def _begins_as_a_page(text: str) -> bool:
    return text[:200].lstrip().lower().startswith(("<!doctype html", "<html"))


def _not_a_feed(text: str, content_type: str, url: str) -> NotAFeedError:
    head = text[:_HEAD].strip().lower()
    if not head:
        return NotAFeedError(gettext_noop("The feed is empty."))
    if "html" in content_type or head.startswith("<!doctype html") or "<html" in head:
        named = named_feeds(text, url)
        if named:
            words = gettext_noop("This address is a web page, not a feed. The page names this feed: %(feed)s")
            return NotAFeedError(words, is_page=True, url=url, named=named, feed=named[0].url)
        return NotAFeedError(gettext_noop("This address is a web page, not a feed."), is_page=True, url=url)
    return NotAFeedError(
        gettext_noop("What this address gives is neither RSS, Atom nor JSON Feed. Check the address."),
    )


def _interval_s(feed: _Entry) -> int:
    ttl = str(feed.get("ttl") or "").strip()
    minutes = int(ttl[:9]) if ttl.isascii() and ttl.isdigit() else 0
    period = _PERIODS_S.get(str(feed.get("sy_updateperiod") or "").strip().lower(), 0)
    often = str(feed.get("sy_updatefrequency") or "1").strip()
    frequency = int(often[:9]) if often.isascii() and often.isdigit() else 1
    return max(minutes * 60, period // max(frequency, 1))


def _candidate(entry: _Entry, language: str | None, url: str) -> Candidate:
    link = web_address(entry.get("link") or "", url) if entry.get("link") else ""
    body, lead = _body_and_lead(entry, url)
    tags, areas = _tags_and_areas(entry.get("tags") or ())
    return Candidate(
        external_key=without_controls(entry.get("id") or ""),
        title=headline(entry.get("title") or "", lead, body, link),
        link=link,
        lead=lead,
        body_html=body,
        author=_author(entry),
        published_at=_published_at(entry),
        language=_language(entry, language),
        tags=tags,
        areas=areas,
        pictures=_pictures(entry, body, link or url),
        event=event_in(entry, link or url),
    )


def headline(title: str, lead: str, body: str, link: str) -> str:
    """The headline (`title` as markup); an entry without one gets its first words, or its address."""
    return plain_text(title) or textwrap.shorten(lead or plain_text(body), TITLE_CHARACTERS, placeholder="…") or link


def _body_and_lead(entry: _Entry, url: str) -> tuple[str, str]:
    """The content (else the description) as HTML, and the description as text unless it is the content again."""
    contents = [_as_html(content, url) for content in entry.get("content") or ()]
    description = _as_html(entry.get("summary_detail") or {}, url)
    lead = plain_text(description)
    if not contents:
        return description, lead if len(lead) <= LEAD_CHARACTERS else ""
    body = max(contents, key=len)
    return body, "" if _is_all_of(body, lead) else lead


def _is_all_of(body: str, lead: str) -> bool:
    """Whether a body says what the lead says and no more. Nearly all do, which shows soon."""
    beginning = body[: 2 * len(lead) + 200].rpartition("<")[0]
    return len(plain_text(beginning)) <= len(lead) and plain_text(body) == lead


def _as_html(detail: _Entry, url: str) -> str:
    value = without_controls((detail.get("value") or "")[:MAX_MARKUP]).strip()
    if detail.get("type") not in _HTML_TYPES:
        return html.escape(value, quote=False)
    # Escaped once too often by the CMS: the reader would see the tags as words.
    if "<" not in value and _WRITTEN_TAG.search(value):
        value = html.unescape(value)
    base = detail.get("base")
    return with_absolute_addresses(value, (web_address(base, url) if base else "") or url)


def _author(entry: _Entry) -> str:
    detail = entry.get("author_detail") or {}
    name = plain_text(detail.get("name") or entry.get("author") or "")
    return "" if "@" in name else name


def _published_at(entry: _Entry) -> datetime | None:
    for name in ("published", "updated"):
        found = moment(str(entry.get(name) or ""), entry.get(f"{name}_parsed"))
        if found:
            return found
    return None


def _language(entry: _Entry, otherwise: str | None) -> str:
    details = [*(entry.get("content") or ()), entry.get("summary_detail") or {}, entry.get("title_detail") or {}]
    said = [*(detail.get("language") for detail in details), otherwise]
    return next(filter(None, (primary_language(value or "") for value in said)), "")


def _tags_and_areas(categories: Iterable[_Entry]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    tags: dict[str, None] = {}
    areas: dict[str, None] = {}
    for category in map(dict, categories):
        written = category.get("label") or category.get("term") or ""
        word = _word(written) if len(written) <= _SHORT_WORD else plain_text(written)
        is_area = str(category.get("scheme") or "").strip().lower() == "area"
        if word:
            (areas if is_area else tags)[word] = None
    return tuple(tags), tuple(areas)


@lru_cache(maxsize=1024)
def _word(category: str) -> str:
    """The same few stand at all articles of a feed."""
    return plain_text(category)


def _pictures(entry: _Entry, body: str, base: str) -> tuple[PictureRef, ...]:
    return best_first([*_attached(entry, base), *pictures_in(body, base)])


def _attached(entry: _Entry, base: str) -> Iterator[PictureRef]:
    for media in entry.get("media_content") or ():
        if _is_picture(media):
            yield from _reference(media, media.get("url"), base)
    for thumbnail in entry.get("media_thumbnail") or ():
        yield from _reference(thumbnail, thumbnail.get("url"), base)
    for link in entry.get("links") or ():
        if link.get("rel") == "enclosure" and _is_picture({"type": link.get("type"), "url": link.get("href")}):
            yield from _reference({}, link.get("href"), base)


def _is_picture(media: _Entry) -> bool:
    """By what it says it is; some systems say “image” or “jpg” where the type belongs, or nothing."""
    medium, media_type = str(media.get("medium") or "").lower(), str(media.get("type") or "").strip().lower()
    if medium == "image" or media_type.startswith("image"):
        return True
    if medium or media_type not in _SAYS_NOTHING:
        return media_type in _PICTURE_ENDINGS
    return str(media.get("url") or "").partition("?")[0].lower().rpartition(".")[2] in _PICTURE_ENDINGS


def _reference(media: _Entry, address: str | None, base: str) -> Iterator[PictureRef]:
    url = web_address(address, base) if address else ""
    if url:
        yield PictureRef(
            url,
            alt=plain_text(media.get("alt") or media.get("title") or ""),
            credit=plain_text(media.get("credit") or ""),
            width=pixels(media.get("width") or ""),
            height=pixels(media.get("height") or ""),
        )
