"""Posts of Meta's platforms found in the account's own list: by their words, and by their public addresses, whose codes
the Graph does not take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.platforms.contract import Missing, Post
from publisher.platforms.meta_graph import moment_of, same_words, since_then
from publisher.platforms.meta_replies import GONE
from publisher.platforms.post_address import Place, Shown, after, place_in
from publisher.platforms.replies import identity_of, public_url

# Numbers, and what Facebook shows instead of them since 2022.
_FACEBOOK = re.compile(r"[0-9]{4,25}|pfbid[0-9A-Za-z]{8,200}")
_PAGE_AND_POST = re.compile(r"[0-9]+_([0-9]+)")
_SHORTCODE = re.compile(r"[\w-]{2,80}", re.ASCII)

Row = Mapping[str, Any]


def oldest_like(pages: Iterable[Sequence[Row]], field: str, text: str, post: Post, since: datetime) -> Row | Missing:
    """The oldest row since `since` (aware) whose `field` says `text`, and which is no other post that `post` knows of.

    The newest come first, so old ones end the search.
    """
    found, among = None, 0
    for rows in pages:
        among += len(rows)
        fresh = [row for row in rows if since_then(row, "timestamp", since)]
        free = [row for row in reversed(fresh) if identity_of(row) not in post.taken]
        found = next((row for row in free if same_words(row.get(field), text)), found)
        if len(fresh) < len(rows):
            break
    return found or Missing(among)


def facebook_code(place: Place) -> str:
    """What an address on Facebook calls an entry, "" for what is none."""
    last = place.path[-1] if place.path else ""
    if both := _PAGE_AND_POST.fullmatch(last):
        return both[1]
    asked = next((place.query[name] for name in ("story_fbid", "fbid") if name in place.query), "")
    within = last if {"posts", "photos", "permalink"} & set(place.path[:-1]) else ""
    found = asked or within
    return found if _FACEBOOK.fullmatch(found) else ""


def instagram_code(place: Place) -> str:
    """The short code of a post on Instagram, "" for what is none."""
    return _code(after(place.path, "p", "reel", "tv"))


def threads_code(place: Place) -> str:
    """The short code of a post on Threads, "" for what is none."""
    return _code(after(place.path, "post", "t"))


def _code(found: str) -> str:
    return found if _SHORTCODE.fullmatch(found) else ""


def listed_row(pages: Iterable[Sequence[Row]], address: str, wanted: str, code_of: Callable[[Place], str]) -> Row:
    """The row whose public address, in the field `address`, has the code `wanted`. Raises PermanentError for none."""
    for rows in pages:
        for row in rows:
            place = place_in(public_url(row.get(address)))
            if place is not None and code_of(place) == wanted:
                return row
    raise PermanentError(gettext_noop("It is not among the latest posts that the platform shows us."), reason=GONE)


def shown_row(row: Row, *, address: str, text: str, at: str) -> Shown:
    """The post in one of the account's own rows, by the names of its fields."""
    said = row.get(text)
    return Shown(
        identity_of(row),
        public_url(row.get(address)),
        text=said if isinstance(said, str) else "",
        at=moment_of(str(row.get(at, ""))),
    )
