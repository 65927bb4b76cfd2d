"""Lane slots: as many lanes as configured run at once over all machines, each holding a row under a lease."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from publisher.deliver.claim import LEASE, renew
from publisher.deliver.clock import boot_clock_s
from publisher.models import LaneSlot

# A lane starts no message later than its lease minus this.
MARGIN = timedelta(seconds=10)
RENEW_EVERY_S = 1.0


def take_slot(kind: str, run_id: uuid.UUID, now: datetime) -> LaneSlot | None:
    """Take a free or expired slot, or None if every lane is running."""
    for number in range(1, settings.OPSLAG_BULK_LANES + 1):
        LaneSlot.objects.get_or_create(kind=kind, number=number)
        free = LaneSlot.objects.filter(kind=kind, number=number).filter(Q(run_id=None) | Q(lease_until__lt=now))
        if free.update(run_id=run_id, lease_until=now + LEASE):
            return LaneSlot.objects.get(kind=kind, number=number)
    return None


def slots_taken(kind: str, now: datetime) -> int:
    """How many lanes run, those included that died a moment ago."""
    return LaneSlot.objects.filter(kind=kind, run_id__isnull=False, lease_until__gte=now).count()


def release_slot(run_id: uuid.UUID) -> None:
    """Give the slot back, if this run still has it."""
    LaneSlot.objects.filter(run_id=run_id).update(run_id=None, lease_until=None)


class Lease:
    """This run's right to start messages, by a clock that runs on while the machine sleeps or the process stands."""

    def __init__(self, run_id: uuid.UUID) -> None:
        self.run_id = run_id
        self._renewed_s = self._until_s = 0.0
        self._renewed(boot_clock_s())

    def _renewed(self, at_s: float) -> None:
        self._renewed_s, self._until_s = at_s, at_s + (LEASE - MARGIN).total_seconds()

    def due(self) -> bool:
        """Whether a second has passed since the last renewal."""
        return boot_clock_s() - self._renewed_s >= RENEW_EVERY_S

    def may_start(self) -> bool:
        """Whether a message may still be started under the lease as last renewed."""
        return boot_clock_s() < self._until_s

    def renew(self, claims: Iterable[uuid.UUID], forfeit: Callable[[uuid.UUID], None]) -> bool:
        """Renew slot and claims; false (for good) if another lane has taken the slot meanwhile.

        `forfeit` is called for each of `claims` that somebody has given up meanwhile, before anything may start again.
        """
        asked_s, now = boot_clock_s(), timezone.now()
        held = LaneSlot.objects.filter(run_id=self.run_id).update(lease_until=now + LEASE)
        if not held:
            self._until_s = 0.0
            return False
        still_ours = renew(self.run_id, now)
        for claim_id in set(claims) - still_ours:
            forfeit(claim_id)
        self._renewed(asked_s)
        return True
