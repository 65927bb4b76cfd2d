"""What an item's picture shows, in words: those of the picture, or the item's own where it was described otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from django.utils import timezone

from publisher.errors import OpslagError
from publisher.items.content import tidy
from publisher.items.identity import web_address
from publisher.items.library import describe, keep_alt
from publisher.items.pictures import is_same_picture, own_alt
from publisher.items.recognise import Known, Recognised
from publisher.models import Item, Picture
from publisher.sources.contract import PictureRef


def describe_here(picture: Picture, alt: str, item: Item | None) -> str:
    """Keep what a person says of a picture where `item` shows it (None: a new one); answers the item's own words.

    Where other news shows it too, that keeps the words it has. Call it in a transaction.
    """
    words = tidy(alt).strip()
    others = picture.items.exclude(pk=item.pk) if item else picture.items
    if not picture.alt or not others.exists():
        describe(picture, {"alt": words})
    return own_alt(picture, words)


def fill_in(found: Iterable[Recognised], known: Known, renew: Callable[[], None], until: datetime) -> None:
    """Keep what a look at a source says of pictures that items have already and nobody has described.

    A picture at another address is compared, bytes with bytes, where the source gives the item for the first time:
    until the instant `until`, with `renew` before each.
    """
    told = {each.item.picture_id: each for each in found if each.item and each.item.picture_id and _said(each)}
    undescribed = Picture.objects.filter(pk__in=told, alt="", withdrawn_at=None) if told else ()
    for picture in undescribed:
        each = told[picture.pk]
        for ref in _said(each):
            if web_address(ref.url) != picture.source_url:
                if known.is_sighted(each.entry) or timezone.now() > until:
                    continue
                renew()
                if not _shows(picture, ref):
                    continue
            keep_alt(picture, tidy(ref.alt or ref.caption))
            break


def _said(each: Recognised) -> list[PictureRef]:
    """The pictures of an entry that it describes, the first few of them."""
    return [ref for ref in each.entry.pictures if ref.alt or ref.caption][:3]


def _shows(picture: Picture, ref: PictureRef) -> bool:
    try:
        return is_same_picture(picture, ref)
    except OpslagError:
        return False
