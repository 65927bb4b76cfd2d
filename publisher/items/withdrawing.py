"""Taking an item back: it keeps its place and its history, and is offered to nobody; and bringing it back."""

from __future__ import annotations

from django.utils import timezone

from publisher.models import Item, User
from publisher.vocabulary import Withdrawal


def withdraw(item: Item, why: Withdrawal, by: User | None) -> bool:
    """Mark an item as withdrawn; False if it is already. `by`: the person who did, None for its source."""
    standing = Item.objects.filter(pk=item.pk, withdrawn_at=None)
    return bool(standing.update(withdrawn_at=timezone.now(), withdrawn_why=why, updated_at=timezone.now()))


def restore(item: Item, by: User | None) -> bool:
    """Take the withdrawal back; False if there is none."""
    gone = Item.objects.filter(pk=item.pk, withdrawn_at__isnull=False)
    return bool(gone.update(withdrawn_at=None, withdrawn_why="", updated_at=timezone.now()))
