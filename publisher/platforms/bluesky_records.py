"""A post as a record in its account's repository: its key, its address and its fields (app.bsky.feed.post)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import regex
from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.platforms.addresses import origin
from publisher.platforms.bluesky_text import Mark, facets, short_address
from publisher.platforms.contract import Card, PictureFile, Post
from publisher.vocabulary import Reason

KIND = "bluesky"
POSTS = "app.bsky.feed.post"
_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_KEY = regex.compile(rf"[{_ALPHABET}]{{13}}")
_ADDRESS = regex.compile(rf"at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/{regex.escape(POSTS)}/([{_ALPHABET}]{{13}})")


def tid(microseconds: int, clock_id: int) -> str:
    """A key that sorts by time: Unix microseconds and ten bits that tell clocks apart (atproto.com/specs/tid)."""
    value = (microseconds << 10) | clock_id
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(60, -1, -5))


def record_key(post: Post) -> str:
    """The record's key: of the second for which the post is planned, and within it of the post's own key.

    The same on every attempt, so that a repeat meets the record that an earlier one made.
    """
    digest = hashlib.sha256(post.key.encode()).digest()
    within = int.from_bytes(digest[:8]) % 1_000_000
    return tid(int(post.planned_at.timestamp()) * 1_000_000 + within, int.from_bytes(digest[8:10]) % 1024)


def address_of(did: str, rkey: str) -> str:
    """A post's at:// address, our remote id."""
    return f"at://{did}/{POSTS}/{rkey}"


def is_record_key(rkey: str) -> bool:
    """Whether it is a key as ours are, and those of all posts that the app makes."""
    return bool(_KEY.fullmatch(rkey))


def place_of(remote_id: str) -> tuple[str, str]:
    """The account (DID) and the key in a post's address. Raises PermanentError for what is none."""
    found = _ADDRESS.fullmatch(remote_id)
    if not found:
        raise PermanentError(gettext_noop("This is not a post on Bluesky."), reason=Reason.REJECTED)
    return found.group(1), found.group(2)


def permalink_of(remote_id: str) -> str:
    """Where people see the post. With the DID, since a handle may change."""
    did, rkey = place_of(remote_id)
    return f"{profile_url(did)}/post/{rkey}"


def profile_url(did: str) -> str:
    """Where people see the account."""
    return f"{origin(KIND, 'https://bsky.app')}/profile/{did}"


def record_of(
    post: Post, text: str, marked: Sequence[Mark], prepared: Mapping[str, Any], reply: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The record, the same on every attempt with the same `prepared` (what uploads and look-ups gave).

    `text` and `marked` as `bluesky_text.shown` gives them; `reply` names the thread's first post and the one before,
    each by address and content id, None for a first post.
    """
    fields = {
        "$type": POSTS,
        "text": text,
        "createdAt": moment(post.planned_at),
        "langs": [post.language] if post.language else [],
        "facets": facets(text, marked, prepared.get("dids", {})),
        "embed": _embed(post, prepared),
        "reply": reply,
    }
    return {name: value for name, value in fields.items() if value or name == "text"}


def moment(when: datetime) -> str:
    """A time as records have it: UTC with milliseconds."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _embed(post: Post, prepared: Mapping[str, Any]) -> dict[str, Any] | None:
    """Pictures or a card: a post has room for one of the two."""
    if post.pictures:
        uploaded = zip(post.pictures, prepared["pictures"], strict=True)
        return {"$type": "app.bsky.embed.images", "images": [_image(each, blob) for each, blob in uploaded]}
    if post.link:
        # Without a card of ours the link would be nowhere.
        card = post.card or Card(post.title or short_address(post.link))
        return {"$type": "app.bsky.embed.external", "external": _card(post.link, card, prepared.get("thumb"))}
    return None


def _image(picture: PictureFile, blob: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "alt": picture.alt,
        "image": dict(blob),
        "aspectRatio": {"width": picture.width, "height": picture.height},
    }


def _card(link: str, card: Card, thumb: Mapping[str, Any] | None) -> dict[str, Any]:
    made = {"uri": link, "title": card.title, "description": card.description}
    return {**made, "thumb": dict(thumb)} if thumb else made
