"""The source `push`: a website's own system gives us its news by HTTP; here its JSON is read, strictly and kindly.

Every fault is named with the path of its field, all of them at once, and then nothing of the call is taken.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, InputError
from publisher.sources.contract import Candidate, Event, PictureRef, Poll, Source
from publisher.sources.feed_markup import without_controls
from publisher.vocabulary import EventStatus

MOST_ITEMS = 50
LARGEST_BODY = 1_000_000
LONGEST_ID = 200
PUBLISHED, DRAFT, WITHDRAWN = "published", "draft", "withdrawn"
STATUSES = (PUBLISHED, DRAFT, WITHDRAWN)
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,4})?")
_MOST_WORDS = 50
# Two servers' clocks may differ by this much before a time counts as one that is still to come.
_CLOCKS_DIFFER = timedelta(minutes=5)
_NO_TEXT = gettext_noop("This must be text.")


@dataclass(frozen=True)
class PushConfig:
    """Nothing to fill in: who has the token pushes."""


class PushSource(Source):
    """Never asked: `api.items` takes what is pushed."""

    kind: ClassVar[str] = "push"
    label: ClassVar[str] = cast("str", _("Pushed by your website (API)"))
    config_class: ClassVar[type] = PushConfig
    polled: ClassVar[bool] = False
    has_lasting_ids: ClassVar[bool] = True

    def place(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """An organisation may have several, one for each system that pushes."""
        return {}

    def poll(self, config: PushConfig, state: Mapping[str, Any]) -> Poll:
        """There is nothing to look at."""
        return Poll(state=state, unchanged=True)


@dataclass(frozen=True)
class Pushed:
    """One item of a call and what is to become of it: one of STATUSES."""

    candidate: Candidate
    status: str


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field; `path` as in “items[2].picture.url”."""

    path: str
    words: Explanation


class UnreadableError(InputError):
    """The body is not JSON."""


class FaultsError(InputError):
    """The JSON does not say what it should."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(gettext_noop("Nothing was stored. Put these fields right and send it again."))
        self.faults = faults


def read(body: bytes, zone: ZoneInfo) -> list[Pushed]:
    """The items of a call: one object, or a list of at most 50. Times without a zone are in `zone`.

    Raises UnreadableError, FaultsError.
    """
    try:
        given = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnreadableError(gettext_noop("The body is not JSON in UTF-8."), reason="unreadable") from None
    reading = _Reading(zone)
    pushed = reading.items(given)
    if reading.faults:
        raise FaultsError(reading.faults)
    return pushed


def _no_constant(name: str) -> float:
    raise ValueError(name)


class _Reading:
    """Collects faults on the way, so that all of them are told at once."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.faults: list[Fault] = []
        self._zone = zone

    def items(self, given: Any) -> list[Pushed]:
        if isinstance(given, dict):
            return [self._item(given, "")]
        if not isinstance(given, list) or not given:
            self._fault("", gettext_noop("Send one news item as an object, or a list of them."))
            return []
        if len(given) > MOST_ITEMS:
            self._fault("", gettext_noop("Send at most %(most)s news items at once."), most=MOST_ITEMS)
            return []
        pushed = [self._item(each, f"items[{number}]") for number, each in enumerate(given)]
        seen: set[str] = set()
        for number, each in enumerate(pushed):
            key = each.candidate.external_key
            if key and key in seen:
                self._fault(f"items[{number}].external_id", gettext_noop("Each id may come only once in a call."))
            seen.add(key)
        return pushed

    def _item(self, given: Any, path: str) -> Pushed:
        fields = _Fields(self, given, path)
        status = fields.one_of("status", STATUSES, PUBLISHED)
        is_news = status == PUBLISHED
        external_id = fields.identity("external_id")
        published_at = fields.moment("published_at", self._zone)
        if is_news and published_at and published_at > datetime.now(UTC) + _CLOCKS_DIFFER:
            self._fault(
                _under(path, "published_at"),
                gettext_noop("This time is still to come: send the item when it is there."),
            )
        candidate = Candidate(
            external_key=external_id,
            title=fields.text("title", 300, needed=is_news),
            lead=fields.text("lead", 2_000, one_line=False),
            body_html=fields.text("body_html", 500_000, one_line=False),
            link=fields.link("link"),
            author=fields.text("author", 200),
            language=fields.language("language"),
            tags=fields.words("tags"),
            areas=fields.words("areas"),
            published_at=published_at,
            pictures=fields.part("picture", self._picture, ()),
            event=fields.part("event", self._event, None),
        )
        fields.nothing_else()
        return Pushed(candidate, status)

    def _picture(self, given: Any, path: str) -> tuple[PictureRef, ...]:
        fields = _Fields(self, given, path)
        picture = PictureRef(
            fields.link("url", needed=True),
            alt=fields.text("alt", 2_000),
            caption=fields.text("caption", 2_000),
            credit=fields.text("credit", 120),
        )
        fields.nothing_else()
        return (picture,)

    def _event(self, given: Any, path: str) -> Event | None:
        fields = _Fields(self, given, path)
        starts_at = fields.moment("starts_at", self._zone, needed=True)
        ends_at = fields.moment("ends_at", self._zone)
        rest = {
            "all_day": fields.flag("all_day"),
            "place": fields.text("place", 200),
            "price": fields.text("price", 120),
            "booking_url": fields.link("booking_url"),
            "status": fields.one_of("status", tuple(EventStatus.values), EventStatus.SCHEDULED.value),
        }
        fields.nothing_else()
        if starts_at and ends_at and ends_at < starts_at:
            self._fault(_under(path, "ends_at"), gettext_noop("The event ends before it begins."))
        return Event(starts_at, ends_at, **cast("dict[str, Any]", rest)) if starts_at else None

    def _fault(self, path: str, msgid: str, **params: object) -> None:
        words = Explanation(msgid, {name: str(value) for name, value in params.items()})
        self.faults.append(Fault(path, words))


class _Fields:
    """The fields of one object; each is taken out once, and what is left over is no field of ours."""

    def __init__(self, reading: _Reading, given: Any, path: str) -> None:
        self._reading, self._path = reading, path
        self._given: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
        self._names: list[str] = []
        if not isinstance(given, dict):
            reading._fault(path, gettext_noop("This must be an object."))

    def text(self, name: str, most: int, *, needed: bool = False, one_line: bool = True, words: str = _NO_TEXT) -> str:
        value = self._of(name, str, words, needed=needed)
        text = without_controls(value or "")
        text = " ".join(text.split()) if one_line else text.strip()
        if needed and value is not None and not text:
            self._fault(name, gettext_noop("This must not be empty."))
        if len(text) > most:
            self._fault(name, gettext_noop("This may be at most %(most)s characters long."), most=most)
        return text

    def identity(self, name: str) -> str:
        """An id as the other system writes it; a number is as good."""
        if isinstance(self._given.get(name), int) and not isinstance(self._given[name], bool):
            self._given[name] = str(self._given[name])
        words = gettext_noop("This must be text or a whole number.")
        return unicodedata.normalize("NFC", self.text(name, LONGEST_ID, needed=True, words=words))

    def link(self, name: str, *, needed: bool = False) -> str:
        text = self.text(name, 1_000, needed=needed)
        try:
            parts = urlsplit(text)
            is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            is_web = False
        if text and not is_web:
            self._fault(name, gettext_noop("This must be a whole web address, beginning with https:// or http://."))
        return text

    def language(self, name: str) -> str:
        text = self.text(name, 8)
        if text and not _LANGUAGE.fullmatch(text):
            self._fault(name, gettext_noop("Write the language as in “da” or “en-GB”."))
        return text

    def one_of(self, name: str, values: tuple[str, ...], usual: str) -> str:
        text = self.text(name, 20) or usual
        if text not in values:
            self._fault(name, gettext_noop("This must be one of: %(values)s."), values=", ".join(values))
            return usual
        return text

    def flag(self, name: str) -> bool:
        return bool(self._of(name, bool, gettext_noop("This must be true or false.")))

    def words(self, name: str) -> tuple[str, ...]:
        given = self._of(name, list, gettext_noop("This must be a list of texts.")) or []
        if not all(isinstance(each, str) for each in given):
            self._fault(name, gettext_noop("This must be a list of texts."))
            return ()
        if len(given) > _MOST_WORDS or any(len(each) > 120 for each in given):
            self._fault(name, gettext_noop("At most 50 texts of at most 120 characters each."))
            return ()
        words = (" ".join(without_controls(each).split()) for each in given)
        return tuple(dict.fromkeys(word for word in words if word))

    def moment(self, name: str, zone: ZoneInfo, *, needed: bool = False) -> datetime | None:
        text = self.text(name, 40, needed=needed)
        if not text:
            return None
        try:
            at = datetime.fromisoformat(text)
            # In a gap it is moved on by the gap, of two equal times the first is meant (PEP 495, fold 0).
            return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            self._fault(name, gettext_noop("Write a time as in 2026-11-26T08:00:00+01:00 (ISO 8601)."))
            return None

    def part(self, name: str, read: Callable[[Any, str], Any], empty: Any) -> Any:
        self._names.append(name)
        given = self._given.get(name)
        return empty if given is None else read(given, _under(self._path, name))

    def nothing_else(self) -> None:
        """Names that we do not know are told: a misspelt field would be lost without a word."""
        known = ", ".join(self._names)
        for name in list(self._given)[:MOST_ITEMS]:
            if name not in self._names:
                self._fault(
                    without_controls(name)[:40],
                    gettext_noop("There is no such field. There are: %(known)s."),
                    known=known,
                )

    def _of(self, name: str, kind: type, words: str, *, needed: bool = False) -> Any:
        self._names.append(name)
        value = self._given.get(name)
        if value is None:
            if needed:
                self._fault(name, gettext_noop("This is missing."))
            return None
        if not isinstance(value, kind):
            self._fault(name, words)
            return None
        return value

    def _fault(self, name: str, msgid: str, **params: object) -> None:
        self._reading._fault(_under(self._path, name), msgid, **params)


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
