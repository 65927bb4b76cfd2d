"""The things that the Mastodon contract server remembers, and how the API shows them."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.contract.mastodon_pages import as_html

SCOPES = frozenset(
    {"read", "write", "profile", "read:accounts", "read:statuses", "write:statuses", "write:media", "follow", "push"}
)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass
class App:
    """A registered client."""

    client_id: str
    client_secret: str
    name: str
    redirect_uris: list[str]
    scopes: frozenset[str]
    website: str = ""


@dataclass
class Code:
    """An authorisation that waits to be exchanged once for a token."""

    app: App
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str
    expires: datetime


@dataclass
class Account:
    """Someone who posts."""

    account_id: str
    username: str
    display_name: str


@dataclass
class Token:
    """What a client shows with each call."""

    account: Account
    scopes: frozenset[str]
    app_name: str = "Opslag"
    revoked: bool = False
    calls: list[float] = field(default_factory=list)

    def may(self, scope: str) -> bool:
        """Whether the token has `scope`, or the broad one that includes it; `profile` includes reading oneself."""
        return bool({scope, scope.partition(":")[0]} & self.scopes)


@dataclass
class Media:
    """An uploaded picture."""

    media_id: str
    account: Account
    content: bytes
    media_type: str
    alt: str
    width: int
    height: int
    polls_left: int = 1
    ready: bool = False
    failed: bool = False
    attached: bool = False

    def entity(self, origin: str, *, ready: bool) -> dict[str, Any]:
        """MediaAttachment; without `url` while it is processed."""
        url = f"{origin}/media/{self.media_id}" if ready else None
        size = {"width": self.width, "height": self.height, "size": f"{self.width}x{self.height}"}
        return {
            "id": self.media_id,
            "type": "image",
            "url": url,
            "preview_url": url,
            "remote_url": None,
            "meta": {"original": size},
            "description": self.alt or None,
            "blurhash": None,
        }


@dataclass
class Status:
    """A published post."""

    status_id: str
    account: Account
    text: str
    visibility: str
    language: str
    created_at: datetime
    key: str
    app_name: str
    media: list[Media]
    in_reply_to: Status | None = None
    sensitive: bool = False
    spoiler_text: str = ""
    deleted: bool = False
    edited_at: datetime | None = None
    likes: int = 0
    reposts: int = 0
    replies: int = 0

    def entity(self, origin: str) -> dict[str, Any]:
        """Status."""
        return {
            "id": self.status_id,
            "created_at": self.created_at.strftime("%Y-%m-%dT%H:%M:%S.")
            + f"{self.created_at.microsecond // 1000:03d}Z",
            "in_reply_to_id": self.in_reply_to.status_id if self.in_reply_to else None,
            "in_reply_to_account_id": self.in_reply_to.account.account_id if self.in_reply_to else None,
            "sensitive": self.sensitive,
            "spoiler_text": self.spoiler_text,
            "visibility": self.visibility,
            "language": self.language or None,
            "uri": f"{origin}/users/{self.account.username}/statuses/{self.status_id}",
            "url": f"{origin}/@{self.account.username}/{self.status_id}",
            "replies_count": self.replies,
            "reblogs_count": self.reposts,
            "favourites_count": self.likes,
            "edited_at": self.edited_at.isoformat() if self.edited_at else None,
            "content": as_html(self.text, origin),
            "reblog": None,
            "application": {"name": self.app_name, "website": None},
            "account": account_entity(self.account, origin),
            "media_attachments": [media.entity(origin, ready=True) for media in self.media],
            "mentions": [],
            "tags": [],
            "emojis": [],
            "card": None,
            "poll": None,
        }


def account_entity(account: Account, origin: str) -> dict[str, Any]:
    """Account."""
    return {
        "id": account.account_id,
        "username": account.username,
        "acct": account.username,
        "display_name": account.display_name,
        "locked": False,
        "bot": False,
        "url": f"{origin}/@{account.username}",
        "avatar": f"{origin}/avatars/{account.username}.png",
    }


class Ids:
    """Opaque ids: long numbers as Mastodon makes them, or ULIDs."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def next(self, now: datetime, *, ulid: bool) -> str:
        milliseconds, count = int(now.timestamp() * 1000), next(self._count)
        if not ulid:
            return str((milliseconds << 16) + count % 65536)
        number = (milliseconds << 80) + (count << 40) + secrets.randbits(40)
        return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
