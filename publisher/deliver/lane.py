"""A lane: one run of bulk sending. It claims, sends, writes outcomes, and ends after a slice; ticks start the next."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from publisher.compose.compiled import Recipient, Segments, load_segments, personalise
from publisher.deliver import claim, outcome, transport_health
from publisher.deliver.claim import Claimed
from publisher.deliver.journal import Journal
from publisher.deliver.outcome import Outcome
from publisher.deliver.recover import anything_to_recover, recover_dead_journals
from publisher.deliver.slots import Lease, free_slot_exists, release_slot, take_slot
from publisher.errors import AccountError, OpslagError, TransientError
from publisher.models import Edition, Message
from publisher.schedule.dispatch import hold
from publisher.transports import configured_transport
from publisher.transports.contract import Connection
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus, Reason

KIND = "bulk"
SLICE_S = 10.0
SLICE_MESSAGES = 5_000
CLAIM_MOST = 500
CLAIM_S = 2.0
FIRST_RATE = 50.0


def run_lane() -> int:
    """Send for one slice; answers how many deliveries were started. Ends at once if no slot or nothing to do."""
    recover_dead_journals()
    if transport_health.paused(settings.OPSLAG_TRANSPORT, timezone.now()):
        return 0
    run_id = uuid.uuid4()
    slot = take_slot(KIND, run_id, timezone.now())
    if slot is None:
        return 0
    journal = Journal(run_id)
    lane = Lane(run_id, slot.number, journal)
    clean = False
    try:
        lane.run()
        clean = True
    finally:
        lane.hang_up()
        journal.close(keep=not clean)
        if clean:
            release_slot(run_id)
    return lane.started


class Lane:
    """The state of one run: its connection, its lease, the outcomes not yet stored."""

    def __init__(self, run_id: uuid.UUID, number: int, journal: Journal) -> None:
        self.run_id, self.number, self.journal = run_id, number, journal
        self.lease = Lease(run_id)
        self.connection: Connection | None = None
        self.started = 0
        self.rate = FIRST_RATE
        self.ends_s = time.monotonic() + SLICE_S
        self._unstored: list[Outcome] = []

    def run(self) -> None:
        """Claim and send until the slice is over, nothing is due, or the transport refuses."""
        while time.monotonic() < self.ends_s and self.started < SLICE_MESSAGES and self.lease.may_start():
            now = timezone.now()
            message = claim.next_message(now)
            if message is None or not self._connect():
                return
            claim_id = uuid.uuid4()
            claim.serve(message, now)
            self.journal.claim(claim_id)
            most = max(1, min(CLAIM_MOST, int(self.rate * CLAIM_S)))
            if claim.take(message, claim_id, self.run_id, self.journal.name, self.number, most, now):
                self._work_off(message, claim_id)

    def _connect(self) -> bool:
        if self.connection is not None and self.connection.is_open():
            return True
        try:
            self.connection = configured_transport().connect()
        except OpslagError as error:
            transport_health.failed(settings.OPSLAG_TRANSPORT, error, timezone.now())
            return False
        transport_health.answered(settings.OPSLAG_TRANSPORT)
        return True

    def hang_up(self) -> None:
        """Close the connection politely."""
        if self.connection is not None:
            self.connection.close()

    def _work_off(self, message: Message, claim_id: uuid.UUID) -> None:
        began_s = time.monotonic()
        batch = claim.recipients(claim_id)
        segments = load_segments(Edition.objects.get(message=message))
        done = self._send_each(message, claim_id, segments, batch)
        # Whatever is still in hand and was not started goes back, also those who left between claim and read.
        self._store(claim_id, message)
        self._hand_back(claim_id, message)
        claim.close([claim_id])
        spent_s = time.monotonic() - began_s
        if done:
            self.rate = 0.5 * self.rate + 0.5 * done / max(spent_s, 0.001)

    def _send_each(self, message: Message, claim_id: uuid.UUID, segments: Segments, batch: Sequence[Claimed]) -> int:
        done, gone = 0, set[int]()
        for recipient in batch:
            if self.lease.due():
                self._store(claim_id, message)
                if not self.lease.renew() or not claim.may_go_on(message.pk, message.campaign.approved_revision):
                    return done
                gone = claim.left_since(claim_id)
            if not self.lease.may_start():
                return done
            if recipient.delivery_id in gone:
                continue
            if not self._connect():
                return done
            done += 1
            if not self._send_one(message, claim_id, segments, recipient):
                return done
        return done

    def _send_one(self, message: Message, claim_id: uuid.UUID, segments: Segments, recipient: Claimed) -> bool:
        """Send to one recipient; false if the rest of the batch should be handed back."""
        assert self.connection is not None and message.newsletter is not None
        to = Recipient(recipient.delivery_id, recipient.address, recipient.name, recipient.token)
        go_on = True
        try:
            content = personalise(segments, to)
            self.journal.start(claim_id, recipient.delivery_id)
            self.started += 1
            accepted = self.connection.send(message.newsletter.sender_email, recipient.address, content)
            result = outcome.sent(recipient.delivery_id, accepted.code, timezone.now())
        except OpslagError as error:
            result = outcome.of_error(recipient.delivery_id, error, recipient.attempts, timezone.now())
            go_on = self._after_error(message, error)
        self.journal.end(claim_id, recipient.delivery_id, result.as_line())
        self._unstored.append(result)
        return go_on

    def _after_error(self, message: Message, error: OpslagError) -> bool:
        """Whether the next recipient may be tried at once."""
        if isinstance(error, AccountError):
            hold(message, HoldReason.ACCOUNT_BROKEN, error.explanation, frm=MessageStatus.SENDING)
            return False
        if isinstance(error, TransientError) and error.reason == Reason.CONNECTION:
            transport_health.failed(settings.OPSLAG_TRANSPORT, error, timezone.now())
            self.ends_s = time.monotonic()
            return False
        return True

    def _store(self, claim_id: uuid.UUID, message: Message) -> None:
        outcome.store(claim_id, message.pk, self.number, self._unstored, was=DeliveryStatus.SENDING)
        self._unstored.clear()

    def _hand_back(self, claim_id: uuid.UUID, message: Message) -> None:
        now = timezone.now()
        rest = [outcome.handed_back(number, now) for number in claim.in_hand(claim_id)]
        outcome.store(claim_id, message.pk, self.number, rest, was=DeliveryStatus.SENDING)


def wanted(now: datetime) -> bool:
    """Whether a lane should be started: something is due, or a dead lane's journal waits, and a slot is free."""
    if anything_to_recover(now):
        return True
    return (
        not transport_health.paused(settings.OPSLAG_TRANSPORT, now)
        and free_slot_exists(KIND, now)
        and claim.anything_due(now)
    )
