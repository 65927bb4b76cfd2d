"""The pictures of a post: all of them in order, and those that its channel shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Prefetch, prefetch_related_objects

from publisher.models import Message, Picture, PostPicture

# With the rows of posts, all their pictures in one statement.
WITH_PICTURES = Prefetch("pictures", PostPicture.objects.select_related("picture"))


def pictures_of(message: Message) -> list[PostPicture]:
    """All pictures of a post, in order; read once and kept with the row in memory."""
    prefetch_related_objects([message], WITH_PICTURES)
    return list(message.pictures.all())


def first_of(message: Message, most: int) -> tuple[PostPicture, ...]:
    """Those that a channel shows which takes at most so many in a post: the first, or those that were approved.

    Approval settled which; a channel that takes fewer since then refuses the post, and none is dropped unseen.
    """
    pictures = [each for each in pictures_of(message) if not each.left_out]
    return tuple(pictures if message.frozen_at else pictures[:most])


def settle(message: Message, most: int) -> None:
    """Approval: what does not go out, because the channel takes at most so many, stays out whatever comes."""
    beyond = pictures_of(message)[most:]
    for each in beyond:
        each.left_out = True
    if beyond:
        PostPicture.objects.bulk_update(beyond, ["left_out"])


def unsettle(message_ids: Sequence[int]) -> None:
    """The posts are drafts again: which pictures go out is open."""
    PostPicture.objects.filter(message__in=message_ids, left_out=True).update(left_out=False)


def give_pictures(message: Message, pictures: Iterable[tuple[Picture, str]]) -> bool:
    """Let a post show exactly these, each with its description, in this order; of one given twice, the first.

    False if it shows them already. Only drafts are given pictures: see drafts.open_draft.
    """
    wanted: dict[int, tuple[Picture, str]] = {}
    for picture, alt in pictures:
        wanted.setdefault(picture.pk, (picture, alt))
    if [(each.picture, each.alt) for each in pictures_of(message)] == list(wanted.values()):
        return False
    message.pictures.all().delete()
    PostPicture.objects.bulk_create(
        PostPicture(message=message, picture=picture, position=position, alt=alt)
        for position, (picture, alt) in enumerate(wanted.values())
    )
    message.refresh_from_db(fields=["pictures"])
    return True
