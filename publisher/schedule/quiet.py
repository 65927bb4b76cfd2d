"""Quiet hours and days of a rule or a channel. Pure: instants in, an instant out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from publisher.models import Account, Rule
from publisher.schedule.holidays import is_holiday
from publisher.schedule.times import first_after, wall_of

SATURDAY = 5


@dataclass(frozen=True)
class Quiet:
    """When nothing may go out, by the clocks of `zone`: from `begins` until `ends`, also over midnight; whole days."""

    zone: str
    begins: time | None = None
    ends: time | None = None
    weekends: bool = False
    holidays: bool = False

    @classmethod
    def of(cls, rule: Rule) -> Quiet:
        """A rule's, in its organisation's zone."""
        zone = rule.organisation.timezone
        return cls(zone, rule.quiet_from, rule.quiet_until, rule.quiet_weekends, rule.quiet_holidays)

    @classmethod
    def of_account(cls, account: Account) -> Quiet:
        """A channel's, likewise."""
        zone = account.organisation.timezone
        return cls(zone, account.quiet_from, account.quiet_until, holidays=account.keeps_holidays)

    def covers(self, at: datetime) -> bool:
        """Whether the instant is in it."""
        return self._end(at) is not None

    def covers_daily(self, clock: time) -> bool:
        """Whether nothing ever goes out at that time of day."""
        if self.begins is None or self.ends is None:
            return False
        if self.begins <= self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends

    def free_from(self, at: datetime) -> datetime:
        """The first instant from `at` on that is not in it."""
        while (end := self._end(at)) is not None:
            at = end
        return at

    def _end(self, at: datetime) -> datetime | None:
        """Until when the quiet lasts in which `at` lies, as far as one look tells; None if it is not quiet."""
        wall = wall_of(at, self.zone)
        day, clock, one = wall.date(), wall.time(), timedelta(days=1)
        if (self.weekends and day.weekday() >= SATURDAY) or (self.holidays and is_holiday(day)):
            return first_after(at, datetime.combine(day + one, time()), self.zone)
        if self.ends is None or not self.covers_daily(clock):
            return None
        return first_after(at, datetime.combine(day if clock < self.ends else day + one, self.ends), self.zone)
