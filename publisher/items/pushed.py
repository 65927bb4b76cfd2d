"""Taking in what a website pushes: the same way as what is collected, at once, with an answer for each item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from django.utils import timezone

from publisher.address_guard import time_limit
from publisher.errors import Explanation
from publisher.items.collect import take_in
from publisher.items.identity import identity_of
from publisher.models import Item, Sighting, Source
from publisher.sources.contract import Candidate, Poll
from publisher.sources.push import PUBLISHED, WITHDRAWN, Pushed
from publisher.vocabulary import ItemState

# How long a call may wait for pictures, all together; what is not there by then is fetched when it is pushed again.
PICTURES_S = 20.0
CREATED, JOINED, CHANGED, UNCHANGED, TAKEN_BACK, KEPT, UNKNOWN, IGNORED = (
    "created", "joined", "changed", "unchanged", "withdrawn", "kept", "unknown", "ignored",
)  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """What became of one pushed item; `item` None if there is none. `result` is one of the words above."""

    external_id: str
    result: str
    item: Item | None = None

    @property
    def is_held(self) -> bool:
        """Whether a person has to say first that it is news."""
        return self.item is not None and self.item.state == ItemState.HELD

    @property
    def is_archived(self) -> bool:
        """Whether it lies in the back catalogue, which no rule uses."""
        return self.item is not None and self.item.state == ItemState.SEEN

    @property
    def without_picture(self) -> Explanation | None:
        """Why it has no picture although one was pushed."""
        if self.item is None or self.item.picture_id or not self.item.picture_error:
            return None
        return Explanation.from_json(self.item.picture_error)

    @property
    def picture_again(self) -> bool:
        """Whether its picture is tried once more when it is sent again."""
        return self.item is not None and bool(self.item.picture_error.get("again"))


def take(source: Source, pushed: Sequence[Pushed]) -> list[Taken]:
    """Write what was pushed: new, changed, or taken back, also by becoming a draft again. Gives one answer for each, in
    order; each id comes once."""
    keys = [identity_of(each.candidate) for each in pushed]
    before = _known(source, keys)
    news = [each.candidate for each in pushed if each.status == PUBLISHED]
    gone = [key for key, each in zip(keys, pushed, strict=True) if each.status != PUBLISHED]
    with time_limit(PICTURES_S):
        collected = take_in(source, Poll(tuple(news), withdrawn=tuple(gone), partial=True))
    now = timezone.now()
    noted = {"last_polled_at": now, "first_poll_done": True} | ({"last_new_item_at": now} if collected.new else {})
    Source.objects.filter(pk=source.pk).update(**noted)
    after = _known(source, keys)
    answers = []
    for key, each in zip(keys, pushed, strict=True):
        answers.append(_taken(key, each, before, after, collected.created))
        if item := after.get(key):
            # Of two ids that turn out to be one item, the second has joined it.
            collected.created.discard(item.pk)
    return answers


def withdraw(source: Source, external_id: str) -> Taken:
    """Take back what was pushed under this id."""
    return take(source, [Pushed(Candidate(external_id, title=""), WITHDRAWN)])[0]


def _taken(key: str, pushed: Pushed, before: Mapping[str, Item], after: Mapping[str, Item], created: Set[int]) -> Taken:
    name = pushed.candidate.external_key
    old, new = before.get(key), after.get(key)
    if pushed.status != PUBLISHED and new is None:
        return Taken(name, UNKNOWN if pushed.status == WITHDRAWN else IGNORED)
    if new is not None and pushed.status != PUBLISHED:
        # Another source may speak for it, and goes on giving it.
        return Taken(name, TAKEN_BACK if new.withdrawn_at else KEPT, new)
    if new is None or old is None:
        return Taken(name, CREATED if new is None or new.pk in created else JOINED, new)
    is_same = (old.pk, old.revision, old.withdrawn_at) == (new.pk, new.revision, new.withdrawn_at)
    return Taken(name, UNCHANGED if is_same else CHANGED, new)


def _known(source: Source, keys: Sequence[str]) -> dict[str, Item]:
    sightings = Sighting.objects.filter(source=source, external_key__in=keys).select_related("item")
    return {sighting.external_key: sighting.item for sighting in sightings}
