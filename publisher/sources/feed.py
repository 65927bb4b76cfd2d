"""The source `feed`: RSS, Atom and JSON Feed over HTTP, polled politely (conditional requests, their own pace)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.http import FetchLimits, Reply, fetch, retry_after
from publisher.sources.contract import Poll, Source, Suggestion
from publisher.sources.feed_discovery import ACCEPT, read_reply, suggestions
from publisher.vocabulary import Reason

LIMITS = FetchLimits(total_s=25)
SHORTEST_INTERVAL_S = 900
LONGEST_INTERVAL_S = 86_400
LONGEST_VALIDATOR = 1_000
# A permanent redirect is believed when it was seen this often in a row: a wrong one is soon taken back.
SIGHTINGS_OF_A_MOVE = 3


@dataclass(frozen=True)
class FeedConfig:
    """Where the feed is."""

    url: str = field(
        metadata={
            "label": _("Address of the website or its feed"),
            "help": _("Give the address of the page with the news. Opslag finds the feed if there is one."),
        }
    )


class FeedSource(Source):
    """Reads one feed: RSS, Atom or JSON Feed, which its content decides."""

    kind: ClassVar[str] = "feed"
    label: ClassVar[str] = cast("str", _("Feed (RSS, Atom or JSON Feed)"))
    config_class: ClassVar[type] = FeedConfig

    def host(self, config: FeedConfig) -> str:
        """The host of its address."""
        try:
            return (urlsplit(config.url).hostname or "").lower()
        except ValueError:
            return ""

    def moved(self, state: Mapping[str, Any]) -> tuple[str, str] | None:
        """Where permanent redirects have led it, once they were believed."""
        memory = _Memory.of(str(state.get("configured", "")), state)
        return (memory.configured, memory.url) if memory.url != memory.configured else None

    def suggestions(self, config: FeedConfig, error: OpslagError) -> tuple[Suggestion, ...]:
        """The feeds of the website whose page was given."""
        return suggestions(config.url, error)

    def poll(self, config: FeedConfig, state: Mapping[str, Any]) -> Poll:
        """Fetch the feed and read it, unless the server or the same bytes as last time say that nothing is new.

        Raises TransientError (unreachable, 404, 429, 5xx), PermanentError (no access, not a feed, forbidden address).
        """
        memory = _Memory.of(config.url, state)
        reply = fetch(memory.url, headers={"Accept": ACCEPT} | memory.validators(), limits=LIMITS)
        not_modified = reply.status == 304 and bool(memory.validators())
        if reply.status == 410:
            return Poll(state=asdict(memory), gone=True)
        if not not_modified and not 200 <= reply.status < 300:
            raise _status_error(reply)
        before, memory = memory, memory.after(reply)
        if not_modified or memory.body_hash == before.body_hash:
            return memory.as_unchanged(reply)
        feed = read_reply(reply)
        memory = replace(memory, asked_interval_s=feed.interval_s)
        return Poll(
            feed.candidates,
            feed.withdrawn,
            state=asdict(memory),
            min_interval_s=_min_interval_s(memory, reply),
            title=feed.title,
        )


@dataclass(frozen=True)
class _Memory:
    """What one poll leaves for the next; kept as JSON. It is worth nothing once staff write another address.

    `etag` and `last_modified` are verbatim and belong to `validators_for`; `url` differs from `configured` once a
    permanent redirect has been believed (`old_url` then says where it came from).
    """

    configured: str
    url: str
    old_url: str = ""
    validators_for: str = ""
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    asked_interval_s: int = 0
    moved_to: str = ""
    moved_seen: int = 0

    @classmethod
    def of(cls, configured: str, state: Mapping[str, Any]) -> _Memory:
        if state.get("configured") != configured:
            return cls(configured, configured)
        return cls(**{known.name: state[known.name] for known in fields(cls) if known.name in state})

    def validators(self) -> dict[str, str]:
        """The headers of a conditional request (RFC 9110 §13.1), if we hold validators of this very address."""
        if self.validators_for != self.url:
            return {}
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}

    def after(self, reply: Reply) -> _Memory:
        """What to remember after an answer that was the feed, or that it is unchanged."""
        memory = self._with_sighting(reply.permanent_url)
        if reply.status == 304:
            etag, last_modified = _validator(reply, "etag"), _validator(reply, "last-modified")
            return replace(memory, etag=etag or self.etag, last_modified=last_modified or self.last_modified)
        return replace(
            memory,
            validators_for=reply.url,
            etag=_validator(reply, "etag"),
            last_modified=_validator(reply, "last-modified"),
            body_hash=hashlib.sha256(reply.body).hexdigest(),
        )

    def as_unchanged(self, reply: Reply) -> Poll:
        return Poll(state=asdict(self), unchanged=True, min_interval_s=_min_interval_s(self, reply))

    def _with_sighting(self, permanent_url: str) -> _Memory:
        if not permanent_url:
            return replace(self, moved_to="", moved_seen=0)
        seen = self.moved_seen + 1 if permanent_url == self.moved_to else 1
        if seen < SIGHTINGS_OF_A_MOVE:
            return replace(self, moved_to=permanent_url, moved_seen=seen)
        return replace(self, url=permanent_url, old_url=self.url, moved_to="", moved_seen=0)


def _validator(reply: Reply, name: str) -> str:
    """A validator verbatim, "" if it is of a kind that could not be sent back."""
    value = reply.headers.get(name, "")
    return value if value.isascii() and len(value) <= LONGEST_VALIDATOR else ""


def _min_interval_s(memory: _Memory, reply: Reply) -> int:
    """The pause that feed and server ask for, within a quarter of an hour and a day; 0 if they ask for none."""
    found = re.search(r"(?:^|[\s,])max-age=\"?(\d{1,9})", reply.headers.get("cache-control", ""), re.IGNORECASE)
    asked = max(memory.asked_interval_s, int(found[1]) if found else 0)
    return min(max(asked, SHORTEST_INTERVAL_S), LONGEST_INTERVAL_S) if asked else 0


def _status_error(reply: Reply) -> OpslagError:
    status = reply.status
    if status in {401, 403}:
        return PermanentError(
            gettext_noop("The website refuses us the feed (%(status)s). Ask those who run it to let us read it."),
            reason="no_access",
            status=status,
        )
    if status in {429, 503}:
        return _transient(gettext_noop("The website asks us to come back later (%(status)s)."), Reason.BUSY, reply)
    if status == 404:
        return _transient(
            gettext_noop("There is no feed at this address (404). Check the address."), "not_found", reply
        )
    if status >= 500 or status in {408, 425}:
        return _transient(gettext_noop("The website has a fault of its own (%(status)s)."), "server_fault", reply)
    return PermanentError(
        gettext_noop("The website does not give us the feed (%(status)s). Check the address."),
        reason="no_access",
        status=status,
    )


def _transient(msgid: str, reason: str, reply: Reply) -> TransientError:
    return TransientError(msgid, reason=reason, retry_after=retry_after(reply), status=reply.status)
