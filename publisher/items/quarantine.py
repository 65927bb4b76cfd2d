"""Quarantine: what looks new, but so much or so strangely at once that a person must say whether it is.

A website that moves to another system gives all its articles new identifiers, addresses and headlines, and an import
gives old ones again; to a rule that is two hundred pieces of news. They are held: no rule takes them up, one notice
tells of them, and a person releases them (they are new) or dismisses them (they are back catalogue).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db.models import BigIntegerField, DateTimeField, Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation
from publisher.items.recognise import Recognised
from publisher.items.source_alerts import alert
from publisher.models import Item, Organisation, Sighting, Source
from publisher.models.given import Given
from publisher.models.reading import Reading
from publisher.models.scoped import ScopedQuerySet
from publisher.sources import SOURCES
from publisher.vocabulary import ItemState, RoleKind

# Fewer than so many are no flood: a rule's daily limit stands between them and the readers.
FEWEST = 5
# So many are one even in a long feed, of which they are less than half.
MANY = 20
# How much more than a website publishes on a busy day is still its own work.
BUSIER = 2
# What a website's usual is read from, and the longest absence that it is reckoned over.
LOOKED_AT = timedelta(days=60)
LONGEST_ABSENCE_DAYS = 14
# Articles that are dated on the day count as dated at its beginning; what is older than that was published before.
_A_DAY = timedelta(days=1)
_MOST_READ = 5_000
_SOURCE = Given("source", BigIntegerField())
_FRESH = Reading(
    lambda: Item.objects.filter(
        sightings__source_id=_SOURCE, first_seen_at__gte=Given("since", DateTimeField())
    ).values_list("pk", "state", "first_seen_at", "held_why__msgid")
)
_FIRST = Reading(lambda: Sighting.objects.filter(source_id=_SOURCE).order_by("pk").values_list("first_seen_at")[:1])


def flood(
    source: Source, found: Sequence[Recognised], now: datetime | None = None, *, partial: bool = False
) -> Explanation | None:
    """Why what is unknown in a look at a source should be held; None if it may as well be today's news.

    Ask it of no first look: that is back catalogue anyway. What came in the day before counts with it, so that an
    import in small portions is one, too. `partial`: the look shows only what is new, so that all of it is.
    """
    now = now or timezone.now()
    unknown = [each for each in found if each.item is None]
    if not unknown:
        return None
    arrived, waiting = _arrived_since(source, now - _A_DAY)
    number = len(unknown) + arrived
    if number < FEWEST:
        return None
    if _are_old(source, unknown):
        words = gettext_noop("%(number)s came at once, all older than the newest that was known.")
        return Explanation(words, {"number": str(len(unknown))})
    large = number >= MANY or (not partial and number + waiting > len(found) / 2)
    if large and number > BUSIER * usual_a_day(source, now) * _days_away(source, now):
        words = gettext_noop("%(number)s came within a day, far more than usual, as when a website is moved.")
        return Explanation(words, {"number": str(number)})
    return None


def usual_a_day(source: Source, now: datetime) -> int:
    """How many articles a website publishes on a busy day: of the last 60 days the busiest but one, at least 1.

    The busiest is left out: one import is no habit. What was held and dismissed does not count.
    """
    known = Item.objects.filter(sightings__source=source, first_seen_at__lte=now).exclude(state=ItemState.HELD)
    rows = known.order_by("-pk").values_list("pk", "published_at", "first_seen_at", "held_why", "state")[:_MOST_READ]
    days = {
        pk: (published or seen).date() for pk, published, seen, why, state in rows if not why or state == ItemState.NEW
    }
    first = (now - LOOKED_AT).date()
    busiest = Counter(day for day in days.values() if day >= first).most_common(2)
    return busiest[1][1] if len(busiest) > 1 else 1


def _arrived_since(source: Source, since: datetime) -> tuple[int, int]:
    """How many of the source's items were taken for new since then (aware), and how many are held since then.

    What a person released counts as neither.
    """
    rows = set(_FRESH.ask(source=source.pk, since=since))
    # What is pushed has no first look.
    looked = _first_look_end(source) if SOURCES[source.kind].polled else since
    new = [pk for pk, state, seen, why in rows if state == ItemState.NEW and seen > looked and why is None]
    return len(new), len([pk for pk, state, _seen, _why in rows if state == ItemState.HELD])


def _first_look_end(source: Source) -> datetime:
    """What was there when the source was added may have been taken into use since: it did not arrive."""
    first = next((seen for (seen,) in _FIRST.ask(source=source.pk)), timezone.now())
    return first + timedelta(hours=1)


def _are_old(source: Source, unknown: Sequence[Recognised]) -> bool:
    """At least FEWEST, each dated more than a day before the newest that the source is known to have published."""
    dates = [each.entry.published_at for each in unknown]
    newest = Item.objects.filter(sightings__source=source).aggregate(newest=Max("published_at"))["newest"]
    if newest is None or len(unknown) < FEWEST:
        return False
    return all(date is not None and date < newest - _A_DAY for date in dates)


def _days_away(source: Source, now: datetime) -> int:
    """Days since the source could last be read: what was published meanwhile comes all at once."""
    seen = [at for at in (source.failing_since, source.last_polled_at) if at]
    away = now - min(seen) if seen else _A_DAY
    return min(max(1, -(-away // _A_DAY)), LONGEST_ABSENCE_DAYS)


def held_of(source: Source) -> QuerySet[Item]:
    """What is held of a source, latest first."""
    held = Item.objects.filter(sightings__source=source, state=ItemState.HELD)
    return held.distinct().order_by("-published_at", "-pk")


def held_in(organisation: Organisation) -> ScopedQuerySet[Item]:
    """All that is held in an organisation, latest first."""
    held = Item.objects.for_organisation(organisation).filter(state=ItemState.HELD)
    return held.order_by("-published_at", "-pk")


def has_held_more(source: Source, number: int) -> bool:
    """Whether more of the source than so many wait for a person."""
    return held_of(source).count() > number


def release(organisation: Organisation, item_ids: Collection[int]) -> int:
    """They are news: from now on they are `new`; gives how many that were. Why they were held stays with them."""
    return _held(organisation, item_ids).update(state=ItemState.NEW)


def dismiss(organisation: Organisation, item_ids: Collection[int]) -> int:
    """They are old: they join the back catalogue; gives how many that were. Why they were held stays with them."""
    return _held(organisation, item_ids).update(state=ItemState.SEEN)


def _held(organisation: Organisation, item_ids: Collection[int]) -> ScopedQuerySet[Item]:
    return Item.objects.for_organisation(organisation).filter(pk__in=item_ids, state=ItemState.HELD)


def tell_of_held(source: Source, number: int) -> None:
    """One notice for everybody who decides what goes out. The next follows when all of it is settled."""
    words = Explanation(
        gettext_noop(
            "“%(source)s” gave %(number)s news items that may not be new. They are held back until you say so."
        ),
        {"source": source.name, "number": str(number)},
    )
    alert(source, words, RoleKind.OWNER, RoleKind.APPROVER)
