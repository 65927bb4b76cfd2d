"""How the kinds of server that speak the Mastodon API differ, and how each counts and tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import regex

IMAGE_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp"]
_URL = regex.compile(r"(?<![\w@#])https?://[^\s/?#]+\.[^\s/?#]+?(?:[/?#][^\s<>\"]*?)?(?=[.,;:!?)\]…”]*(?:\s|$))")
_MENTION = regex.compile(r"(?<![\w/=])@(\w+)@[\w.-]+\w")


@dataclass(frozen=True)
class Kind:
    """One kind of server."""

    name: str
    version: str
    source_url: str
    honours_key: bool = False
    default_visibility: str = "public"
    too_long_status: int = 400
    max_characters: int = 500
    url_length: int = 23
    max_media: int = 4
    description_limit: int = 1500
    image_size_limit: int = 16_777_216
    ulid_ids: bool = False
    has_v2: bool = True
    counts_code_points: bool = False
    edits: bool = True
    tells_many: bool = False
    needs_media: bool = False

    def length(self, text: str) -> int:
        """The length of `text` as this kind counts it."""
        if self.counts_code_points:
            return len(text)
        counted = _MENTION.sub(r"@\1", _URL.sub("x" * self.url_length, text)) if self.url_length else text
        return len(regex.findall(r"\X", counted))

    def too_long(self) -> str:
        """What it says about a text over its limit."""
        if self.name == "takahe":
            return "Status is too long"
        if self.name == "gotosocial":
            return f"Bad Request: status too long, limit is {self.max_characters}"
        return f"Validation failed: Text character limit of {self.max_characters} exceeded"


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "mastodon", "4.5.2", "https://github.com/mastodon/mastodon", honours_key=True, too_long_status=422,
            tells_many=True,
        ),
        Kind(
            "gotosocial", "0.19.1+git-53ee8ef", "https://codeberg.org/superseriousbusiness/gotosocial",
            default_visibility="unlisted", max_characters=5000, url_length=25, max_media=6, description_limit=5000,
            image_size_limit=41_943_040, ulid_ids=True, counts_code_points=True,
        ),
        Kind(
            "takahe", "0.11.0", "", image_size_limit=10_485_760, has_v2=False, counts_code_points=True
        ),
        Kind(
            "pleroma", "2.7.2 (compatible; Pleroma 2.9.1)", "https://git.pleroma.social/pleroma/pleroma",
            honours_key=True, too_long_status=422, max_characters=5000, url_length=0,
        ),
        # Its own limits are not documented; what a post without a picture is answered is from its source.
        Kind(
            "pixelfed", "3.5.3 (compatible; Pixelfed 0.12.4)", "https://github.com/pixelfed/pixelfed", has_v2=False,
            edits=False, needs_media=True, too_long_status=422,
        ),
        Kind("friendica", "2.8.0 (compatible; Friendica 2024.12)", "https://git.friendi.ca/friendica/friendica"),
    )
}  # fmt: skip


def instance_v2(kind: Kind, domain: str) -> dict[str, Any]:
    """`GET /api/v2/instance`."""
    return {
        "domain": domain,
        "title": "Contract server",
        "version": kind.version,
        "source_url": kind.source_url,
        "description": "A strict server for tests",
        "languages": ["da", "en"],
        "configuration": configuration(kind),
        "registrations": {"enabled": False, "approval_required": False, "message": None},
        "api_versions": {"mastodon": 6},
        "rules": [],
    }


def instance_v1(kind: Kind, domain: str) -> dict[str, Any]:
    """`GET /api/v1/instance`, which has no `source_url`."""
    return {
        "uri": domain,
        "title": "Contract server",
        "version": kind.version,
        "languages": ["da", "en"],
        "configuration": configuration(kind),
        "rules": [],
    }


def configuration(kind: Kind) -> dict[str, Any]:
    """The limits, as both versions of the instance call name them."""
    media: dict[str, Any] = {
        "supported_mime_types": [*IMAGE_TYPES, "video/mp4"],
        "image_size_limit": kind.image_size_limit,
        "image_matrix_limit": 33_177_600,
    }
    if kind.name != "takahe":
        media["description_limit"] = kind.description_limit
    return {
        "statuses": {
            "max_characters": kind.max_characters,
            "max_media_attachments": kind.max_media,
            "characters_reserved_per_url": kind.url_length,
        },
        "media_attachments": media,
        "accounts": {"max_featured_tags": 10},
    }
