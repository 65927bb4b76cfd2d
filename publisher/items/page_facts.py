"""What a feed does not say of a news item and its page does: a picture, and when its event takes place."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, OpslagError, TransientError
from publisher.http import FetchLimits, fetch
from publisher.items.entries import Entry
from publisher.sources.page import MAX_BYTES, PageFacts, read_page

# At most so many pages, for so long, each time a source is looked at.
PAGES_PER_POLL = 20
TIME_PER_POLL = timedelta(seconds=60)
_LIMITS = FetchLimits(connect_s=5, read_s=8, total_s=15, max_bytes=MAX_BYTES, max_redirects=3)
_NOT_YET = Explanation(gettext_noop("The news item’s page has not been looked at yet; it is tried again."))
_EVENT_WORDS = re.compile(
    r"arrangement|begivenhed|kalender|koncert|foredrag|forestilling|udstilling|festival|event|concert|exhibition",
    re.IGNORECASE,
)


class Pages:
    """The pages of one look at a source: so many and no more, none unless `wanted`.

    `patient`: what is left over is worth another look.
    """

    def __init__(self, *, patient: bool, wanted: bool = True) -> None:
        self._wanted = wanted and PAGES_PER_POLL > 0
        self._left = PAGES_PER_POLL
        self._end = timezone.now() + TIME_PER_POLL
        self._patient = patient

    def wanted_for(self, entry: Entry) -> bool:
        """Whether the entry lacks what its page may tell."""
        lacks = not entry.pictures or (entry.event is None and _seems_an_event(entry))
        return self._wanted and bool(entry.link) and lacks

    def completed(self, entry: Entry) -> Entry:
        """The entry with what only its page tells; as it is where it lacks nothing, or its page cannot be read.

        `page_error` then says so, where that matters for its picture.
        """
        if not self.wanted_for(entry):
            return entry
        if self._left < 1 or timezone.now() > self._end:
            return replace(entry, page_error=_error(_NOT_YET, again=self._patient))
        self._left -= 1
        try:
            facts = _look(entry.link)
        except TransientError as error:
            return replace(entry, page_error=_error(error.explanation, again=self._patient))
        except OpslagError as error:
            return replace(entry, page_error=_error(error.explanation, again=False))
        return replace(entry, pictures=entry.pictures or facts.pictures, event=entry.event or facts.event)


def _look(url: str) -> PageFacts:
    """Read a page (at most 1 MB in 15 s, through the address guard); what is no page tells nothing.

    Raises TransientError or PermanentError as `fetch` does, TransientError also for a server in trouble.
    """
    reply = fetch(url, headers={"Accept": "text/html,application/xhtml+xml;q=0.9"}, limits=_LIMITS)
    if reply.status in {408, 425, 429} or reply.status >= 500:
        raise TransientError(
            gettext_noop("The news item’s page cannot be read now (%(status)s); it is tried again."),
            reason="page_unavailable",
            status=reply.status,
        )
    if reply.status != 200:
        return PageFacts()
    return read_page(reply.body, reply.headers.get("content-type", ""), reply.url)


def _seems_an_event(entry: Entry) -> bool:
    return any(_EVENT_WORDS.search(words) for words in (*entry.tags, entry.link, entry.title))


def _error(words: Explanation, *, again: bool) -> dict[str, Any]:
    return words.as_json() | {"again": again}
