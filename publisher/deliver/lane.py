"""A lane: one run of bulk sending. It claims, sends, writes outcomes, and ends after a slice; the next one goes on.

The lane's own thread does all that concerns the database; its couriers send on another, from a bag that the lane
fills. So the next batch is claimed, and the last one's outcomes are written, while mail leaves.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from publisher.deliver import claim, misfortunes, outcome, transport_health
from publisher.deliver.bag import Bag, Batch
from publisher.deliver.batches import batch_of
from publisher.deliver.claim import Claimed, Taker
from publisher.deliver.couriers import Couriers
from publisher.deliver.journal import Journal
from publisher.deliver.limits import SOON_S, Limits, open_in_s
from publisher.deliver.notice import wants_room
from publisher.deliver.outcome import Outcome, Settled
from publisher.deliver.rate import Rate
from publisher.deliver.recover import recover_dead_journals
from publisher.deliver.slots import Lease, release_slot, slots_taken, take_slot
from publisher.deliver.turns import Turns, anything_due
from publisher.errors import OpslagError
from publisher.models import Message
from publisher.schedule.destinations import rest
from publisher.schedule.dispatch import hold
from publisher.transports import configured_transport
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus

KIND = "bulk"
SLICE_S = 10.0
SLICE_MESSAGES = 50_000
# What a statement costs by itself is shared by so many.
CLAIM_MOST = 1500
# All claimed work together, in seconds at the measured rate: what a stop may find on its way.
CLAIMED_S = 2.0
# One lane is faster than most mail servers, and cheaper than two that share the processors. A further one starts when a
# message has waited so long for a turn: the others wait for a slow answer, or are too many messages behind.
OVERDUE = timedelta(seconds=2)
_PAUSE_S = 0.2


def run_lane() -> int:
    """Send for one slice; answers how many deliveries were started. Ends at once if no slot or nothing to do."""
    recover_dead_journals()
    now = timezone.now()
    if transport_health.paused(settings.OPSLAG_TRANSPORT, now) or wants_room(now) or not _finds_work(now):
        return 0
    run_id = uuid.uuid4()
    slot = take_slot(KIND, run_id, timezone.now())
    if slot is None:
        return 0
    try:
        journal = Journal(run_id)
    except OSError as error:
        release_slot(run_id)
        misfortunes.no_journal(error)
        return 0
    return _run(run_id, slot.number, journal)


class _NotHomeError(RuntimeError):
    """Couriers did not come home in time: the mail server's fault, and no message's."""


def _run(run_id: uuid.UUID, number: int, journal: Journal) -> int:
    clean = False
    lane = None
    try:
        lane = Lane(run_id, number, journal)
        lane.run()
        clean = lane.is_clean
    except (DatabaseError, InterfaceError, _NotHomeError):
        # The ledger's fault or the mail server's, and nobody's message's.
        raise
    except Exception:
        misfortunes.blame(lane.in_hand() if lane else [])
        raise
    finally:
        journal.close(keep=not clean)
        if clean:
            release_slot(run_id)
    misfortunes.forgive(lane.turns.served)
    return lane.bag.started


class Lane:
    """The state of one run: what it has claimed, which messages it has served.

    `is_clean`: every row took its outcome. If one had been given up meanwhile, the journal is kept to correct it.
    """

    def __init__(self, run_id: uuid.UUID, number: int, journal: Journal) -> None:
        self.run_id, self.number, self.journal = run_id, number, journal
        self.lease = Lease(run_id)
        self.news = threading.Event()
        self.bag = Bag(journal, self.lease, self.news.set)
        self.batches: dict[uuid.UUID, Batch] = {}
        self._unstored: dict[Batch, list[Settled]] = defaultdict(list)
        # Claims that are over; their rows go once a second.
        self._settled: list[uuid.UUID] = []
        self.turns = Turns()
        self._taker = Taker(run_id, number, journal.name)
        self.is_clean = True
        self._taking: Message | None = None
        self._rate, self._limits = Rate(), Limits()
        self._ends_s = time.monotonic() + SLICE_S
        self._set_aside()
        self._couriers = Couriers(configured_transport(), self.bag, settings.OPSLAG_SMTP_CONNECTIONS)

    def in_hand(self) -> list[Message]:
        """The message that it was about to take up, if any; else all that it works on, each once."""
        if self._taking is not None:
            return [self._taking]
        return list({batch.message.pk: batch.message for batch in self.batches.values()}.values())

    def run(self) -> None:
        """Claim and send until the slice is over, nothing is due, or the transport refuses."""
        with self._couriers:
            while self._go_round():
                self.news.wait(self._limits.pause_s(_PAUSE_S))
                self.news.clear()
        self._settle_all()

    def _go_round(self) -> bool:
        """One look at everything; false when the lane has come to its end."""
        if self._couriers.crash is not None:
            raise RuntimeError("the couriers' thread has ended") from self._couriers.crash
        if self.bag.is_worth_a_look or self.bag.is_empty:
            self._store(whole_only=not self.bag.is_empty)
        if self.lease.due():
            self._look_around()
        self._hold_what_is_in_trouble()
        self._let_destinations_rest()
        if self._is_over():
            return False
        return self._claim_ahead() or bool(self.batches)

    def _is_over(self) -> bool:
        spent = time.monotonic() >= self._ends_s or self.bag.started >= SLICE_MESSAGES
        hindered = self._failure is not None or self.journal.is_broken
        return spent or hindered or not self.lease.may_start()

    @property
    def _failure(self) -> OpslagError | None:
        """Why the mail server is to be left alone for a while."""
        return self._couriers.failure or self.bag.patience.worn_out

    def _claim_ahead(self) -> bool:
        """Claim another batch if the bag runs low; false if nothing is due, or not soon."""
        if self._limits.must_wait:
            return self._limits.opens_before(self._ends_s)
        room = int(self._rate.measured(self.bag.started) * CLAIMED_S) - self.bag.waiting
        most = max(1, min(CLAIM_MOST, room))
        if self.bag.waiting > most:
            return True
        now = timezone.now()
        while (message := self.turns.next(now)) is not None:
            granted = self._limits.reserve(most)
            if not granted:
                return self._limits.opens_before(self._ends_s)
            self._taking, claim_id = message, uuid.uuid4()
            number = self.journal.claim(claim_id)
            taken = claim.take(message, claim_id, self._taker, granted, now, slowed=self._limits.slowed)
            self._limits.give_back(granted - len(taken.in_hand))
            self.turns.took(message, taken)
            if taken.in_hand:
                self._put_in(message, claim_id, number, taken.in_hand)
            self._taking = None
            if taken.in_hand:
                return True
            if taken.looked_at:
                # All of them were taken out or have a later time now; who is next?
                self.news.set()
                return True
        return False

    def _put_in(self, message: Message, claim_id: uuid.UUID, number: int, in_hand: list[Claimed]) -> None:
        try:
            batch = batch_of(message, claim_id, number, in_hand)
        except OpslagError as error:
            hold(message, HoldReason.CANNOT_COMPOSE, error.explanation, frm=MessageStatus.SENDING)
            self._give_back(message, claim_id, in_hand)
            return
        self.batches[claim_id] = batch
        self._couriers.take_in(batch)

    def _give_back(self, message: Message, claim_id: uuid.UUID, in_hand: list[Claimed]) -> None:
        now = timezone.now()
        back = [outcome.handed_back(each.delivery_id, now) for each in in_hand]
        outcome.store(claim_id, message.pk, self.number, back, was=DeliveryStatus.SENDING)
        claim.close([claim_id])

    def _look_around(self) -> None:
        """Once a second: outcomes, the lease, what was paused or stopped, who has left."""
        self._store()
        self._close_settled()
        if not self.lease.renew(list(self.batches), self._forfeit):
            self._couriers.hand_back()
            return
        may_go_on = {message.pk: claim.may_go_on(message) for message in self.in_hand()}
        for batch in list(self.batches.values()):
            batch.stopped = batch.stopped or not may_go_on[batch.message.pk]
            batch.gone = claim.left_since(batch.claim_id) | batch.resting
        self._limits.look()
        self._set_aside()
        if wants_room(timezone.now()):
            # A mail server that lets in few would let in no notice while this lane stays.
            self._ends_s = time.monotonic()

    def _forfeit(self, claim_id: uuid.UUID) -> None:
        """Somebody has given this claim up while we slept: nothing more of it may start."""
        self.batches[claim_id].stopped = True
        self.is_clean = False

    def _hold_what_is_in_trouble(self) -> None:
        while self.bag.troubles:
            message, why, error = self.bag.troubles.popleft()
            hold(message, why, error.explanation, frm=MessageStatus.SENDING)
            for batch in self.batches.values():
                batch.stopped = batch.stopped or batch.message.pk == message.pk

    def _let_destinations_rest(self) -> None:
        """Who asked us to slow down gets nothing for a while, whatever else goes on."""
        tired = self.bag.patience.tired
        while tired:
            name, error = tired.popleft()
            rest(name, error.explanation, timezone.now())
            if not tired:
                self._limits.look()
                self._set_aside()

    def _set_aside(self) -> None:
        """Of what is in hand, the letters to destinations that rest."""
        resting, self.bag.patience.tried = self._limits.destinations()
        if resting:
            for batch in self.batches.values():
                batch.set_aside(resting)

    def _store(self, *, whole_only: bool = False) -> None:
        """Store what there is; `whole_only`: half a batch waits for its other half, for a second at most."""
        for batch, settled in self.bag.outcomes():
            self._unstored[batch].append(settled)
        for batch in list(self._unstored):
            if not whole_only or len(self._unstored[batch]) >= batch.unsettled:
                self._store_batch(batch, self._unstored.pop(batch))

    def _store_batch(self, batch: Batch, outcomes: list[Settled]) -> None:
        stored = outcome.store(batch.claim_id, batch.message.pk, self.number, outcomes, was=DeliveryStatus.SENDING)
        self.is_clean = self.is_clean and stored == len(outcomes)
        if any(isinstance(each, Outcome) and not each.started for each in outcomes):
            self.turns.came_back(batch.message)
        batch.unsettled -= len(outcomes)
        if batch.unsettled <= 0:
            self._settled.append(batch.claim_id)
            self.batches.pop(batch.claim_id, None)

    def _close_settled(self) -> None:
        claim.close(self._settled, settled=self.is_clean)
        self._settled.clear()

    def _settle_all(self) -> None:
        """After the couriers came home: the last outcomes, and a word on the transport."""
        self._store()
        self._close_settled()
        self._hold_what_is_in_trouble()
        self._let_destinations_rest()
        if self.batches:
            raise _NotHomeError("letters without an outcome")
        if self.journal.is_broken:
            misfortunes.no_journal(None)
        elif self._failure is not None:
            misfortunes.no_connection(self._failure, self.turns.served.values(), unanswered=self.bag.unanswered)
        elif self.bag.number_accepted:
            transport_health.answered(settings.OPSLAG_TRANSPORT)


def wanted(now: datetime) -> bool:
    """Whether a lane should be started: something is due, a slot is free, and nothing is in the way."""
    return (
        # While mail leaves it is mostly no, and nothing else need be asked.
        _finds_work(now)
        and not transport_health.paused(settings.OPSLAG_TRANSPORT, now)
        and not wants_room(now)
        and open_in_s() < SOON_S
    )


def _finds_work(now: datetime) -> bool:
    """Whether one more lane would get a slot, and have something to do that the others leave."""
    taken = slots_taken(KIND, now)
    if taken >= settings.OPSLAG_BULK_LANES:
        return False
    return anything_due(now, unserved_since=now - OVERDUE if taken else None)
