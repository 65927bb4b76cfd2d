"""What holds a lane's next batch back: the transport's pace, and destinations that asked us to slow down."""

from __future__ import annotations

import time

from django.conf import settings
from django.utils import timezone

from publisher.schedule.destinations import Slowed, slow_ones
from publisher.schedule.pace import reserve, transport_line

# A lane is not started for a pace that opens later than this.
SOON_S = 1.0


def open_in_s() -> float:
    """Seconds until the transport's pace lets one more leave; without a pace 0, and nobody is asked."""
    pace = settings.OPSLAG_SMTP_PACE
    return reserve([transport_line(pace, 0)])[0].wait_s if pace else 0.0


class Limits:
    """One lane's view: `slowed` is None while no destination is slow. Nothing is asked of Redis without a pace."""

    def __init__(self) -> None:
        self._opens_s = 0.0
        self.slowed: Slowed | None = None
        self.look()

    def look(self) -> None:
        """Read again which destinations are slow: once a second."""
        slow = slow_ones(timezone.now())
        if self.slowed is None or slow.keys() != self.slowed.slow.keys():
            self.slowed = Slowed(slow) if slow else None
        else:
            self.slowed.slow = slow

    def destinations(self) -> tuple[frozenset[str], frozenset[str]]:
        """The slow ones that rest now, and those that are tried again."""
        if self.slowed is None:
            return frozenset(), frozenset()
        now, slow = timezone.now(), self.slowed.slow
        rest = frozenset(name for name, each in slow.items() if each.is_resting(now))
        return rest, frozenset(slow) - rest

    @property
    def must_wait(self) -> bool:
        """Whether the pace lets nothing leave yet."""
        return time.monotonic() < self._opens_s

    def pause_s(self, usual_s: float) -> float:
        """How long to wait for news: no longer than until the pace opens."""
        left_s = self._opens_s - time.monotonic()
        return min(usual_s, left_s) if left_s > 0 else usual_s

    def opens_before(self, end_s: float) -> bool:
        """Whether that is over before `end_s` (monotonic): then it is worth waiting with open connections."""
        return self._opens_s < end_s

    def reserve(self, most: int) -> int:
        """How many of `most` the pace lets leave now."""
        pace = settings.OPSLAG_SMTP_PACE
        if pace is None:
            return most
        granted = reserve([transport_line(pace, most)])[0]
        if granted.number == 0:
            self._opens_s = time.monotonic() + granted.wait_s
        return granted.number

    def give_back(self, number: int) -> None:
        """What was reserved and found nobody to be for.

        What is claimed and then handed back (a pause, a slice's end) is lost instead: it is little, and a lane that
        died could not give it back either.
        """
        pace = settings.OPSLAG_SMTP_PACE
        if pace is not None and number > 0:
            reserve([transport_line(pace, -number)])
