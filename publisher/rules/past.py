"""What a rule would have made: its pace over the news of the last days, as if it had been at work."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from publisher.models import Account, Item, Rule
from publisher.rules.pacing import Pace, delay_of, pace_of, takes_slots
from publisher.rules.wanted import KNOWN_AT, known_at, says_it, wanted
from publisher.schedule.slots import next_slot
from publisher.vocabulary import ItemState

# The last so many turns decide about the next one: a day has at most a hundred.
_NEAR = 300


@dataclass(frozen=True)
class Would:
    """An item, and when what the rule makes of it would have gone out (been ready, if a person approves it)."""

    item: Item
    at: datetime


@dataclass
class Past:
    """What a rule would have made, in the order of the news; and how many items its limits would have left out."""

    made: list[Would] = field(default_factory=list)
    left_out: int = 0


def would_have_made(rule: Rule, days: int = 30) -> Past:
    """The items of the last `days` days for which the rule, had it been at work, would have made a send-out.

    Items count from when they were published, the back catalogue included.
    """
    now = timezone.now()
    items = wanted(rule).filter(withdrawn_at=None).exclude(state=ItemState.HELD)
    recent = items.annotate(known_at=KNOWN_AT).filter(known_at__gte=now - timedelta(days=days), known_at__lte=now)
    simulated = _Slots(rule) if takes_slots(rule) else _Turns(rule)
    past = Past()
    for item in recent.order_by("known_at", "pk"):
        if says_it(rule, item):
            at = simulated.turn(item)
            if at is None:
                past.left_out += 1
            else:
                past.made.append(Would(item, at))
    return past


class _Turns:
    """Items that go out as soon as the rule's pace allows."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.pace = pace_of(rule)
        self.taken: list[datetime] = []

    def turn(self, item: Item) -> datetime | None:
        """When, or None if its day is full or it would be too old by then."""
        known = known_at(item)
        earliest = max([known + delay_of(self.rule), *self.taken[-1:]])
        at = self.pace.turn(earliest, self.taken[-_NEAR:])
        if at is None or at - delay_of(self.rule) > known + timedelta(hours=self.rule.max_age_hours):
            return None
        self.taken.append(at)
        return at


class _Slots:
    """Items that go out at the channels' posting times; here the first of them."""

    def __init__(self, rule: Rule) -> None:
        self.pace = pace_of(rule)
        self.daily = Pace(self.pace.quiet, rule.daily_cap)
        self.met: list[datetime] = []
        self.taken: dict[Account, list[datetime]] = {
            account: [] for account in rule.accounts.select_related("organisation")
        }

    def turn(self, item: Item) -> datetime | None:
        """When, or None if the rule has taken up enough on that day."""
        known = known_at(item)
        if not self.daily.has_room(known, self.met[-_NEAR:]):
            return None
        self.met.append(known)
        slots = [at for account in self.taken if (at := self._slot(account, known))]
        return min(slots, default=self.pace.quiet.free_from(known))

    def _slot(self, account: Account, after: datetime) -> datetime | None:
        taken = self.taken[account]
        at = next_slot(
            account, after, taken=False, fits=lambda at: at not in taken and self.pace.fits(at, taken[-_NEAR:])
        )
        if at is not None:
            taken.append(at)
        return at
