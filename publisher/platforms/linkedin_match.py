"""Recognises one of our posts among a page's posts on LinkedIn (finder by author; the right r_organization_social)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from publisher.platforms.contract import Post
from publisher.platforms.linkedin_calls import call, elements_of, moment_of, quoted
from publisher.platforms.linkedin_text import as_read, little_text
from publisher.platforms.mastodon_match import CLOCK_SKEW, comparable

PAGE = 50
PAGES_READ = 4


def find_post(token: str, author: str, text: str, post: Post, since: datetime) -> str:
    """The URN of the oldest of the author's posts since `since` (aware) that surely is `post`; "" if there is none.

    The whole text must agree, and the number of pictures or the address that the card leads to.
    """
    wanted, found = comparable(as_read(little_text(text))), ""
    for page in range(PAGES_READ):
        query = f"author={quoted(author)}&q=author&count={PAGE}&start={page * PAGE}&sortBy=LAST_MODIFIED"
        rows = elements_of(call(token, "GET", f"/posts?{query}", restli_method="FINDER"))
        for row in rows:
            created = moment_of(row, "createdAt")
            if (
                created is not None
                and str(row.get("id", "")) not in post.taken
                and created >= since - CLOCK_SKEW
                and comparable(as_read(str(row.get("commentary", "")))) == wanted
                and _carries(row.get("content"), post)
            ):
                found = str(row.get("id", "")) or found
        # Last changed first: what comes after one that was untouched since then was not made since then either.
        changed = moment_of(rows[-1], "lastModifiedAt") if rows else None
        if not rows or (changed is not None and changed < since - CLOCK_SKEW):
            break
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
