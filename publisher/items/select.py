"""Choosing items: the latest first; back catalogue taken into use."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models.functions import Coalesce

from publisher.models import Item, Organisation
from publisher.models.scoped import ScopedQuerySet
from publisher.vocabulary import ItemState


def take(organisation: Organisation, item_ids: Iterable[int]) -> int:
    """Take back catalogue into use (`seen` → `new`); gives how many items that changed."""
    chosen = Item.objects.for_organisation(organisation).filter(pk__in=list(item_ids), state=ItemState.SEEN)
    return chosen.update(state=ItemState.NEW)


def recent(organisation: Organisation) -> ScopedQuerySet[Item]:
    """The organisation's items, latest first, in the order of the index `item_latest`."""
    items = Item.objects.for_organisation(organisation).select_related("picture")
    return items.order_by(Coalesce("published_at", "first_seen_at").desc(), "-pk")
