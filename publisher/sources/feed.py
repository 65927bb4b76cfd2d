"""The source `feed`: RSS and Atom over HTTP, polled politely (conditional requests, the publisher's own pace)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, cast

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher.sources.contract import Poll, Source
from publisher.sources.feed_entries import read_feed
from publisher.sources.http_memory import StatusWords, look_at, min_interval_s

ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.1"
WORDS = StatusWords(
    no_access=gettext_noop("The website refuses us the feed (%(status)s). Ask those who run it to let us read it."),
    not_found=gettext_noop("There is no feed at this address (404). Check the address."),
    not_given=gettext_noop("The website does not give us the feed (%(status)s). Check the address."),
)


@dataclass(frozen=True)
class FeedConfig:
    """Where the feed is."""

    url: str = field(metadata={"label": _("Address of the feed")})


class FeedSource(Source):
    """Reads one RSS or Atom feed."""

    kind: ClassVar[str] = "feed"
    label: ClassVar[str] = cast("str", _("Feed (RSS or Atom)"))
    config_class: ClassVar[type] = FeedConfig

    def poll(self, config: FeedConfig, state: Mapping[str, Any]) -> Poll:
        """Fetch the feed and read it, unless the server or the same bytes as last time say that nothing is new.

        Raises TransientError (unreachable, 404, 429, 5xx), PermanentError (no access, not a feed, forbidden address).
        """
        look = look_at(config.url, state, accept=ACCEPT, words=WORDS)
        if look.poll is not None:
            return look.poll
        feed = read_feed(look.reply.body, look.reply.headers.get("content-type", ""), look.reply.url)
        memory = replace(look.memory, asked_interval_s=feed.interval_s)
        return Poll(
            feed.candidates,
            state=asdict(memory),
            min_interval_s=min_interval_s(memory, look.reply),
            title=feed.title,
        )
