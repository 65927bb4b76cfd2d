"""The source `feed`: RSS, Atom and JSON Feed over HTTP, polled politely (conditional requests, their own pace)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, cast

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher.errors import OpslagError
from publisher.http import FetchLimits
from publisher.sources.contract import Poll, Source, Suggestion
from publisher.sources.feed_discovery import ACCEPT, read_reply, suggestions
from publisher.sources.feed_entries import MAX_ENTRIES
from publisher.sources.http_memory import StatusWords, host_in, look_at, min_interval_s, moved

LIMITS = FetchLimits(total_s=25)
WORDS = StatusWords(
    no_access=gettext_noop("The website refuses us the feed (%(status)s). Ask those who run it to let us read it."),
    not_found=gettext_noop("There is no feed at this address (404). Check the address."),
    not_given=gettext_noop("The website does not give us the feed (%(status)s). Check the address."),
)


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
        return host_in(config.url)

    def moved(self, state: Mapping[str, Any]) -> tuple[str, str] | None:
        """Where permanent redirects have led it, once they were believed."""
        return moved(state)

    def left_out(self, state: Mapping[str, Any]) -> tuple[int, int] | None:
        """What the last reading left out, if anything."""
        number = int(state.get("left_out", 0))
        return (MAX_ENTRIES, number) if number else None

    def suggestions(self, config: FeedConfig, error: OpslagError) -> tuple[Suggestion, ...]:
        """The feeds of the website whose page was given."""
        return suggestions(config.url, error)

    def poll(self, config: FeedConfig, state: Mapping[str, Any]) -> Poll:
        """Fetch the feed and read it, unless the server or the same bytes as last time say that nothing is new.

        Raises TransientError (unreachable, 404, 429, 5xx), PermanentError (no access, not a feed, forbidden address).
        """
        look = look_at(config.url, state, accept=ACCEPT, words=WORDS, limits=LIMITS)
        if look.poll is not None:
            return look.poll
        feed = read_reply(look.reply)
        memory = replace(look.memory, asked_interval_s=feed.interval_s, left_out=feed.left_out)
        if feed.damage:
            # It may have been cut on its way here: the next answer is read, even if it claims to be the same.
            memory = replace(memory, validators_for="", body_hash="")
        return Poll(
            feed.candidates,
            feed.withdrawn,
            state=asdict(memory),
            min_interval_s=min_interval_s(memory, look.reply),
            title=feed.title,
            damage=feed.damage,
        )
