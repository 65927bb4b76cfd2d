"""The first comment beneath a post on LinkedIn (socialActions API); its text is plain, without little text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import PermanentError
from publisher.platforms import replies
from publisher.platforms.contract import Post, Published
from publisher.platforms.linkedin_calls import (
    call,
    checked,
    comment_parts,
    created_of,
    elements_of,
    moment_of,
    object_of,
    published_as,
    quoted,
)
from publisher.platforms.linkedin_text import without_mentions
from publisher.platforms.mastodon_match import CLOCK_SKEW, comparable
from publisher.vocabulary import Reason

# Characters; the API's own limit.
COMMENT_LENGTH = 1250
_PAGE = 100


def comment(token: str, actor: str, post: Post) -> Published:
    """Write the comment beneath `post.reply_to`. Raises UncertainError if it may have happened unseen."""
    text = without_mentions(post.text)
    if len(text) > COMMENT_LENGTH:
        raise PermanentError(
            gettext_noop("The comment is %(length)s characters long; LinkedIn takes %(limit)s. Shorten it."),
            reason=Reason.REJECTED,
            length=len(text),
            limit=COMMENT_LENGTH,
        )
    written = {"actor": actor, "object": post.reply_to, "message": {"text": text}}
    reply = call(token, "POST", f"{_thread(post.reply_to)}/comments", commit=True, json=written)
    number = created_of(reply)
    return published_as(_urn(replies.object_of(reply, committing=True), post.reply_to, number))


def read_comment(token: str, urn: str) -> None:
    """Raises PermanentError if it is no longer there."""
    object_of(call(token, "GET", _path(urn)))


def find_comment(token: str, actor: str, post: Post, since: datetime) -> str:
    """The URN of the oldest of our comments beneath the post since `since` (aware) with this text, else ""."""
    found, wanted = "", comparable(without_mentions(post.text))
    rows = elements_of(call(token, "GET", f"{_thread(post.reply_to)}/comments?count={_PAGE}&start=0"))
    earliest: datetime | None = None
    for row in rows:
        created = moment_of(_part(row, "created"), "time")
        text = str(_part(row, "message").get("text", ""))
        urn = _urn(row, post.reply_to, str(row.get("id", "")))
        if row.get("actor") != actor or comparable(text) != wanted or urn in post.taken:
            continue
        if created and created >= since - CLOCK_SKEW and (earliest is None or created < earliest):
            found, earliest = urn, created
    return found


def edit_comment(token: str, actor: str, urn: str, text: str) -> None:
    """Give it another text; the same again is harmless."""
    patch = {"patch": {"message": {"$set": {"text": without_mentions(text)}}}}
    path = f"{_path(urn)}?actor={quoted(actor)}"
    checked(call(token, "POST", path, restli_method="PARTIAL_UPDATE", json=patch))


def delete_comment(token: str, actor: str, urn: str) -> http.Reply:
    """The answer to taking it down."""
    return call(token, "DELETE", f"{_path(urn)}?actor={quoted(actor)}", restli_method="DELETE")


def _urn(row: Mapping[str, Any], thread: str, number: str) -> str:
    """As LinkedIn names it, which may be by another name of the post (its activity) than ours."""
    named = str(row.get("commentUrn", ""))
    return named if comment_parts(named) else f"urn:li:comment:({thread},{number})"


def _path(urn: str) -> str:
    thread, number = comment_parts(urn) or ("", "")
    return f"{_thread(thread)}/comments/{number}"


def _thread(urn: str) -> str:
    return f"/socialActions/{quoted(urn)}"


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, dict) else {}
