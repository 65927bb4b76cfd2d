"""What one post may be and what can be done on an account's server, as plain values that each plug-in gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Limits:
    """What one post may be, as this platform counts it. `alt_text` in characters, `picture_bytes` in bytes.

    `picture_side` is a picture's longest side in pixels; `picture_aspects` its narrowest and its widest shape
    (width ÷ height), None where any will do. `text_with_pictures` is the text's limit in a post that has pictures, None
    where it is the same; with `alt_in_text` the descriptions become lines of the text (`length.with_alts`) and count.
    `comment` is the limit of the first comment, None where it is the text's.
    """

    text: int
    pictures: int = 4
    alt_text: int = 1500
    picture_bytes: int = 8_000_000
    picture_types: tuple[str, ...] = ("image/jpeg", "image/png")
    picture_side: int = 1600
    picture_aspects: tuple[float, float] | None = None
    text_with_pictures: int | None = None
    alt_in_text: bool = False
    comment: int | None = None

    def text_beside(self, pictures: int) -> int:
        """How long the text may be in a post with so many pictures."""
        return self.text if not pictures or self.text_with_pictures is None else self.text_with_pictures

    @property
    def follow_up(self) -> int:
        """How long may be what follows a post."""
        return self.text if self.comment is None else self.comment


class FollowUp(StrEnum):
    """What may come after a post, as calls of their own."""

    NONE = ""
    THREAD = "thread"  # more posts, each an answer to the one before
    COMMENT = "comment"  # one comment of ours beneath it


class LinkCard(StrEnum):
    """How a link gets its card."""

    NONE = ""
    THEIRS = "theirs"  # the platform reads the page
    OURS = "ours"  # we hand over title, sentence and picture (Post.card)


@dataclass(frozen=True)
class Abilities:
    """What can be done on an account's server, beside publishing.

    `edits`: the text of a published post can be changed; `edit_note` and `delete_note` say in words what cannot be
    done, or what people should know, before they confirm. `finds`: whether a lost answer can be looked up (`find`).
    `clickable_links`: where a link in a text leads nowhere, the text may say that it is in the profile.
    `needs_picture`: there is no post without one. `fetches_pictures`: it needs `PictureFile.url`. `visibilities`: what
    may be chosen, the first is usual. `figures`: which of FIGURES it tells; `figures_cost`: they are paid or rationed,
    so they are asked for seldom. `price_note` says in words what a post costs, "" where it costs nothing.
    """

    follow_up: FollowUp = FollowUp.NONE
    link_card: LinkCard = LinkCard.THEIRS
    edits: bool = False
    deletes: bool = False
    edit_note: StrOrPromise = ""
    delete_note: StrOrPromise = ""
    finds: bool = True
    clickable_links: bool = True
    needs_picture: bool = False
    fetches_pictures: bool = False
    languages: bool = False
    visibilities: tuple[str, ...] = ("public",)
    figures: tuple[str, ...] = ()
    figures_cost: bool = False
    price_note: StrOrPromise = ""


# What platforms count about a post.
FIGURES = ("likes", "reposts", "replies", "views")
