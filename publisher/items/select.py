"""Finding and choosing items: the latest first, by state and words; back catalogue taken into use."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from publisher.items.events import still_ahead
from publisher.models import Item, Organisation
from publisher.models.scoped import ScopedQuerySet
from publisher.vocabulary import ItemState


def take(organisation: Organisation, item_ids: Iterable[int]) -> int:
    """Take back catalogue into use (`seen` → `new`); gives how many items that changed."""
    chosen = Item.objects.for_organisation(organisation).filter(pk__in=list(item_ids), state=ItemState.SEEN)
    return chosen.update(state=ItemState.NEW)


def recent(organisation: Organisation, *, state: str | None = None, query: str = "") -> ScopedQuerySet[Item]:
    """The organisation's items, latest first; of one state; with all words of `query` in headline or lead."""
    items = Item.objects.for_organisation(organisation).select_related("picture")
    if state is not None:
        items = items.filter(state=state)
    if state == ItemState.NEW:
        # What is over is no news; it stays among all.
        items = items.filter(still_ahead(timezone.now()))
    for word in query.split()[:10]:
        items = items.filter(_says(word))
    return items.order_by(Coalesce("published_at", "first_seen_at").desc(), "-pk")


def _says(word: str) -> Q:
    """SQLite takes only A to Z as one letter in both cases, so æ, ø and å are asked for in each."""
    forms = {word, word.lower(), word.upper(), word.capitalize()}
    found = Q()
    for form in forms:
        found |= Q(title__icontains=form) | Q(lead__icontains=form)
    return found
