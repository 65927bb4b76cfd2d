"""Recognises one of our posts among an account's posts on X, where every address has become a t.co address."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from publisher.platforms.contract import Post
from publisher.platforms.length import with_link
from publisher.platforms.mastodon_match import comparable

# What must be asked for.
FIELDS = "attachments,created_at,entities,referenced_tweets"
# The address that X adds at the end of a text for its pictures.
_OF_PICTURE = re.compile(r"/status/\d+/(?:photo|video)/\d+$")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_LAST_SLASH = re.compile(r"/(?=\s|$)")


def is_this_post(row: Mapping[str, Any], post: Post) -> bool:
    """Whether X's row is surely `post`: the whole text, the number of pictures and the post that it answers agree."""
    return (
        answered(row) == post.reply_to
        and str(row.get("id")) not in post.taken
        and len(_list(_part(row, "attachments"), "media_keys")) == len(post.pictures)
        and _plain(expanded(row)) == _plain(with_link(post.text, post.link))
    )


def expanded(row: Mapping[str, Any]) -> str:
    """The text as it was written: each t.co address by the one it leads to, those of pictures gone, & for &amp;."""
    text = html.unescape(str(row.get("text", "")))
    for found in _list(_part(row, "entities"), "urls"):
        short, leads_to = str(found.get("url", "")), str(found.get("expanded_url", ""))
        if short:
            text = text.replace(short, "" if found.get("media_key") or _OF_PICTURE.search(leads_to) else leads_to)
    return text


def _plain(text: str) -> str:
    # X adds a scheme to addresses that had none, and a slash to a bare domain.
    return comparable(_LAST_SLASH.sub("", _SCHEME.sub("", text)))


def answered(row: Mapping[str, Any]) -> str:
    """The id of the post that X's row answers, "" for none."""
    answers = [each for each in _list(row, "referenced_tweets") if each.get("type") == "replied_to"]
    return str(answers[0].get("id", "")) if answers else ""


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, dict) else {}


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    rows = row.get(name)
    return rows if isinstance(rows, list) else []
