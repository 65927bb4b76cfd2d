"""When it is an item's turn: quiet hours, a gap between two, and so many a day. Pure: instants in, an instant out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.models import Rule
from publisher.schedule.quiet import Quiet
from publisher.schedule.times import wall_of
from publisher.vocabulary import MatchOutcome, RuleMail, RuleMode, RuleTiming

# What does not count towards a rule's limits: nothing was made of it.
LEFT_OUT = (
    MatchOutcome.CAPPED,
    MatchOutcome.TOO_OLD,
    MatchOutcome.WITHDRAWN,
    MatchOutcome.UNWANTED,
    MatchOutcome.SWITCHED_OFF,
    MatchOutcome.ALREADY,
    MatchOutcome.IN_DRAFT,
)


@dataclass(frozen=True)
class Pace:
    """How fast a rule may go: never in `quiet`, two never closer than `gap`, at most `cap` on a day of its zone."""

    quiet: Quiet
    cap: int
    gap: timedelta = timedelta(0)

    def turn(self, earliest: datetime, taken: Collection[datetime]) -> datetime | None:
        """The first free instant from `earliest` on beside those `taken`; None if that day has its number already."""
        at = self.quiet.free_from(earliest)
        while near := [other for other in taken if abs(at - other) < self.gap]:
            at = self.quiet.free_from(max(near) + self.gap)
        return at if self.has_room(at, taken) else None

    def has_room(self, at: datetime, taken: Collection[datetime]) -> bool:
        """Whether the day of `at` can have one more."""
        day = wall_of(at, self.quiet.zone).date()
        return sum(wall_of(other, self.quiet.zone).date() == day for other in taken) < self.cap

    def fits(self, at: datetime, taken: Collection[datetime]) -> bool:
        """Whether exactly `at` will do beside those `taken`."""
        return not self.quiet.covers(at) and self.turn(at, taken) == at


def pace_of(rule: Rule) -> Pace:
    """A rule's. Only what goes out by itself has quiet hours and a gap; a draft waits for a person anyhow."""
    paced = rule.mode == RuleMode.AUTOMATIC and goes_out(rule)
    quiet = Quiet.of(rule) if paced else Quiet(rule.organisation.timezone)
    return Pace(quiet, rule.daily_cap, timedelta(minutes=rule.min_gap_minutes) if paced else timedelta(0))


def goes_out(rule: Rule) -> bool:
    """Whether it makes more than a newsletter's next issue, which a person always approves."""
    return rule.accounts.exists() or (rule.newsletter_id is not None and rule.mail_as == RuleMail.OWN)


def delay_of(rule: Rule) -> timedelta:
    """How long what it makes waits before it goes out."""
    return timedelta(minutes=rule.delay_minutes if rule.timing == RuleTiming.AFTER_MINUTES else 0)


def takes_slots(rule: Rule) -> bool:
    """Whether its posts go out at the channels' posting times by themselves."""
    return rule.mode == RuleMode.AUTOMATIC and rule.timing == RuleTiming.NEXT_SLOT
