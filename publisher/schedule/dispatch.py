"""Dispatch: what is due is frozen ahead, and started at its instant; what was missed is held for a person."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.notices import notify_approvers
from publisher.compose.compiled import compile_message
from publisher.compose.past_events import post_held
from publisher.errors import Explanation, OpslagError, TransientError
from publisher.models import Campaign, CompiledMail, Message, Organisation
from publisher.models.probe import Moment
from publisher.schedule.first_wave import first_wave_of
from publisher.schedule.freeze import add_difference, freeze, one_snapshot
from publisher.schedule.keeping import LEASE, keep
from publisher.schedule.stops import not_stopped
from publisher.schedule.withdrawn import beyond_doubt, have_corrected, why_not, with_withdrawn_news
from publisher.vocabulary import HoldReason, MessageStatus, NoticeKind, Outlet

log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=10)
# An album's pictures: the uploads of a post are one step, which cannot renew its lease.
UPLOAD_LEASE = timedelta(minutes=10)
# Longer than from one tick to the next: a worker that is woken so long before a post's instant can wait for it, and the
# post goes out then and not at the tick after it.
SOON = timedelta(seconds=1.5)
STRIKES_ALLOWED = 3
_NOT_TWICE = 50
HELD = gettext_noop("“%(title)s” is held back for %(outlet)s: %(why)s Decide on the send-out's page.")
TO_CONNECT = gettext_noop(
    "“%(title)s” waits for %(outlet)s, which must be connected again: %(why)s Connected soon, it goes out by itself; "
    "later somebody decides on the send-out's page."
)


def unfrozen(now: Moment) -> QuerySet[Message]:
    """E-mail messages whose audience should be frozen now."""
    return Message.objects.filter(
        status=MessageStatus.SCHEDULED, outlet=Outlet.EMAIL, frozen_at=None, scheduled_at__lte=now + AHEAD
    ).filter(Q(lease_until=None) | Q(lease_until__lt=now))


def to_freeze(now: datetime) -> list[int]:
    """The `unfrozen`, soonest first."""
    return list(unfrozen(now).order_by("scheduled_at").values_list("pk", flat=True)[:_NOT_TWICE])


def due(now: Moment) -> QuerySet[Message]:
    """Mails whose instant has come and whose audience stands, stopped or not."""
    return _due(now).filter(outlet=Outlet.EMAIL)


def posts_soon(now: Moment) -> QuerySet[Message]:
    """Posts whose instant has come or comes within SOON, stopped or not."""
    return _due(now + SOON).filter(outlet=Outlet.POST)


def _due(now: Moment) -> QuerySet[Message]:
    return Message.objects.filter(status=MessageStatus.SCHEDULED, scheduled_at__lte=now, frozen_at__isnull=False)


def to_start(now: datetime) -> list[int]:
    """Mails that should begin now."""
    return _soonest(due(now))


def posts_to_start(now: datetime) -> list[int]:
    """Posts that should begin now."""
    return _soonest(posts_soon(now).filter(scheduled_at__lte=now))


def _soonest(messages: QuerySet[Message]) -> list[int]:
    return list(not_stopped(messages).order_by("scheduled_at").values_list("pk", flat=True)[:_NOT_TWICE])


def next_post_at(now: datetime) -> datetime | None:
    """When the next post should begin, if that is within SOON."""
    coming = not_stopped(posts_soon(now).filter(scheduled_at__gt=now)).order_by("scheduled_at")
    return coming.values_list("scheduled_at", flat=True).first()


def take(message_id: int, now: datetime, status: MessageStatus, lease: timedelta = UPLOAD_LEASE) -> Message | None:
    """Claim the row for work that could kill a worker; counts a strike. None if another has it or it moved on."""
    claim = uuid.uuid4()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    won = Message.objects.filter(free, pk=message_id, status=status).update(
        claim_id=claim, lease_until=now + lease, strikes=F("strikes") + 1
    )
    return Message.objects.select_related("campaign", "newsletter").get(claim_id=claim) if won else None


def let_go(message: Message, *, done: bool) -> None:
    """End the claim, if it is still ours; an end that the worker survived forgets the strikes."""
    fresh = {"strikes": 0} if done else {}
    Message.objects.filter(pk=message.pk, claim_id=message.claim_id).update(claim_id=None, lease_until=None, **fresh)


def hold(
    message: Message,
    why: HoldReason,
    explanation: Explanation,
    *,
    frm: MessageStatus,
    only: Mapping[str, object] | None = None,
    tell: Callable[[Organisation, NoticeKind, Campaign, Explanation], object] = notify_approvers,
) -> bool:
    """Take the message out of the line until a person decides, and tell them; false if it had already moved on.

    `only` narrows what the stored row must still say, besides its status; `tell` writes the notices.
    """
    with transaction.atomic():
        held = Message.objects.filter(pk=message.pk, status=frm, **(only or {})).update(
            status=MessageStatus.HELD,
            hold_reason=why,
            last_error=explanation.as_json(),
            claim_id=None,
            lease_until=None,
        )
        if held:
            campaign = message.campaign
            record(campaign.organisation, None, "held", campaign, explanation.msgid, **explanation.params)
            tell(campaign.organisation, NoticeKind.ALERT, campaign, _told(message, why, explanation))
    return bool(held)


def _told(message: Message, why: HoldReason, explanation: Explanation) -> Explanation:
    """Which mail or post is held, why, and what to do."""
    outlet = str(message.newsletter or message.account)
    values = {"title": message.campaign.title, "outlet": outlet, "why": explanation}
    return Explanation(TO_CONNECT if why == HoldReason.ACCOUNT_BROKEN else HELD, values)


def prepare(message_id: int, now: datetime) -> bool:
    """Compile the mail and freeze its audience; true if that is done. A failure is on the row, in words."""
    message = take(message_id, now, MessageStatus.SCHEDULED, LEASE)
    if message is None:
        return False
    if message.strikes > STRIKES_ALLOWED:
        stopped = Explanation(gettext_noop("Preparing this mail stopped the worker three times; change its content."))
        _hold_ours(message, HoldReason.WORKER_KILLED, stopped)
        return False
    return work_on(message, now)


def work_on(message: Message, now: datetime) -> bool:
    """Prepare a mail that was just taken, and let go of it whatever happens; true if it is done.

    What a later try may mend is tried again by the next tick. So is an error that nobody foresaw, but that is a strike.
    """
    done = foreseen = False
    try:
        _compile_and_freeze(message, now)
        done = foreseen = True
    except OpslagError as error:
        foreseen = True
        _give_up(message, error)
    except OperationalError:
        foreseen = True
        log.warning("message %d: the database failed while it was prepared; it is tried again", message.pk)
        # The connection to a database that was restarted is dead; letting go needs a living one.
        close_old_connections()
    finally:
        let_go(message, done=foreseen)
    return done


def _compile_and_freeze(message: Message, now: datetime) -> None:
    with transaction.atomic():
        known = CompiledMail.objects.filter(message=message).values_list("left_out", flat=True).first()
        _tell_left_out(message, set(compile_message(message).left_out) - set(known or ()))
        # Whoever lost the message meanwhile must not leave the mail of an older text behind.
        keep(message)
    freeze(message, now)


def _tell_left_out(message: Message, block_ids: set[int]) -> None:
    """Staff are told once of each story that is left out, and it stands on the timeline."""
    campaign = message.campaign
    for block in message.blocks.filter(pk__in=block_ids).order_by("position", "pk"):
        words = Explanation(
            gettext_noop("“%(title)s” was left out of the mail: the event is over when it is sent."),
            {"title": str(block.content.get("title") or "")},
        )
        record(campaign.organisation, None, "event_left_out", campaign, words.msgid, **words.params)
        notify_approvers(campaign.organisation, NoticeKind.ALERT, campaign, words)


def _give_up(message: Message, error: OpslagError) -> None:
    if error.reason == HoldReason.EVENT_OVER:
        _hold_ours(message, HoldReason.EVENT_OVER, error.explanation)
    elif not isinstance(error, TransientError):
        _hold_ours(message, HoldReason.CANNOT_COMPOSE, error.explanation)
    elif error.reason == HoldReason.COUNTS_DISAGREE:
        _hold_ours(message, HoldReason.COUNTS_DISAGREE, error.explanation)


def _hold_ours(message: Message, why: HoldReason, explanation: Explanation) -> None:
    """Not a message that was taken back, approved anew or claimed by another worker meanwhile."""
    hold(message, why, explanation, frm=MessageStatus.SCHEDULED, only={"claim_id": message.claim_id})


def start(message_id: int, now: datetime) -> bool:
    """Let deliveries begin: add who joined since the freeze, verify the counts, `scheduled → sending`.

    A message missed by more than the allowed lateness is held instead.
    """
    message = Message.objects.select_related("campaign").filter(pk=message_id, status=MessageStatus.SCHEDULED).first()
    return message is not None and begin(message, now)


def start_posts(messages: Collection[int], now: datetime) -> None:
    """`start` those of the posts that are due: nearly all of them at once, in one UPDATE."""
    missed = now - timedelta(minutes=settings.OPSLAG_ALLOWED_LATENESS_MINUTES)
    plain = posts_soon(now).filter(beyond_doubt(), pk__in=messages, scheduled_at__gt=missed, scheduled_at__lte=now)
    with transaction.atomic():
        # Locked in one order, and without those that somebody decides about at this moment.
        locked = not_stopped(plain).select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("pk")
        begun = list(locked.values_list("pk", flat=True))
        Message.objects.filter(pk__in=begun).update(status=MessageStatus.SENDING, started_at=now)
    for message_id in set(messages).difference(begun):
        start(message_id, now)


def begin(message: Message, now: datetime) -> bool:
    """`start` a message as it was read; false if it is not ready, or no longer what was read."""
    if message.scheduled_at is None or message.frozen_at is None or _held_for_its_news(message):
        return False
    late = now - message.scheduled_at
    if late > timedelta(minutes=settings.OPSLAG_ALLOWED_LATENESS_MINUTES):
        missed = Explanation(
            gettext_noop("It should have gone out %(minutes)s minutes ago. Send it now, or cancel it."),
            {"minutes": str(int(late.total_seconds() // 60))},
        )
        hold(message, HoldReason.MISSED, missed, frm=MessageStatus.SCHEDULED, only=_as_read(message))
        return False
    over = post_held(message)
    if over is not None:
        hold(message, HoldReason.EVENT_OVER, over, frm=MessageStatus.SCHEDULED, only=_as_read(message))
        return False
    try:
        return _begin(message, now)
    except OperationalError:
        # Somebody changed the row in the same instant (serialisation); the next tick looks again.
        return False
    except TransientError as error:
        why = HoldReason.COUNTS_DISAGREE
        hold(message, why, error.explanation, frm=MessageStatus.SCHEDULED, only=_as_read(message))
        return False


def hold_withdrawn(now: datetime) -> int:
    """Hold what waits or is being sent and uses news that does not hold any more; gives how many messages that were."""
    found = with_withdrawn_news(now).select_related("campaign__organisation")
    return sum(_held_for_its_news(message) for message in found)


def _held_for_its_news(message: Message) -> bool:
    objection = why_not(message)
    return objection is not None and hold(message, *objection, frm=MessageStatus(message.status))


def _as_read(message: Message) -> dict[str, object]:
    """What the row must still say: one that was taken back and approved for another time is another's business."""
    return {"scheduled_at": message.scheduled_at, "frozen_at": message.frozen_at}


def _begin(message: Message, now: datetime) -> bool:
    with transaction.atomic():
        one_snapshot()
        begun = Message.objects.filter(
            pk=message.pk,
            status=MessageStatus.SCHEDULED,
            campaign__approved_revision=message.campaign.approved_revision,
            **_as_read(message),
        ).update(status=MessageStatus.SENDING, started_at=now, **first_wave_of(message))
        if begun:
            have_corrected(message, now)
        if begun and message.outlet == Outlet.EMAIL:
            add_difference(message, now)
    return bool(begun)
