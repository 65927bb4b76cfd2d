"""Withdrawal: news that its publisher has taken back, found out or said by a person; and what comes back.

A source may name what it took back, or give all it has, so that what is missing is gone. From a feed entries drop out
by themselves when newer ones come; one that vanishes from between others may have been taken back: its page is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BigIntegerField, DateTimeField, Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import OpslagError
from publisher.http import FetchLimits, fetch
from publisher.items.entries import Entry
from publisher.items.identity import guid_of, normalise_link
from publisher.items.recording import speaks_for
from publisher.models import AuditEntry, Item, Sighting, Source, User
from publisher.models.given import Among, Given
from publisher.models.probe import Instant
from publisher.models.reading import Reading
from publisher.sources.contract import Poll
from publisher.vocabulary import Withdrawal

# Pages asked in one look at a source, and how long ago an item may have come for its page to be worth the question.
PAGES_A_LOOK = 3
ASKED_FOR = timedelta(days=60)
_LIMITS = FetchLimits(connect_s=5, read_s=5, total_s=10, max_bytes=2_000_000)
_GONE = frozenset({404, 410})
# A source that suddenly lacks more than half of what it had (and more than these) is believed to be at fault itself.
BELIEVED = 5
_AT_ONCE = 500

# An item may have several sightings here, but hardly more than these.
_LATELY = Reading(
    lambda: (
        Sighting.objects.filter(
            ~Q(item__link=""),
            ~Q(Among("item_id", "present")),
            source_id=Given("source", BigIntegerField()),
            item__published_at__gt=Given("oldest", DateTimeField()),
            item__withdrawn_at=None,
            asked_at=None,
            first_seen_at__gte=Instant(-ASKED_FOR),
        )
        .order_by("-item__published_at", "-pk")
        .values_list("item_id", "pk")[: 4 * PAGES_A_LOOK]
    )
)

WORDS: dict[str, str] = {
    Withdrawal.GONE: gettext_noop("found that its page is gone from the website: the news item is withdrawn"),
    Withdrawal.DELETED: gettext_noop("heard from the source that it is deleted: the news item is withdrawn"),
    Withdrawal.UNPUBLISHED: gettext_noop("found it no longer published in the source: the news item is withdrawn"),
    Withdrawal.BY_HAND: gettext_noop("withdrew the news item"),
}
WITHDRAWN, RESTORED = "item_withdrawn", "item_restored"


def withdraw(item: Item, why: Withdrawal, user: User | None = None) -> bool:
    """Mark an item as taken back, and note it in its history; False if it is already."""
    with transaction.atomic():
        fresh = Item.objects.filter(pk=item.pk, withdrawn_at=None)
        if not fresh.update(withdrawn_at=timezone.now(), withdrawn_why=why):
            return False
        _note(item, user, WITHDRAWN, WORDS[why])
    return True


def restore(item: Item, user: User | None = None) -> bool:
    """It is news again; False if it was not withdrawn. A send-out that was held for it waits for a person still."""
    with transaction.atomic():
        if not Item.objects.filter(pk=item.pk, withdrawn_at__isnull=False).update(withdrawn_at=None, withdrawn_why=""):
            return False
        words = gettext_noop("took the withdrawal back") if user else gettext_noop("found it in the source again")
        _note(item, user, RESTORED, words)
    return True


def back_again(source: Source, item: Item) -> bool:
    """A source gives an item that was withdrawn: it is restored, unless a colleague had withdrawn it."""
    by_hand = item.withdrawn_why == Withdrawal.BY_HAND
    return item.withdrawn_at is not None and not by_hand and speaks_for(source, item) and restore(item)


def after_look(
    source: Source,
    poll: Poll,
    entries: Sequence[Entry],
    present: Collection[int],
    renew: Callable[[], None],
    *,
    reappeared: Collection[int],
) -> int:
    """Withdraw what a look at a source shows to be gone; gives how many items that were.

    `present` are the items that it gave, `reappeared` those of them that may have been away; `renew` keeps the claim on
    the source meanwhile.
    """
    named = {guid_of(key) for key in poll.withdrawn} | {normalise_link(key) for key in poll.withdrawn} - {""}
    gone = _withdraw_all(source, _known_by(source, named), Withdrawal.DELETED, renew) if named else 0
    if poll.began:
        Sighting.objects.filter(source=source, item__in=present).update(seen_at=timezone.now())
    if poll.complete:
        given = _given_since(source, poll.began) if poll.began else present
        return gone + _withdraw_all(source, _missing(source, given), Withdrawal.UNPUBLISHED, renew)
    if poll.partial or poll.damage:
        return gone
    if reappeared:
        _forget_question(source, reappeared)
    for sighting in _vanished(source, entries, present):
        renew()
        gone += _is_gone(sighting) and _withdraw_all(source, [sighting.item], Withdrawal.GONE, renew)
    return gone


def _withdraw_all(source: Source, items: Iterable[Item], why: Withdrawal, renew: Callable[[], None]) -> int:
    """Only what the source speaks for: what another still gives is not taken back."""
    gone = 0
    for item in items:
        renew()
        gone += speaks_for(source, item) and withdraw(item, why)
    return gone


def _known_by(source: Source, keys: Collection[str]) -> list[Item]:
    found = Item.objects.filter(sightings__source=source, sightings__external_key__in=keys, withdrawn_at=None)
    return list(found.distinct())


def _given_since(source: Source, began: datetime) -> set[int]:
    """The items that the source gave in the looks since then, which together gave all it has."""
    return set(Sighting.objects.filter(source=source, seen_at__gte=began).values_list("item_id", flat=True))


def _missing(source: Source, given: Collection[int]) -> Iterator[Item]:
    """What the source had and did not give; nothing where that is so much that the source is not believed."""
    known = Sighting.objects.filter(source=source, item__withdrawn_at=None).values_list("item_id", flat=True)
    missing = sorted(set(known).difference(given))
    if len(missing) > max(BELIEVED, len(given)):
        return
    for start in range(0, len(missing), _AT_ONCE):
        yield from Item.objects.filter(pk__in=missing[start : start + _AT_ONCE])


def _vanished(source: Source, entries: Sequence[Entry], present: Collection[int]) -> list[Sighting]:
    """Sightings of what is newer than the oldest entry that is still there, latest first; each page is asked once."""
    dates = [entry.published_at for entry in entries if entry.published_at]
    if not dates:
        return []
    latest = _LATELY.ask(source=source.pk, present=present, oldest=min(dates))
    found = list(reversed(dict(reversed(latest)).values()))[:PAGES_A_LOOK]
    sightings = Sighting.objects.select_related("item").in_bulk(found) if found else {}
    return [sightings[pk] for pk in found if pk in sightings]


def _is_gone(sighting: Sighting) -> bool:
    """Ask an item's page whether it is still there. Whatever else it answers, it is not asked again."""
    Sighting.objects.filter(source=sighting.source_id, item=sighting.item_id).update(asked_at=timezone.now())
    try:
        return fetch(sighting.item.link, limits=_LIMITS).status in _GONE
    except OpslagError:
        return False


def _forget_question(source: Source, items: Collection[int]) -> None:
    """What is there again may vanish once more, and is then asked again."""
    Sighting.objects.filter(source=source, asked_at__isnull=False, item__in=items).update(asked_at=None)


def _note(item: Item, user: User | None, action: str, msgid: str) -> None:
    AuditEntry.objects.create(
        organisation_id=item.organisation_id,
        user=user,
        action=action,
        subject_kind="item",
        subject_id=item.pk,
        explanation={"msgid": msgid, "params": {}},
    )
