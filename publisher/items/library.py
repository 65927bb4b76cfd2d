"""The library of an organisation's pictures: finding them, their words and consent, where news uses them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from publisher.errors import InputError
from publisher.items.pictures import NO_CONSENT, WITHDRAWN
from publisher.items.recording import content_of, revise
from publisher.items.words import spellings
from publisher.models import Item, Organisation, Picture, User
from publisher.models.scoped import ScopedQuerySet

# So long before a photo consent ends staff are told.
ENDS_SOON = timedelta(days=30)
UNDESCRIBED, ENDING, TAKEN_BACK = "undescribed", "ending", "withdrawn"
_SEARCHED = ("alt", "caption", "credit", "file_name", "consent_by", "licence")
# What may be said of a picture.
WORDS = ("alt", "caption", "credit", "licence", "consent_by", "consent_until", "focal_x", "focal_y")


def library(organisation: Organisation, *, show: str = "", query: str = "") -> ScopedQuerySet[Picture]:
    """The pictures, latest first, with all words of `query` in what is said of them or in a headline that they have.

    `show`: UNDESCRIBED, ENDING (consent that ends within 30 days, or has ended), TAKEN_BACK; else all that may be used.
    """
    found = Picture.objects.for_organisation(organisation).filter(_shown(show, timezone.localdate()))
    for word in query.split()[:10]:
        found = found.filter(_says(word))
    return found.order_by("-created_at", "-pk")


def numbers(organisation: Organisation) -> dict[str, int]:
    """How many pictures each view of the library has, by its name; "" for all."""
    today = timezone.localdate()
    mine = Picture.objects.for_organisation(organisation)
    return {show: mine.filter(_shown(show, today)).count() for show in ("", UNDESCRIBED, ENDING, TAKEN_BACK)}


def ends_soon(today: date) -> Q:
    """For a filter over pictures: whose consent ends within 30 days, or has ended."""
    return Q(withdrawn_at=None, consent_until__isnull=False, consent_until__lte=today + ENDS_SOON)


def describe(picture: Picture, words: Mapping[str, object]) -> bool:
    """Keep what is said of a picture (names in WORDS); false if it was all known. Call it in a transaction."""
    changed = [name for name in WORDS if name in words and getattr(picture, name) != words[name]]
    for name in changed:
        setattr(picture, name, words[name])
    if changed:
        picture.save(update_fields=changed)
    return bool(changed)


def keep_alt(picture: Picture, alt: str) -> None:
    """Keep a description that was given where the picture is used, if it has none yet: nobody is asked twice."""
    if alt.strip():
        Picture.objects.filter(pk=picture.pk, alt="").update(alt=alt.strip())


def use_for(picture: Picture, item: Item, by: User) -> None:
    """Let an item show this picture from now on, whatever its source says; planned send-outs with it are asked.

    Raises InputError if it may not be used.
    """
    refuse_withdrawn(picture)
    with transaction.atomic():
        stored = Item.objects.select_for_update().get(pk=item.pk)
        before = content_of(stored)
        stored.picture, stored.picture_alt, stored.picture_error, stored.picture_by_hand = picture, "", {}, True
        revise(stored, before, by)
        stored.save(
            update_fields=["picture", "picture_alt", "picture_error", "picture_by_hand", "revision", "updated_at"]
        )


def day_in_numbers(day: date) -> str:
    """A day for sentences that readers of every language get: “31.12.2026”."""
    return f"{day:%d.%m.%Y}"


def refuse_withdrawn(picture: Picture) -> None:
    """Raise InputError for a picture whose photo consent was withdrawn."""
    if picture.withdrawn_at is not None:
        raise InputError(NO_CONSENT, reason=WITHDRAWN)


def _shown(show: str, today: date) -> Q:
    if show == TAKEN_BACK:
        return Q(withdrawn_at__isnull=False)
    if show == ENDING:
        return ends_soon(today)
    return Q(withdrawn_at=None, alt="") if show == UNDESCRIBED else Q(withdrawn_at=None)


def _says(word: str) -> Q:
    found = Q()
    for form in spellings(word):
        for name in _SEARCHED:
            found |= Q(**{f"{name}__icontains": form})
        found |= Q(Exists(Item.objects.filter(picture=OuterRef("pk"), title__icontains=form)))
    return found
