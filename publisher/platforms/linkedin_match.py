"""Recognises one of our posts among a page's posts on LinkedIn (finder by author; the right r_organization_social)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from publisher.platforms.contract import Post
from publisher.platforms.linkedin_calls import call, elements_of, moment_of, quoted
from publisher.platforms.linkedin_text import as_read, little_text
from publisher.platforms.mastodon_match import CLOCK_SKEW, comparable

PAGE = 50
PAGES_READ = 4


def posts_of(token: str, author: str, since: datetime) -> Iterator[Mapping[str, Any]]:
    """The author's posts, those last changed first, as far back as one may have been made since `since` (aware)."""
    for page in range(PAGES_READ):
        query = f"author={quoted(author)}&q=author&count={PAGE}&start={page * PAGE}&sortBy=LAST_MODIFIED"
        rows = elements_of(call(token, "GET", f"/posts?{query}", restli_method="FINDER"))
        yield from rows
        # Last changed first: what comes after one that was untouched since then was not made since then either.
        changed = moment_of(rows[-1], "lastModifiedAt") if rows else None
        if not rows or (changed is not None and changed < since - CLOCK_SKEW):
            return


def made_since(row: Mapping[str, Any], since: datetime) -> bool:
    """Whether a post was made at or after `since` (aware), their clock's error apart."""
    created = moment_of(row, "createdAt")
    return created is not None and created >= since - CLOCK_SKEW


def oldest(rows: Iterable[Mapping[str, Any]], text: str, post: Post, since: datetime) -> str:
    """The URN of the oldest of `posts_of` since `since` that surely is `post`; "" if there is none.

    The whole text must agree, and the number of pictures or the address that the card leads to.
    """
    wanted, found = comparable(as_read(little_text(text))), ""
    for row in rows:
        if (
            made_since(row, since)
            and str(row.get("id", "")) not in post.taken
            and comparable(as_read(str(row.get("commentary", "")))) == wanted
            and _carries(row.get("content"), post)
        ):
            found = str(row.get("id", "")) or found
    return found


def _carries(content: object, post: Post) -> bool:
    held: Mapping[str, Any] = content if isinstance(content, dict) else {}
    images = _within(held, "multiImage").get("images")
    pictures = len(images) if isinstance(images, list) else int(bool(_within(held, "media")))
    card = str(_within(held, "article").get("source", ""))
    return pictures == len(post.pictures) and card == ("" if post.pictures else post.link)


def _within(held: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = held.get(name)
    return part if isinstance(part, dict) else {}
