"""The claim on one post: whoever prepares, publishes or looks for it holds one, and stops when it is lost."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from publisher.address_guard import time_limit
from publisher.deliver import claim, post_statements
from publisher.deliver.clock import boot_clock_s
from publisher.deliver.journal import boot_id
from publisher.life_cycles import check_transition
from publisher.models import Claim, Delivery, Message, PostPart
from publisher.models.line import hold_briefly
from publisher.vocabulary import DeliveryStatus, PartStep

# The call that makes a post public is cut off after this, whatever the platform does.
CALL = timedelta(seconds=60)
MARGIN = timedelta(seconds=10)


class ClaimLostError(Exception):
    """Somebody else has the post by now, or too little of the lease is left: make no further call, change nothing."""


class NotNowError(Exception):
    """The message was stopped, paused, cancelled, withdrawn or changed since it was read: its call is not made."""


class PostClaim:
    """One worker's right to one post: the delivery names `claim_id` and stands in `status` as long as it holds."""

    def __init__(self, delivery_id: int, claim_id: uuid.UUID, status: DeliveryStatus, ends_s: float = 0.0) -> None:
        self.delivery_id = delivery_id
        self.claim_id = claim_id
        self.status = status
        self._ends_s = ends_s

    def renew(self, lease: timedelta) -> None:
        """Hold the claim from now for `lease`. Raises ClaimLostError if it is gone."""
        asked_s = boot_clock_s()
        if not Claim.objects.filter(pk=self.claim_id).update(lease_until=timezone.now() + lease):
            raise ClaimLostError
        self._ends_s = asked_s + lease.total_seconds()

    def last(self, lease: timedelta) -> None:
        """See to it that enough of the claim is left for a call, and no more than `lease`. Raises as `renew`."""
        left_s = self._ends_s - boot_clock_s()
        if not (CALL + 2 * MARGIN).total_seconds() < left_s <= lease.total_seconds():
            self.renew(lease)

    def step(self, part: PostPart, new: PartStep, unchanged: Message | None = None, **fields: object) -> None:
        """Store the next step of a part, before its call is made. Raises TransitionError, ClaimLostError.

        With `unchanged` only while that message is to be sent as it was read: else NotNowError.
        """
        check_transition(PartStep, part.step, new)
        mine = self.delivery_id, self.claim_id, self.status
        if not post_statements.step(part, mine, {"step": new.value, **fields}, unchanged):
            if unchanged is not None and not claim.may_go_on(unchanged):
                raise NotNowError
            raise ClaimLostError
        _as_stored(part, new, fields)

    @contextmanager
    def one_call(self) -> Iterator[None]:
        """Around the call that makes a part public. Raises ClaimLostError where the lease might end before it does.

        The limit begins before the look at the clock: a process that stands anywhere after that finds it passed.
        """
        with time_limit(CALL.total_seconds()):
            if boot_clock_s() + (CALL + MARGIN).total_seconds() > self._ends_s:
                raise ClaimLostError
            yield


def store_step(part: PostPart, new: PartStep, **fields: object) -> None:
    """`part.step → new`, if the stored part still is where this one was. Raises TransitionError, ClaimLostError."""
    check_transition(PartStep, part.step, new)
    if not PostPart.objects.filter(pk=part.pk, step=part.step).update(step=new, **fields):
        raise ClaimLostError
    _as_stored(part, new, fields)


def _as_stored(part: PostPart, new: PartStep, fields: Mapping[str, object]) -> None:
    part.step = new
    for name, value in fields.items():
        setattr(part, name, value)


def take_to_publish(delivery_id: int, lease: timedelta) -> PostClaim | None:
    """Claim a post that is due, also out of the hands of a worker that still prepares it; None if it is not to be had.

    Nobody's decision is waited for: before each call its step is stored only if the message may still leave.
    """
    claim_id, asked_s = uuid.uuid4(), boot_clock_s()
    if not post_statements.claim(delivery_id, claim_id, timezone.now(), lease):
        return None
    return PostClaim(delivery_id, claim_id, DeliveryStatus.SENDING, asked_s + lease.total_seconds())


def take(
    delivery_id: int, wanted: QuerySet[Delivery], status: DeliveryStatus, lease: timedelta, **changes: object
) -> PostClaim | None:
    """Claim the delivery if it is still among `wanted`, else None: it goes to `status`, with a strike and `changes`."""
    claim_id, asked_s = uuid.uuid4(), boot_clock_s()
    message_id = Delivery.objects.values_list("message_id", flat=True).get(pk=delivery_id)
    with transaction.atomic():
        hold_briefly()
        # The message first, as a person's decision takes it: two that meet wait for each other instead of deadlocking.
        Message.objects.select_for_update(no_key=True).get(pk=message_id)
        claimed = {"status": status, "claim_id": claim_id, "strikes": F("strikes") + 1}
        if not wanted.filter(pk=delivery_id).update(**claimed, **changes):
            return None
        Claim.objects.create(
            id=claim_id,
            run_id=claim_id,
            message_id=message_id,
            host=settings.OPSLAG_HOST,
            boot_id=boot_id(),
            journal="",
            lease_until=timezone.now() + lease,
        )
    return PostClaim(delivery_id, claim_id, status, asked_s + lease.total_seconds())
