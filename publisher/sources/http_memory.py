"""What every source that is a file on a web server shares: it asks politely and remembers the server's last answer.

Conditional requests (RFC 9110 §13.1), permanent redirects that are believed when they were seen often enough, the pause
that the server asks for, and what a status means in words for staff.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop

from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.http import FetchLimits, Reply, fetch, retry_after
from publisher.sources.contract import Poll
from publisher.vocabulary import Reason

SHORTEST_INTERVAL_S = 900
LONGEST_INTERVAL_S = 86_400
LONGEST_VALIDATOR = 1_000
DEFAULT_LIMITS = FetchLimits()
# A permanent redirect is believed when it was seen this often in a row: a wrong one is soon taken back.
SIGHTINGS_OF_A_MOVE = 3


class StatusWords(NamedTuple):
    """What a kind of source says (as gettext ids with `%(status)s`) when the server does not give it what it asked."""

    no_access: str
    not_found: str
    not_given: str


class Look(NamedTuple):
    """One answer, and what to remember of it. `poll` is set if there is nothing to read: unchanged, or gone."""

    reply: Reply
    memory: Memory
    poll: Poll | None


def look_at(
    url: str, state: Mapping[str, Any], *, accept: str, words: StatusWords, limits: FetchLimits = DEFAULT_LIMITS
) -> Look:
    """Ask for `url`, or for the address that has taken its place; `state` is what the last poll left.

    Raises TransientError (unreachable, 404, 429, 5xx), PermanentError (no access, forbidden address).
    """
    memory = Memory.of(url, state)
    reply = fetch(memory.url, headers={"Accept": accept} | memory.validators(), limits=limits)
    not_modified = reply.status == 304 and bool(memory.validators())
    if reply.status == 410:
        return Look(reply, memory, Poll(state=asdict(memory), gone=True))
    if not not_modified and not 200 <= reply.status < 300:
        raise status_error(reply, words)
    before, memory = memory, memory.after(reply)
    if not_modified or memory.body_hash == before.body_hash:
        return Look(reply, memory, memory.as_unchanged(reply))
    return Look(reply, memory, None)


def host_in(url: str) -> str:
    """The host of an address, "" for what is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def moved(state: Mapping[str, Any]) -> tuple[str, str] | None:
    """From where to where permanent redirects have led a source, once they were believed."""
    memory = Memory.of(str(state.get("configured", "")), state)
    return (memory.configured, memory.url) if memory.url != memory.configured else None


@dataclass(frozen=True)
class Memory:
    """What one poll leaves for the next; kept as JSON. It is worth nothing once staff write another address.

    `etag` and `last_modified` are verbatim and belong to `validators_for`; `url` differs from `configured` once a
    permanent redirect has been believed (`old_url` then says where it came from). `left_out` entries were not read.
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
    left_out: int = 0

    @classmethod
    def of(cls, configured: str, state: Mapping[str, Any]) -> Memory:
        if state.get("configured") != configured:
            return cls(configured, configured)
        return cls(**{known.name: state[known.name] for known in fields(cls) if known.name in state})

    def validators(self) -> dict[str, str]:
        """The headers of a conditional request (RFC 9110 §13.1), if we hold validators of this very address."""
        if self.validators_for != self.url:
            return {}
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}

    def after(self, reply: Reply) -> Memory:
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
        return Poll(state=asdict(self), unchanged=True, min_interval_s=min_interval_s(self, reply))

    def _with_sighting(self, permanent_url: str) -> Memory:
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


def min_interval_s(memory: Memory, reply: Reply) -> int:
    """The pause that feed and server ask for, within a quarter of an hour and a day; 0 if they ask for none."""
    found = re.search(r"(?:^|[\s,])max-age=\"?(\d{1,9})", reply.headers.get("cache-control", ""), re.IGNORECASE)
    asked = max(memory.asked_interval_s, int(found[1]) if found else 0)
    return min(max(asked, SHORTEST_INTERVAL_S), LONGEST_INTERVAL_S) if asked else 0


def status_error(reply: Reply, words: StatusWords) -> OpslagError:
    """What a status that brings nothing means, and whether it is worth another try."""
    status = reply.status
    if status in {401, 403}:
        return PermanentError(words.no_access, reason="no_access", status=status)
    if status in {429, 503}:
        return _transient(gettext_noop("The website asks us to come back later (%(status)s)."), Reason.BUSY, reply)
    if status == 404:
        return _transient(words.not_found, "not_found", reply)
    if status >= 500 or status in {408, 425}:
        return _transient(gettext_noop("The website has a fault of its own (%(status)s)."), "server_fault", reply)
    return PermanentError(words.not_given, reason="no_access", status=status)


def _transient(msgid: str, reason: str, reply: Reply) -> TransientError:
    return TransientError(msgid, reason=reason, retry_after=retry_after(reply), status=reply.status)
