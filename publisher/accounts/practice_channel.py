"""The practice channel's server side: its posts and pictures, as a social network would keep them."""

from __future__ import annotations

import io
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_noop
from PIL import Image

from publisher.errors import InputError
from publisher.models import PracticeChannel, PracticePicture, PracticePost
from publisher.models.audience import new_token
from publisher.platforms import PLATFORMS

LIMITS = PLATFORMS["practice"].limits({})
MAX_PIXELS = 50_000_000
# An upload that no post has taken in this time belongs to an attempt that was given up.
UNUSED_FOR = timedelta(days=1)
_FORMATS = ("JPEG", "PNG")
_SHOWN_AT = Coalesce("planned_at", "created_at")


@dataclass(frozen=True)
class NewPost:
    """A post as the API takes it, each field already checked for its own form."""

    key: str
    text: str
    link: str
    language: str
    planned_at: datetime
    picture_ids: tuple[int, ...] = ()
    reply_to: int | None = None


def channel_of(slug: str) -> PracticeChannel | None:
    """The channel behind a public address."""
    return PracticeChannel.objects.select_related("organisation").filter(slug=slug).first()


def channel_for(slug: str, token: str) -> PracticeChannel | None:
    """The channel, if `token` is its own. Takes as long for a channel that does not exist."""
    channel = channel_of(slug)
    expected = channel.token if channel else new_token()
    return channel if secrets.compare_digest(expected.encode(), token.encode()) else None


def keep_picture(channel: PracticeChannel, content: bytes, media_type: str, alt: str) -> PracticePicture:
    """Keep an uploaded picture until a post takes it. Raises InputError for what is no JPEG or PNG, or too large."""
    if len(content) > LIMITS.picture_bytes:
        raise InputError(gettext_noop("A picture may have %(limit)s bytes."), limit=LIMITS.picture_bytes)
    if len(alt) > LIMITS.alt_text:
        raise InputError(gettext_noop("A description may have %(limit)s characters."), limit=LIMITS.alt_text)
    if _type_of(content) != media_type:
        raise InputError(gettext_noop("The file is not a %(media_type)s picture."), media_type=media_type)
    forgotten = PracticePicture.objects.filter(channel=channel, post=None, created_at__lt=timezone.now() - UNUSED_FOR)
    forgotten.delete()
    return PracticePicture.objects.create(channel=channel, content=content, media_type=media_type, alt=alt)


def _type_of(content: bytes) -> str:
    """The media type that the bytes themselves say, whatever the sender calls them."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(gettext_noop("A picture may have %(limit)s pixels."), limit=MAX_PIXELS)
            found = Image.MIME[image.format or ""]
            image.verify()
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise anything at all for crafted bytes
        raise InputError(gettext_noop("The file is not a picture that can be read.")) from error
    return found


@transaction.atomic
def publish(channel: PracticeChannel, new: NewPost) -> PracticePost:
    """Publish, or answer the post that this key already made, whatever it says now: a repeat never posts twice.

    Two calls with one key at once meet in the database's unique constraint. Raises InputError for unknown pictures, and
    for an answer to a post that is not there.
    """

    def parent() -> PracticePost | None:
        return _answered(channel, new.reply_to) if new.reply_to is not None else None

    def first() -> PracticePost | None:
        before = parent()
        return (before.thread or before) if before else None

    words = {"text": new.text, "link": new.link, "language": new.language, "planned_at": new.planned_at}
    defaults: dict[str, Any] = {**words, "reply_to": parent, "thread": first}
    post, created = PracticePost.objects.get_or_create(channel=channel, key=new.key, defaults=defaults)
    if created:
        _attach(post, new.picture_ids)
    return post


def _answered(channel: PracticeChannel, post_id: int) -> PracticePost:
    post = _live(channel).select_related("thread").filter(pk=post_id).first()
    if post is None:
        raise InputError(gettext_noop("The post that this one answers is not there."))
    return post


def edit(post: PracticePost, text: str, link: str) -> None:
    """Give a post other words; the page says that it was corrected. The same words once more change nothing."""
    if (post.text, post.link) != (text, link):
        post.text, post.link, post.edited_at = text, link, timezone.now()
        post.save(update_fields=["text", "link", "edited_at"])


@transaction.atomic
def delete(post: PracticePost) -> None:
    """Take a post down for good. Its key stays, so that a late repeat does not bring it back."""
    PracticePost.objects.filter(pk=post.pk).update(text="", link="", deleted_at=timezone.now())
    PracticePicture.objects.filter(post=post).delete()


def _attach(post: PracticePost, picture_ids: Sequence[int]) -> None:
    free = PracticePicture.objects.filter(channel=post.channel_id, post=None, pk__in=picture_ids)
    if free.update(post=post) != len(picture_ids):
        raise InputError(
            gettext_noop("The post names a picture twice, or one that was not uploaded here, or is in another post.")
        )


def post_with_key(channel: PracticeChannel, key: str) -> PracticePost | None:
    """The post that a key made, while it is up."""
    return _live(channel).filter(key=key).first()


def post_with_id(channel: PracticeChannel, post_id: int) -> PracticePost | None:
    """One of the channel's posts."""
    return _live(channel).filter(pk=post_id).first()


def answer_count(post: PracticePost) -> int:
    """How many posts answer this one."""
    return post.answers.filter(deleted_at=None).count()


def timeline(channel: PracticeChannel) -> QuerySet[PracticePost]:
    """The channel's posts with `shown_at`, the instant they were planned for, the latest first.

    A thread stands at its first post, which has the others as `thread_posts`, in their order; a post whose thread has
    lost its first one stands by itself.
    """
    following = _live(channel).annotate(shown_at=_SHOWN_AT).order_by("pk").prefetch_related("pictures")
    beginning = _live(channel).annotate(shown_at=_SHOWN_AT).exclude(thread__in=_live(channel))
    others = Prefetch("following", following, to_attr="thread_posts")
    return beginning.order_by("-shown_at", "-pk").prefetch_related("pictures", others)


def thread_with(channel: PracticeChannel, post_id: int) -> PracticePost | None:
    """The thread (as in `timeline`) that a post is in, or the post alone; None if it is not there."""
    post = _live(channel).filter(pk=post_id).first()
    return timeline(channel).filter(pk__in=(post.pk, post.thread_id or post.pk)).first() if post else None


def _live(channel: PracticeChannel) -> QuerySet[PracticePost]:
    return PracticePost.objects.filter(channel=channel, deleted_at=None)


def published_picture(slug: str, picture_id: int) -> PracticePicture | None:
    """A picture of a published post."""
    return PracticePicture.objects.filter(channel__slug=slug, pk=picture_id, post__isnull=False).first()
