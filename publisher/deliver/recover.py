"""Recovery: what a dead lane left behind gets its outcome from the journal, and from the clock where that is lost."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from publisher.deliver import claim, misfortunes, outcome
from publisher.deliver.journal import HALF, Key, Record, all_journals, dead, journal_folder, read
from publisher.deliver.outcome import Settled
from publisher.deliver.slots import release_slot
from publisher.models import Claim, Delivery, Message, orphans_of
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.models.line import held
from publisher.models.probe import Moment
from publisher.vocabulary import DeliveryStatus, Outlet, Reason

log = logging.getLogger(__name__)

# How long past its lease a claim may wait for its journal: another host's, or one whose process still holds the lock.
PATIENCE = timedelta(minutes=15)
DAMAGED = ".damaged"
# A lane makes its journal in an instant; what is half made after so long belongs to one that was killed over it.
HALF_MADE_S = 3600.0

Ends = dict[Key, Settled]


def recover_dead_journals() -> int:
    """Give outcomes to all that dead lanes of this host left; answers how many deliveries that were."""
    for path in journal_folder().glob(f"*{HALF}"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - HALF_MADE_S:
                path.unlink()
    return sum(_recover(path) for path in all_journals())


def _recover(path: Path) -> int:
    with dead(path) as ours:
        if not ours:
            return 0
        try:
            record = read(path)
            ends = {key: outcome.from_line(key[1], line) for key, line in record.ends.items()}
        except (ValueError, KeyError, IndexError):
            # Out of the way, so that everything else goes on; its claims are given up when their lease is over.
            log.exception("the journal %s is damaged; what it held is uncertain", path.name)
            path.rename(path.with_suffix(DAMAGED))
            return 0
        found = sum(_settle(claim_id, record, ends) for claim_id in record.claims)
        _blame(record)
        claim.close(record.claims)
        if record.run_id is not None:
            release_slot(record.run_id)
        path.unlink()
    if found:
        log.warning("recovered %d deliveries of a lane that died (%s)", found, path.name)
    return found


def _blame(record: Record) -> None:
    """A process that was killed before a single letter had its end may have been killed by the mail itself.

    That is a strike, which the next lane with a good end forgives; three in a row hold the message.
    """
    if record.same_boot and not record.closed and not record.ends:
        served = Message.objects.filter(claims__in=record.claims).select_related("campaign__organisation")
        misfortunes.blame(served.distinct())


def _settle(claim_id: uuid.UUID, record: Record, ends: Ends) -> int:
    """One claim's deliveries: those still in hand, and those given up as uncertain before the journal came."""
    settled = 0
    for was in (DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN):
        rows = held(claim_id, was)
        outcomes = [result for pk in rows if (result := _outcome(claim_id, pk, record, ends)).status != was]
        if outcomes:
            message_id = Delivery.objects.values_list("message_id", flat=True).get(pk=rows[0])
            settled += outcome.store(claim_id, message_id, COMMON_LANE, outcomes, was=was)
    return settled


def _outcome(claim_id: uuid.UUID, delivery_id: int, record: Record, ends: Ends) -> Settled:
    key, now = (claim_id, delivery_id), timezone.now()
    if key in ends:
        return ends[key]
    if key in record.started:
        return outcome.lost(delivery_id, now)
    if record.same_boot:
        return outcome.handed_back(delivery_id, now)
    return outcome.lost(delivery_id, now, Reason.JOURNAL_LOST)


def expired(now: Moment) -> QuerySet[Claim]:
    """Claims of lanes that have not renewed them for so long that they start nothing any more."""
    return Claim.objects.filter(lease_until__lt=now, message__outlet=Outlet.EMAIL)


def give_up_lost_claims(now: datetime) -> int:
    """Claims whose journal is gone, or does not come: their deliveries are uncertain, and a log line alerts.

    On this host a missing file is proof at once; another host's journal, or one that a process still locks, gets
    15 minutes past the lease.
    """
    given_up = 0
    for found in expired(now):
        missing_here = found.host == settings.OPSLAG_HOST and not (journal_folder() / found.journal).exists()
        if missing_here or found.lease_until < now - PATIENCE:
            given_up += _give_up(found, now)
        else:
            log.warning("claim %s on %s is past its lease; waiting for its journal", found.pk, found.host)
    return given_up


def _give_up(found: Claim, now: datetime) -> int:
    lost = [outcome.lost(pk, now, Reason.JOURNAL_LOST) for pk in held(found.pk)]
    number = outcome.store(found.pk, found.message_id, COMMON_LANE, lost, was=DeliveryStatus.SENDING)
    claim.close([found.pk])
    if number:
        log.error("%d deliveries are uncertain: the journal of claim %s is lost", number, found.pk)
    return number


def give_up_orphans(message_id: int, now: datetime) -> int:
    """Make uncertain what the line says is claimed and no claim has in hand; answers how many, and a log line alerts.

    No code of ours leaves any. Call it in a transaction, where no claim of the message has anything left.
    """
    lost = outcome.lost(0, now, Reason.JOURNAL_LOST)
    number = orphans_of(message_id).update(
        status=lost.status,
        reason=lost.reason,
        last_error=lost.error,
        attempts=F("attempts") + 1,
        first_started_at=Coalesce("first_started_at", now),
    )
    if number:
        move_counts(message_id, COMMON_LANE, {DeliveryStatus.SENDING: -number, lost.status: number})
        log.error("%d deliveries of message %d are uncertain: no claim had them in hand", number, message_id)
    return number


def stale(now: Moment) -> QuerySet[Claim]:
    """Claims that no lane has renewed for a few seconds, whatever their host."""
    return Claim.objects.filter(lease_until__lt=now + claim.LEASE - timedelta(seconds=5), message__outlet=Outlet.EMAIL)


def anything_to_recover(now: datetime) -> bool:
    """Whether some claim of this host is `stale`: a lane should look at its journals."""
    return stale(now).filter(host=settings.OPSLAG_HOST).exists()
