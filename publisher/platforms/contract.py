"""What a platform plug-in is: prepare → commit → confirm on plain dataclasses; it knows no database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class PictureFile:
    """A picture's frozen bytes as they will be uploaded, with the text that is read aloud. Sizes in pixels.

    `focal` (from the left and from the top, 0 to 1) is what the platform's own crops should keep.
    """

    content: bytes
    media_type: str
    alt: str
    width: int
    height: int
    focal: tuple[float, float] = (0.5, 0.5)


@dataclass(frozen=True)
class Post:
    """One public call's content, frozen at approval: every attempt sends exactly these bytes.

    `key` is the idempotency key, the same on every attempt; `planned_at` (aware) is the time that the platform shows;
    `reply_to` is the remote id of the part before it in a thread, "" for the first.
    """

    text: str
    key: str
    planned_at: datetime
    link: str = ""
    language: str = ""
    visibility: str = "public"
    pictures: tuple[PictureFile, ...] = ()
    reply_to: str = ""


@dataclass(frozen=True)
class Published:
    """A post as the platform holds it."""

    remote_id: str
    permalink: str = ""


@dataclass(frozen=True)
class Profile:
    """Who an account is on its platform, and what its server told about itself (`facts`, kept on the Account row)."""

    remote_id: str
    name: str
    handle: str
    url: str = ""
    avatar_url: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What one post may be, as this platform counts it. `alt_text` in characters, `picture_bytes` in bytes.

    `picture_side` is a picture's longest side in pixels; `picture_aspects` its narrowest and its widest shape
    (width ÷ height), None where any will do.
    """

    text: int
    pictures: int = 4
    alt_text: int = 1500
    picture_bytes: int = 8_000_000
    picture_types: tuple[str, ...] = ("image/jpeg", "image/png")
    picture_side: int = 1600
    picture_aspects: tuple[float, float] | None = None


class Platform(ABC):
    """Publishes posts of one kind of account. `config_class` holds connection fields (secrets marked in metadata).

    `link_in_text` says that a post's link becomes part of its text (see `length.with_link`) and counts in its length.
    Every method may raise TransientError, PermanentError or AccountError; only `commit` may raise UncertainError.
    """

    kind: ClassVar[str]
    label: ClassVar[StrOrPromise]
    config_class: ClassVar[type]
    link_in_text: ClassVar[bool] = True

    @abstractmethod
    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """The limits of the account's server, from what `verify` found out."""

    @abstractmethod
    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """The length of `text` as this platform counts it."""

    @abstractmethod
    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """How long after the first attempt a commit with the same key may be repeated without a second post."""

    @abstractmethod
    def verify(self, config: Any) -> Profile:
        """Check that the credentials work and learn who and what is at the other end."""

    @abstractmethod
    def prepare(self, config: Any, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Do all that is not yet public (uploads); answers what `commit` needs, as JSON. May be repeated."""

    @abstractmethod
    def commit(self, config: Any, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]) -> Published:
        """The one call that makes the post public. Raises UncertainError if it may have happened unseen."""

    @abstractmethod
    def confirm(self, config: Any, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the post back: its id and permalink as the public sees them."""

    @abstractmethod
    def find(self, config: Any, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | None:
        """Look among the account's own posts since `since` (aware) for one that is surely this post, else None."""
