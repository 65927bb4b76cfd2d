"""From a feed's bytes to candidates: what feedparser makes of them, brought into our words."""

from __future__ import annotations

import calendar
import html
import io
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import feedparser
from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.sources.contract import Candidate, PictureRef
from publisher.sources.feed_markup import named_feed, pixels, plain_text, web_address, without_controls
from publisher.sources.feed_media import with_picture_texts
from publisher.sources.markup_pictures import best_first, pictures_in

MAX_ENTRIES = 500
NOT_A_FEED = "not_a_feed"
# A description longer than this is the article itself, not a lead.
LEAD_CHARACTERS = 600
TITLE_CHARACTERS = 100
_HEAD = 65_536
_PERIODS_S = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_WRITTEN_TAG = re.compile(r"&lt;(?:p|br|div|a|ul|ol|h[1-6]|img|strong|em|b|i|span|figure)\b", re.IGNORECASE)
_Entry = Mapping[str, Any]


@dataclass(frozen=True)
class ReadFeed:
    """A feed's title, its entries and the pause in seconds that it asks for between polls (0: none)."""

    title: str
    candidates: tuple[Candidate, ...]
    interval_s: int


def read_feed(body: bytes, content_type: str, url: str) -> ReadFeed:
    """Read RSS or Atom; at most MAX_ENTRIES entries. `url` is where it came from: relative links start there.

    Raises PermanentError (`not_a_feed`) if it is something else, in words that say what.
    """
    _refuse_entities(body)
    parsed = _parse(body, content_type, url)
    if not parsed.get("version"):
        raise _not_a_feed(body, content_type, url)
    feed = parsed["feed"]
    candidates = [_candidate(entry, feed, url) for entry in parsed["entries"][:MAX_ENTRIES]]
    title = plain_text(feed.get("title") or "")
    return ReadFeed(title, tuple(candidate for candidate in candidates if candidate.title), _interval_s(feed))


def _refuse_entities(body: bytes) -> None:
    """Refuse what defines XML entities: a few lines of them can expand to gigabytes. Without NULs to see UTF-16 too."""
    head = body[:_HEAD].replace(b"\x00", b"")
    if b"<!DOCTYPE" in head and b"<!ENTITY" in head:
        raise PermanentError(
            gettext_noop(
                "The feed defines XML entities of its own, which is not safe to read. Ask those who publish it for one "
                "without them."
            ),
            reason=NOT_A_FEED,
        )


def _parse(body: bytes, content_type: str, url: str) -> Any:
    found = re.search(r"charset=[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    rewritten = with_picture_texts(body, found[1] if found else "")
    if rewritten is not None:
        body, content_type = rewritten, "application/xml; charset=utf-8"
    headers = {"content-location": url} | ({"content-type": content_type} if content_type else {})
    try:
        # Always a stream: feedparser opens strings, and bytes too, as file names.
        return feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=True, resolve_relative_uris=True
        )
    except Exception as error:  # feedparser meets broken feeds with errors of every kind
        raise PermanentError(
            gettext_noop("The feed is so damaged that it cannot be read."), reason=NOT_A_FEED
        ) from error


def _not_a_feed(body: bytes, content_type: str, url: str) -> PermanentError:
    head = body[:_HEAD].decode("utf-8", "replace").strip().lower()
    if not head:
        return PermanentError(gettext_noop("The feed is empty."), reason=NOT_A_FEED)
    if "html" in content_type or head.startswith("<!doctype html") or "<html" in head:
        feed = named_feed(body[: 4 * _HEAD].decode("utf-8", "replace"), url)
        if feed:
            return PermanentError(
                gettext_noop("This address is a web page, not a feed. The page names this feed: %(feed)s"),
                reason=NOT_A_FEED,
                feed=feed,
            )
        return PermanentError(gettext_noop("This address is a web page, not a feed."), reason=NOT_A_FEED)
    if head.startswith("{"):
        return PermanentError(
            gettext_noop(
                "This address gives JSON, which cannot be read as a feed. Use the site's RSS or Atom address."
            ),
            reason=NOT_A_FEED,
        )
    return PermanentError(
        gettext_noop("What this address gives is neither RSS nor Atom. Check the address."), reason=NOT_A_FEED
    )


def _interval_s(feed: _Entry) -> int:
    ttl = str(feed.get("ttl") or "").strip()
    minutes = int(ttl[:9]) if ttl.isascii() and ttl.isdigit() else 0
    period = _PERIODS_S.get(str(feed.get("sy_updateperiod") or "").strip().lower(), 0)
    often = str(feed.get("sy_updatefrequency") or "1").strip()
    frequency = int(often[:9]) if often.isascii() and often.isdigit() else 1
    return max(minutes * 60, period // max(frequency, 1))


def _candidate(entry: _Entry, feed: _Entry, url: str) -> Candidate:
    link = web_address(entry.get("link") or "", url) if entry.get("link") else ""
    body, lead = _body_and_lead(entry)
    tags, areas = _tags_and_areas(entry.get("tags") or ())
    return Candidate(
        external_key=without_controls(entry.get("id") or ""),
        title=_title(entry, lead, body, link),
        link=link,
        lead=lead,
        body_html=body,
        author=_author(entry),
        published_at=_published_at(entry),
        language=_language(entry, feed),
        tags=tags,
        areas=areas,
        pictures=_pictures(entry, body, link or url),
    )


def _title(entry: _Entry, lead: str, body: str, link: str) -> str:
    """The headline; an entry without one gets its first words, or its address."""
    title = plain_text(entry.get("title") or "")
    return title or textwrap.shorten(lead or plain_text(body), TITLE_CHARACTERS, placeholder="…") or link


def _body_and_lead(entry: _Entry) -> tuple[str, str]:
    """The content (else the description) as HTML, and the description as text unless it is the content again."""
    contents = [_as_html(content) for content in entry.get("content") or ()]
    description = _as_html(entry.get("summary_detail") or {})
    lead = plain_text(description)
    if not contents:
        return description, lead if len(lead) <= LEAD_CHARACTERS else ""
    body = max(contents, key=len)
    return body, "" if lead == plain_text(body) else lead


def _as_html(detail: _Entry) -> str:
    value = without_controls(detail.get("value") or "").strip()
    if detail.get("type") not in _HTML_TYPES:
        return html.escape(value, quote=False)
    # Escaped once too often by the CMS: the reader would see the tags as words.
    return html.unescape(value) if "<" not in value and _WRITTEN_TAG.search(value) else value


def _author(entry: _Entry) -> str:
    detail = entry.get("author_detail") or {}
    name = plain_text(detail.get("name") or entry.get("author") or "")
    return "" if "@" in name else name


def _published_at(entry: _Entry) -> datetime | None:
    for name in ("published_parsed", "updated_parsed"):
        # As a plain dict: feedparser's own answers one date for the other.
        moment = dict(entry).get(name)
        if moment:
            try:
                return datetime.fromtimestamp(calendar.timegm(moment), UTC)
            except (ValueError, OverflowError, OSError):
                continue
    return None


def _language(entry: _Entry, feed: _Entry) -> str:
    """The language as its primary subtag, for example “da” for “da-DK”."""
    details = [*(entry.get("content") or ()), entry.get("summary_detail") or {}, entry.get("title_detail") or {}]
    said = [detail.get("language") for detail in details]
    for value in [*said, feed.get("language")]:
        primary = str(value or "").strip().lower().replace("_", "-").partition("-")[0]
        if re.fullmatch("[a-z]{2,3}", primary):
            return primary
    return ""


def _tags_and_areas(categories: Iterable[_Entry]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    tags: dict[str, None] = {}
    areas: dict[str, None] = {}
    for category in categories:
        word = plain_text(category.get("label") or category.get("term") or "")
        is_area = str(category.get("scheme") or "").strip().lower() == "area"
        if word:
            (areas if is_area else tags)[word] = None
    return tuple(tags), tuple(areas)


def _pictures(entry: _Entry, body: str, base: str) -> tuple[PictureRef, ...]:
    return best_first([*_attached(entry, base), *pictures_in(body, base)])


def _attached(entry: _Entry, base: str) -> Iterator[PictureRef]:
    for media in entry.get("media_content") or ():
        if _is_picture(media):
            yield from _reference(media, media.get("url"), base)
    for thumbnail in entry.get("media_thumbnail") or ():
        yield from _reference(thumbnail, thumbnail.get("url"), base)
    for link in entry.get("links") or ():
        if link.get("rel") == "enclosure" and str(link.get("type") or "").startswith("image/"):
            yield from _reference({}, link.get("href"), base)


def _is_picture(media: _Entry) -> bool:
    medium, media_type = str(media.get("medium") or ""), str(media.get("type") or "")
    if medium or media_type:
        return medium == "image" or media_type.startswith("image/")
    path = str(media.get("url") or "").partition("?")[0].lower()
    return path.endswith((".jpg", ".jpeg", ".png", ".webp", ".gif"))


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
