"""Where a post is, as people say it: its public address, from which a platform reads which of its posts is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.platforms.addresses import origin

if TYPE_CHECKING:
    from publisher.platforms.contract import Post

LONGEST = 2000
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_ADDRESS, _WORD = re.compile(r"https?://\S+"), re.compile(r"\w{2,}")
# Part of our words that must stand in a post which is taken for ours: platforms and colleagues change some.
_SHARED = 0.5


class Place(NamedTuple):
    """An http(s) address taken apart: `host` in lower case (with the port, if one is named), segments decoded."""

    host: str
    path: tuple[str, ...]
    query: Mapping[str, str]

    def on(self, kind: str, *domains: str) -> bool:
        """Whether it is at one of the platform's domains, or in trials at the contract server of that `kind`."""
        instead = urlsplit(origin(kind, "")).netloc.lower()
        return self.host == instead or any(self.host == each or self.host.endswith(f".{each}") for each in domains)


@dataclass(frozen=True)
class Shown:
    """A post as its platform shows it, asked for by its address; what the platform does not tell is as by default.

    `own`: the account wrote it; `at` (aware): when, by the platform's own clock; `reply_to`: the remote id of the post
    that it answers, "" for none. `was_read`: the platform was asked, and has it.
    """

    remote_id: str
    permalink: str = ""
    text: str = ""
    at: datetime | None = None
    own: bool = True
    reply_to: str | None = None
    was_read: bool = True


class Addressed:
    """What a platform makes of a post's public address. `address_example`: how one looks there, "" where none helps.

    It is short enough for a line on a phone.
    """

    kind: ClassVar[str]
    address_example: ClassVar[str] = ""

    def remote_id_of(self, address: str, config: Any, facts: Mapping[str, Any]) -> str:
        """The remote id of the post at `address`, or what `shown` finds it by where the address does not tell the id.

        Calls nobody. Raises InputError for what is no address of a post there, or of another account's post.
        """
        raise self.no_post_address(address)

    def shown(self, config: Any, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Read the post that `remote_id_of` named, to be taken for `post`, first sent at `since` (aware).

        Raises PermanentError if it is not there, and what the other methods raise.
        """
        raise self.no_post_address(named)

    def no_post_address(self, address: str) -> InputError:
        """What to raise for what is no address of a post there."""
        words = gettext_noop("“%(typed)s” is no address of a post there. It looks like this: %(example)s")
        return InputError(words, typed=address[:100], example=self.address_example)


def anothers_post() -> InputError:
    """What to raise for an address that names another account."""
    return InputError(gettext_noop("That post is on another account. Paste the address of the one on this channel."))


def place_in(address: str) -> Place | None:
    """The parts of an http(s) address as people paste it, with or without its scheme; None if it is none."""
    text = address.strip()
    if len(text) > LONGEST:
        return None
    try:
        parts = urlsplit(text if _SCHEME.match(text) else f"https://{text}")
        host, port = (parts.hostname or "").lower(), parts.port
        query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=50))
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host:
        return None
    path = tuple(unquote(segment) for segment in parts.path.split("/") if segment)
    return Place(f"{host}:{port}" if port else host, path, query)


def after(path: tuple[str, ...], *names: str) -> str:
    """The segment that follows the first of `names` in a path, "" if there is none."""
    return next((segment for before, segment in pairwise(path) if before in names), "")


def resembles(ours: str, theirs: str) -> bool:
    """Whether a post that says `theirs` may be ours: half of our words stand there, or nothing can be compared."""
    wanted, found = _words(ours), _words(theirs)
    return not wanted or not found or len(wanted & found) >= _SHARED * len(wanted)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_ADDRESS.sub(" ", text).casefold()))
