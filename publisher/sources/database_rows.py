"""From a row to a candidate: texts, lists, local times, what a status means."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from publisher.sources.contract import Candidate, Event, PictureRef
from publisher.sources.feed_markup import paragraphs, plain_text, without_controls

# A moment as a number of seconds (or milliseconds) since 1970, if it is one that news can have.
_SECONDS = (10**8, 10**10)
_DANISH = re.compile(
    r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})(?:\s*(?:kl\.?)?\s*(\d{1,2})[.:](\d{2})(?:[.:](\d{2}))?)?", re.ASCII
)
_MOST_WORDS = 200


def candidate_of(row: Mapping[str, Any], zone: ZoneInfo, separator: str, *, is_html: bool) -> Candidate:
    """What a row says. Naive times are in `zone`; a field that cannot be read is empty."""
    link = text_of(row.get("link"))
    words = plain_text if is_html else _one_line
    body = text_of(row.get("body"))
    return Candidate(
        external_key=text_of(row["id"]),
        title=words(text_of(row.get("title"))),
        link=link,
        lead=words(text_of(row.get("lead"))),
        body_html=body if is_html else paragraphs(body),
        author=_one_line(text_of(row.get("author"))),
        published_at=moment(row.get("published"), zone),
        tags=words_of(row.get("tags"), separator),
        areas=words_of(row.get("areas"), separator),
        pictures=_picture(row, link),
        event=_event(row, zone),
    )


def text_of(value: object) -> str:
    """A value as text: numbers and truth values as databases write them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return without_controls(value.decode("utf-8", "replace")).strip()
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    return without_controls(str(value)).strip()


def status_word(value: object) -> str:
    """A status in the form in which two ways of writing it are equal."""
    return text_of(value).casefold()


def words_of(value: object, separator: str) -> tuple[str, ...]:
    """A list column's words: parted by `separator`, a JSON list, or a list as the database knows them."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    given = value if isinstance(value, list | tuple) else text_of(value).split(separator)
    words = (_one_line(text_of(each)) for each in given[:_MOST_WORDS])
    return tuple(dict.fromkeys(word for word in words if word))


def moment(value: object, zone: ZoneInfo) -> datetime | None:
    """A value as an instant (UTC): times without a zone are what clocks in `zone` show.

    Where clocks are set forward, a time in the gap is moved on by it; of two equal times the first is meant (PEP 495,
    fold 0). None for what is no time.
    """
    try:
        wall = _wall(value)
        if wall is None:
            return None
        return (wall if wall.tzinfo else wall.replace(tzinfo=zone, fold=0)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _wall(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _since_1970(float(value))
    text = text_of(value)
    if re.fullmatch(r"\d{9,13}", text, re.ASCII):
        return _since_1970(float(text))
    if found := _DANISH.fullmatch(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime.combine(date(year, month, day), time(hour, minute, second))
    return datetime.fromisoformat(text) if text else None


def _since_1970(seconds: float) -> datetime | None:
    for number in (seconds, seconds / 1000):
        if _SECONDS[0] <= number < _SECONDS[1]:
            return datetime.fromtimestamp(number, UTC)
    return None


def _is_day(value: object) -> bool:
    """Whether a value names a day without a time."""
    if isinstance(value, date):
        return not isinstance(value, datetime)
    return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}|\d{1,2}[-./]\d{1,2}[-./]\d{4}", text_of(value), re.ASCII))


def _event(row: Mapping[str, Any], zone: ZoneInfo) -> Event | None:
    starts_at = moment(row.get("event_starts"), zone)
    if starts_at is None:
        return None
    return Event(
        starts_at,
        moment(row.get("event_ends"), zone),
        all_day=_is_day(row["event_starts"]),
        place=_one_line(text_of(row.get("event_place"))),
    )


def _picture(row: Mapping[str, Any], link: str) -> tuple[PictureRef, ...]:
    url = text_of(row.get("picture"))
    if not url:
        return ()
    try:
        url = urljoin(link, url)
    except ValueError:
        return ()
    return (PictureRef(url, alt=plain_text(text_of(row.get("picture_alt")))),)


def _one_line(text: str) -> str:
    return " ".join(text.split())
