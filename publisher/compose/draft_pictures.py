"""The pictures of a draft: another one wherever it shows the one before, and the order of those in its posts.

New pictures come with the words that the library has of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from django.db import transaction

from publisher.compose.drafts import open_draft
from publisher.compose.post_pictures import give_pictures, pictures_of
from publisher.compose.values import one_line
from publisher.items.library import refuse_withdrawn
from publisher.models import Block, Campaign, Message, Picture
from publisher.vocabulary import BlockKind, Outlet


class Move(StrEnum):
    """Where a picture goes within a post: one place up, before all others, out of it."""

    UP = "up"
    FIRST = "first"
    OUT = "out"


@transaction.atomic
def change_picture(campaign: Campaign, old: Picture | None, new: Picture | None) -> None:
    """Show `new` (None: no picture) wherever a draft shows `old`; None stands for the lead story and posts without one.

    Raises InputError unless the campaign is a draft, and for a picture whose photo consent was withdrawn.
    """
    if new is not None:
        refuse_withdrawn(new)
    for message in campaign.messages.all():
        changed = _posts(message, old, new) if message.outlet == Outlet.POST else _mails(message, old, new)
        if changed:
            open_draft(message)


def _posts(message: Message, old: Picture | None, new: Picture | None) -> bool:
    shown = pictures_of(message)
    if old is None:
        return not shown and new is not None and give_pictures(message, [(new, new.alt)])
    replaced = [(new, new.alt if new else "") if each.picture == old else (each.picture, each.alt) for each in shown]
    return give_pictures(message, [(picture, alt) for picture, alt in replaced if picture])


def _mails(message: Message, old: Picture | None, new: Picture | None) -> bool:
    blocks = message.blocks.filter(picture=old) if old else _leading(message)
    for block in blocks:
        block.picture = new
        block.content.update(
            {name: one_line(getattr(new, name)) if new else "" for name in ("alt", "caption", "credit")}
        )
        block.save(update_fields=["picture", "content"])
    return bool(blocks)


def _leading(message: Message) -> list[Block]:
    return list(message.blocks.filter(picture=None, kind=BlockKind.LEAD_STORY))


def add_pictures(posts: Iterable[Message], pictures: Sequence[Picture]) -> None:
    """Show these pictures, too, after those that the posts show. Raises InputError as `change_picture` does."""
    for picture in pictures:
        refuse_withdrawn(picture)
    with transaction.atomic():
        for post in posts:
            _give(post, [*_words(post), *((picture, picture.alt) for picture in pictures)])


@transaction.atomic
def arrange(posts: Iterable[Message], picture: Picture, move: Move) -> None:
    """Move a picture in those of the posts that show it. Raises InputError unless their campaign is a draft."""
    for post in posts:
        pictures = _words(post)
        at = next((place for place, (each, _alt) in enumerate(pictures) if each == picture), None)
        if at is None:
            continue
        moved = pictures.pop(at)
        if move != Move.OUT:
            pictures.insert(0 if move == Move.FIRST else max(at - 1, 0), moved)
        _give(post, pictures)


@transaction.atomic
def follow(post: Message, other: Message) -> None:
    """Show what another post shows, in its order. Raises InputError likewise."""
    _give(post, _words(other))


def _words(post: Message) -> list[tuple[Picture, str]]:
    return [(each.picture, each.alt) for each in pictures_of(post)]


def _give(post: Message, pictures: Iterable[tuple[Picture, str]]) -> None:
    if give_pictures(post, pictures):
        open_draft(post)
