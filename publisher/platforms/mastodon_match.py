"""Recognises one of our posts among an account's statuses, although the server shows it as HTML of its own making."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from publisher.platforms.contract import Post
from publisher.platforms.length import with_link, without_mention_hosts
from publisher.platforms.replies import identity_of

# The server's clock may differ from ours by this much.
CLOCK_SKEW = timedelta(minutes=5)
# Elements whose text is not part of the post.
_UNSEEN = frozenset({"script", "style", "template"})


def is_this_post(status: Mapping[str, Any], post: Post, since: datetime) -> bool:
    """Whether the status (JSON of the Mastodon API) is surely `post`, first sent at or after `since` (aware).

    The whole text must agree, whitespace and markup apart, and the number of pictures and the post it answers.
    """
    created = created_at(status)
    pictures = status.get("media_attachments")
    answers = status.get("in_reply_to_id")
    return (
        created is not None
        and identity_of(status) not in post.taken
        and created >= since - CLOCK_SKEW
        and len(pictures if isinstance(pictures, list) else ()) == len(post.pictures)
        and ("" if answers is None else str(answers)) == post.reply_to
        and comparable(with_link(post.text, post.link)) in _readings(str(status.get("content", "")))
    )


def created_at(status: Mapping[str, Any]) -> datetime | None:
    """When the server says it took the status in (aware), None if it does not say."""
    try:
        moment = datetime.fromisoformat(str(status.get("created_at")))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def words_of(content: str) -> str:
    """A status's HTML as people read it."""
    reader = _Reader()
    reader.feed(content)
    reader.close()
    return "".join(reader.words)


def comparable(text: str) -> str:
    """`text` without what servers change: whitespace, invisible characters, composition, the hosts of mentions."""
    composed = unicodedata.normalize("NFC", without_mention_hosts(text))
    return "".join(c for c in composed if unicodedata.category(c)[0] not in "ZC")


def _readings(content: str) -> set[str]:
    """The status text as it can be meant: each link by its own words, or by the address it leads to."""
    reader = _Reader()
    reader.feed(content)
    reader.close()
    return {comparable("".join(reader.words)), comparable("".join(reader.addressed))}


class _Reader(HTMLParser):
    """Collects a status text twice: with the words of its links, and with their addresses instead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.addressed: list[str] = []
        self._unseen = 0
        self._in_address = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in {"p", "br", "div", "li"}:
            self._add("\n", "\n")
        elif tag == "a" and not {"mention", "hashtag"} & set(given.get("class", "").split()):
            self._in_address = True
            self._add("", given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a":
            self._in_address = False

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._add(data, "" if self._in_address else data)

    def _add(self, word: str, addressed: str) -> None:
        self.words.append(word)
        self.addressed.append(addressed)
