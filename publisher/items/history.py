"""An item's history: each edit as what it changed, each withdrawal and return, latest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from publisher.errors import Explanation
from publisher.items.differences import Difference, differences
from publisher.models import AuditEntry, Item, ItemRevision, User

# So many of the latest changes are shown; all of them are kept.
MOST_SHOWN = 10


@dataclass(frozen=True)
class Line:
    """One line: an edit with its `changes`, or what was done to the item in `words`. `who` None: the source, Opslag."""

    at: datetime
    who: User | None
    words: str = ""
    changes: tuple[Difference, ...] = ()


def history_of(item: Item) -> list[Line]:
    """What became of an item since it was found, latest first, in the reader's language."""
    latest = ItemRevision.objects.filter(item=item).select_related("by").order_by("-number")[: MOST_SHOWN + 1]
    revisions = list(latest)
    events = [
        Line(after.at, after.by, changes=tuple(differences(before.content, after.content)))
        for after, before in pairwise(revisions)
    ]
    notes = AuditEntry.objects.filter(subject_kind="item", subject_id=item.pk).select_related("user")
    events += [Line(each.at, each.user, str(Explanation.from_json(each.explanation))) for each in notes]
    return sorted((each for each in events if each.words or each.changes), key=lambda each: each.at, reverse=True)


def content_at(item: Item, number: int) -> dict[str, Any] | None:
    """What an item said at a revision; None if that was not kept."""
    kept = ItemRevision.objects.filter(item=item, number=number).values_list("content", flat=True).first()
    return dict(kept) if kept is not None else None
