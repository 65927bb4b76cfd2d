"""Dispatch: what is due is frozen ahead, and started at its instant; what was missed is held for a person."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.notices import notify_approvers
from publisher.compose.compiled import compile_message
from publisher.errors import Explanation, OpslagError, TransientError
from publisher.models import Message
from publisher.schedule.freeze import add_difference, freeze, one_snapshot
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import HoldReason, MessageStatus, NoticeKind, Outlet

AHEAD = timedelta(minutes=10)
PREPARE_LEASE = timedelta(minutes=10)
STRIKES_ALLOWED = 3
_NOT_TWICE = 50


def to_freeze(now: datetime) -> list[int]:
    """E-mail messages whose audience should be frozen now, soonest first."""
    waiting = Message.objects.filter(
        status=MessageStatus.SCHEDULED, outlet=Outlet.EMAIL, frozen_at=None, scheduled_at__lte=now + AHEAD
    ).filter(Q(lease_until=None) | Q(lease_until__lt=now))
    return list(waiting.order_by("scheduled_at").values_list("pk", flat=True)[:_NOT_TWICE])


def to_start(now: datetime) -> list[int]:
    """Messages whose instant has come and whose audience stands."""
    due = Message.objects.filter(status=MessageStatus.SCHEDULED, scheduled_at__lte=now, frozen_at__isnull=False)
    return list(not_stopped(due).order_by("scheduled_at").values_list("pk", flat=True)[:_NOT_TWICE])


def take(message_id: int, now: datetime, status: MessageStatus) -> Message | None:
    """Claim the row for work that could kill a worker; counts a strike. None if another has it or it moved on."""
    claim = uuid.uuid4()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    won = Message.objects.filter(free, pk=message_id, status=status).update(
        claim_id=claim, lease_until=now + PREPARE_LEASE, strikes=F("strikes") + 1
    )
    return Message.objects.select_related("campaign", "newsletter").get(claim_id=claim) if won else None


def let_go(message: Message, *, done: bool) -> None:
    """End the claim; a good end forgets the strikes."""
    fresh = {"strikes": 0} if done else {}
    Message.objects.filter(pk=message.pk, claim_id=message.claim_id).update(claim_id=None, lease_until=None, **fresh)


def hold(message: Message, why: HoldReason, explanation: Explanation, *, frm: MessageStatus) -> bool:
    """Take the message out of the line until a person decides, and tell them; false if it had already moved on."""
    with transaction.atomic():
        held = Message.objects.filter(pk=message.pk, status=frm).update(
            status=MessageStatus.HELD,
            hold_reason=why,
            last_error=explanation.as_json(),
            claim_id=None,
            lease_until=None,
        )
        if held:
            campaign = message.campaign
            record(campaign.organisation, None, "held", campaign, explanation.msgid, **explanation.params)
            notify_approvers(campaign.organisation, NoticeKind.ALERT, campaign, explanation)
    return bool(held)


def prepare(message_id: int, now: datetime) -> bool:
    """Compile the mail and freeze its audience; true if that is done. A failure is on the row, in words."""
    message = take(message_id, now, MessageStatus.SCHEDULED)
    if message is None:
        return False
    if message.strikes > STRIKES_ALLOWED:
        stopped = Explanation(gettext_noop("Preparing this mail stopped the worker three times; change its content."))
        hold(message, HoldReason.WORKER_KILLED, stopped, frm=MessageStatus.SCHEDULED)
        return False
    try:
        compile_message(message)
        freeze(message, now)
    except TransientError as error:
        hold(message, HoldReason.COUNTS_DISAGREE, error.explanation, frm=MessageStatus.SCHEDULED)
        return False
    except OpslagError as error:
        hold(message, HoldReason.CANNOT_COMPOSE, error.explanation, frm=MessageStatus.SCHEDULED)
        return False
    let_go(message, done=True)
    return True


def start(message_id: int, now: datetime) -> bool:
    """Let deliveries begin: add who joined since the freeze, verify the counts, `scheduled → sending`.

    A message missed by more than the allowed lateness is held instead.
    """
    message = Message.objects.select_related("campaign").filter(pk=message_id, status=MessageStatus.SCHEDULED).first()
    if message is None or message.scheduled_at is None or message.frozen_at is None:
        return False
    late = now - message.scheduled_at
    if late > timedelta(minutes=settings.OPSLAG_ALLOWED_LATENESS_MINUTES):
        missed = Explanation(
            gettext_noop("It should have gone out %(minutes)s minutes ago. Send it now, or cancel it."),
            {"minutes": str(int(late.total_seconds() // 60))},
        )
        hold(message, HoldReason.MISSED, missed, frm=MessageStatus.SCHEDULED)
        return False
    try:
        return _begin(message, now)
    except OperationalError:
        # Somebody changed the row in the same instant (serialisation); the next tick looks again.
        return False
    except TransientError as error:
        hold(message, HoldReason.COUNTS_DISAGREE, error.explanation, frm=MessageStatus.SCHEDULED)
        return False


def _begin(message: Message, now: datetime) -> bool:
    with transaction.atomic():
        one_snapshot()
        begun = Message.objects.filter(
            pk=message.pk,
            status=MessageStatus.SCHEDULED,
            campaign__approved_revision=message.campaign.approved_revision,
        ).update(status=MessageStatus.SENDING, started_at=now)
        if begun and message.outlet == Outlet.EMAIL:
            add_difference(message, now)
    return bool(begun)
