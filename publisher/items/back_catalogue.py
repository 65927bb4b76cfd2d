"""The back catalogue of a source: what lay there at the first look, and waits until somebody asks for it."""

from __future__ import annotations

from django.db.models import QuerySet

from publisher.items.select import take
from publisher.models import Item, Source
from publisher.vocabulary import ItemState


def back_catalogue(source: Source) -> QuerySet[Item]:
    """The items of a source that nobody has taken into use, latest first."""
    seen = Item.objects.filter(sightings__source=source, state=ItemState.SEEN)
    return seen.distinct().order_by("-published_at", "-pk")


def take_back_catalogue(source: Source) -> int:
    """Take all of it into use; gives how many items that were."""
    return take(source.organisation, back_catalogue(source).values_list("pk", flat=True))
