"""The links in a mail's stories that are counted: each distinct address becomes a row and an address of ours."""

from __future__ import annotations

import secrets

from publisher.compose.links import is_news, is_own, link_code, link_url
from publisher.compose.values import is_web_address
from publisher.models import Link, Message
from publisher.vocabulary import LinkCounting

# Longer addresses lead where they say: no mail program and no redirect is sure to carry them whole.
LONGEST = 2000


class CountedLinks:
    """Collects a mail's links while it is rendered. `marker` stands where a click token may be put in.

    Nobody can guess the marker; it stands in the mail only where the newsletter counts one by one.
    """

    def __init__(self, message: Message) -> None:
        self._message = message
        self._counting = message.newsletter.link_counting if message.newsletter else LinkCounting.NONE
        self.marker = secrets.token_hex(11)
        self._found: dict[str, Link] = {}

    def leading(self, url: str, title: str) -> str:
        """What to write instead of `url`: ours where it is counted, else `url`. The first `title` is kept."""
        if self._counting == LinkCounting.NONE or not is_web_address(url) or len(url) > LONGEST:
            return url
        # Our page of a story is read as its source's would be; other addresses of ours are ways to leave, and files.
        if is_own(url) and not is_news(url):
            return url
        if url not in self._found:
            number = len(self._found) + 1
            code = link_code(self._message, url)
            self._found[url] = Link(message=self._message, number=number, code=code, url=url, title=title)
        counted = link_url(self._found[url].code)
        return f"{counted}{self.marker}" if self._counting == LinkCounting.ONE_BY_ONE else counted

    def keep(self) -> None:
        """Store them, clicks that were counted before untouched. What a begun mail led to stays."""
        if self._message.started_at is None:
            gone = Link.objects.filter(message=self._message).exclude(code__in=[link.code for link in self._links])
            gone.delete()
        Link.objects.bulk_create(
            self._links, update_conflicts=True, unique_fields=["code"], update_fields=["number", "title"]
        )

    @property
    def _links(self) -> list[Link]:
        return list(self._found.values())
