"""The source `ical`: a calendar (iCalendar, RFC 5545) over HTTP, asked as politely as a feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

import icalendar
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher.errors import TransientError
from publisher.sources.contract import Poll, Source
from publisher.sources.event_times import read_time
from publisher.sources.feed_markup import plain_text
from publisher.sources.http_memory import StatusWords, host_in, look_at, min_interval_s, moved
from publisher.sources.ical_events import Dated, upcoming
from publisher.sources.ical_text import read_text

ACCEPT = "text/calendar, */*;q=0.1"
WORDS = StatusWords(
    no_access=gettext_noop(
        "The website refuses us the calendar (%(status)s). Ask those who run it for the address that is for everybody."
    ),
    not_found=gettext_noop("There is no calendar at this address (404). Check the address."),
    not_given=gettext_noop("The website does not give us the calendar (%(status)s). Check the address."),
)
MAX_CANDIDATES = 500
# What calendar programs write in place of http: and https: so that a click on it subscribes.
_SCHEMES = {"webcal": "https", "webcals": "https"}


@dataclass(frozen=True)
class CalendarConfig:
    """Where the calendar is."""

    url: str = field(
        metadata={
            "label": _("Address of the calendar"),
            "help": _("The address for subscribing: it begins with https:// or webcal:// and often ends with .ics."),
        }
    )


class CalendarSource(Source):
    """Reads one calendar.

    Its memory also holds the events that were ahead (key → when each is over), so that one that is missing before then
    is known to be taken off; and with that, when a series goes on to its next date although the calendar is the same.
    """

    kind: ClassVar[str] = "ical"
    label: ClassVar[str] = cast("str", _("Calendar (iCal)"))
    config_class: ClassVar[type] = CalendarConfig

    def host(self, config: CalendarConfig) -> str:
        """The server that has the calendar."""
        return host_in(_web(config.url))

    def moved(self, state: Mapping[str, Any]) -> tuple[str, str] | None:
        """Where permanent redirects have led it, once they were believed."""
        return moved(state)

    def poll(self, config: CalendarConfig, state: Mapping[str, Any]) -> Poll:
        """Fetch the calendar and give what is not over, unless nothing is new.

        Raises TransientError (unreachable, 404, 429, 5xx, suddenly empty), PermanentError (no access, no calendar, too
        large, built to keep us busy).
        """
        now = timezone.now()
        known = {str(key): str(over) for key, over in dict(state.get("ahead") or {}).items()}
        look = look_at(_web(config.url), _with_validators_if(state, known, now), accept=ACCEPT, words=WORDS)
        if look.poll is not None:
            return replace(look.poll, state={**look.poll.state, "ahead": known})
        text = read_text(look.reply.body, look.reply.headers.get("content-type", ""), now.date())
        cancels = text.lines.get("METHOD", "").upper() == "CANCEL"
        ahead = upcoming(text.events, now, cancels=cancels, base=look.reply.url)
        found = ahead[:MAX_CANDIDATES]
        memory = replace(look.memory, asked_interval_s=_interval_s(text.lines))
        return Poll(
            tuple(dated.candidate for dated in found),
            withdrawn=_taken_off(known, ahead, now),
            state={
                **asdict(memory),
                "ahead": {each.candidate.external_key: each.over_at.isoformat() for each in found},
            },
            min_interval_s=min_interval_s(memory, look.reply),
            title=plain_text(text.lines.get("X-WR-CALNAME") or text.lines.get("NAME") or ""),
        )


def _web(url: str) -> str:
    scheme, mark, rest = url.strip().partition("://")
    return _SCHEMES.get(scheme.lower(), scheme) + mark + rest


def _with_validators_if(state: Mapping[str, Any], known: Mapping[str, str], now: datetime) -> Mapping[str, Any]:
    """The memory; without what makes the same answer “unchanged” once an event in it is over: a series goes on then."""
    if not any(_is_past(over, now) for over in known.values()):
        return state
    return {**state, "validators_for": "", "body_hash": ""}


def _is_past(over: str, now: datetime) -> bool:
    when = read_time(over)
    return when is None or when.at <= now


def _taken_off(known: Mapping[str, str], found: list[Dated], now: datetime) -> tuple[str, ...]:
    """What was ahead and is not there any more. Raises TransientError where everything is gone at once."""
    here = {dated.candidate.external_key for dated in found}
    missing = tuple(key for key, over in known.items() if key not in here and not _is_past(over, now))
    if len(missing) > 1 and not here:
        raise TransientError(
            gettext_noop(
                "The calendar is suddenly empty, although %(number)s of its events are ahead. It is read again later."
            ),
            reason="suddenly_empty",
            number=len(missing),
        )
    return missing


def _interval_s(lines: Mapping[str, str]) -> int:
    """The pause that the calendar asks for (RFC 7986 §5.7, or as Outlook writes it), 0 for none."""
    written = lines.get("REFRESH-INTERVAL") or lines.get("X-PUBLISHED-TTL") or ""
    try:
        asked: timedelta = icalendar.vDuration.from_ical(written) if written else timedelta(0)  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError):
        return 0
    return max(int(asked.total_seconds()), 0)
