"""LinkedIn's posts by their public addresses, which mostly name an activity: the API knows posts by another URN."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.platforms.contract import Post
from publisher.platforms.linkedin_calls import moment_of, published_as
from publisher.platforms.linkedin_match import made_since
from publisher.platforms.linkedin_text import as_read
from publisher.platforms.post_address import Place, Shown, resembles
from publisher.platforms.replies import identity_of
from publisher.vocabulary import Reason

_ACTIVITY = "urn:li:activity:"
_URN = re.compile(r"urn:li:(?:share|ugcPost|activity):[0-9]{1,20}")
# linkedin.com/posts/koege-bibliotek_aaben-oevelse-activity-7123456789012345678-aB1c
_IN_WORDS = re.compile(r"-(share|ugcPost|activity)-([0-9]{1,20})(?:-|$)")


def urn_in(place: Place) -> str:
    """The URN in the path of a post's address, "" if there is none."""
    for segment in place.path:
        if _URN.fullmatch(segment):
            return segment
    named = _IN_WORDS.search(place.path[1]) if len(place.path) > 1 and place.path[0] == "posts" else None
    return f"urn:li:{named[1]}:{named[2]}" if named else ""


def is_activity(urn: str) -> bool:
    """Whether it is the URN of an activity, which nothing in the API leads to."""
    return urn.startswith(_ACTIVITY)


def only_one(rows: Iterable[Mapping[str, Any]], text: str, post: Post, since: datetime) -> Mapping[str, Any]:
    """The one of a page's posts since `since` (aware) that may be ours. Raises PermanentError if there are more."""
    free = [row for row in rows if made_since(row, since) and identity_of(row) not in post.taken]
    found = [row for row in free if resembles(text, as_read(str(row.get("commentary", ""))))]
    if len(found) == 1:
        return found[0]
    words = gettext_noop(
        "LinkedIn does not tell which of the page's posts that address means. Choose “Embed this post” at the post, "
        "and paste the address in it, with urn:li:share or urn:li:ugcPost."
    )
    raise PermanentError(words, reason=Reason.REJECTED)


def shown_of(row: Mapping[str, Any], author: str) -> Shown:
    """A post as the API tells it."""
    published = published_as(identity_of(row))
    return Shown(
        published.remote_id,
        published.permalink,
        text=as_read(str(row.get("commentary", ""))),
        at=moment_of(row, "createdAt"),
        own=row.get("author") == author,
    )
