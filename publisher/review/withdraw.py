"""Taking back what has not left yet: waiting deliveries are cancelled, or a freeze is forgotten altogether."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from publisher.compose.post_pictures import unsettle
from publisher.errors import InputError
from publisher.models import (
    LOOKED_FOR,
    Campaign,
    CompiledMail,
    Delivery,
    DeliveryCount,
    Message,
    PostPart,
    waiting_of,
    waits,
)
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.models.probe import Moment
from publisher.review.moves import move
from publisher.review.planned import UNPLANNED
from publisher.vocabulary import DeliveryStatus, MessageStatus, Reason

ALREADY_SENDING = gettext_noop("It is already being sent; stop it instead.")
WAITS_FOR_DECISION = gettext_noop("A part of it is paused or held back; release it or cancel it first.")
NOTHING_LEFT = gettext_noop("All of it is cancelled; make a new send-out instead.")
_UNTOUCHED = (DeliveryStatus.PENDING, DeliveryStatus.SUPPRESSED, DeliveryStatus.CANCELLED)
# What freezing and compiling left on the row; a new approval starts without it.
UNPREPARED: dict[str, object] = {
    "frozen_at": None,
    "frozen_count": None,
    "started_at": None,
    "composed_html": "",
    "composed_text": "",
    "keeps_past_events": False,
    "claim_id": None,
    "lease_until": None,
    "strikes": 0,
}


def cancel_one(message: Message) -> int:
    """Cancel a message with everything of it that still waits; answers how many recipients that concerns.

    What a freeze has made of an audience so far is forgotten: nobody has counted it. Call it inside a transaction.
    Raises TransitionError for a message that cannot be cancelled any more.
    """
    move(message, MessageStatus, MessageStatus.CANCELLED)
    if Message.objects.filter(pk=message.pk, frozen_at=None).exists():
        forget_freeze([message])
        return 0
    return _cancel_waiting(message.pk)


def leftovers(now: Moment) -> QuerySet[Message]:
    """Messages that began lately, were cancelled, and of which something waits all the same."""
    cancelled = Message.objects.filter(status=MessageStatus.CANCELLED, started_at__gt=now - LOOKED_FOR)
    return cancelled.filter(waits(True))


def cancel_leftovers(now: datetime) -> int:
    """Cancel what a lane handed back after its message was cancelled; answers how many deliveries that were.

    A delivery in hand when the button was pressed comes back as waiting; this is run regularly, so that none is left.
    """
    total = 0
    for message_id in leftovers(now).values_list("pk", flat=True):
        with transaction.atomic():
            total += _cancel_waiting(message_id)
    return total


def _cancel_waiting(message_id: int) -> int:
    cancelled = waiting_of(message_id).update(status=DeliveryStatus.CANCELLED, reason=Reason.CALLED_OFF)
    move_counts(message_id, COMMON_LANE, {DeliveryStatus.PENDING: -cancelled, DeliveryStatus.CANCELLED: cancelled})
    return cancelled


def back_to_draft(campaign: Campaign) -> None:
    """Make the messages of an approved campaign drafts again and forget their freeze. Call it inside a transaction.

    A message that only followed the campaign's time forgets its copy of it; one with a time of its own keeps that.
    Raises InputError once something has begun, or waits for a decision.
    """
    # In the order in which erasing a person locks them, so that the two cannot deadlock.
    locked = Message.objects.select_for_update(no_key=True).filter(campaign=campaign).order_by("pk")
    messages = list(locked.exclude(status=MessageStatus.CANCELLED))
    _refuse_begun(messages)
    forget_freeze(messages)
    for message in messages:
        follows = message.scheduled_at == campaign.scheduled_at
        move(message, MessageStatus, MessageStatus.DRAFT, {**UNPREPARED, **(UNPLANNED if follows else {})})


def _refuse_begun(messages: Sequence[Message]) -> None:
    statuses = {message.status for message in messages}
    touched = Delivery.objects.filter(message__in=messages).exclude(status__in=_UNTOUCHED)
    if statuses & {MessageStatus.SENDING, MessageStatus.FINISHED} or touched.exists():
        raise InputError(ALREADY_SENDING)
    if statuses & {MessageStatus.PAUSED, MessageStatus.HELD}:
        raise InputError(WAITS_FOR_DECISION)
    if not messages:
        raise InputError(NOTHING_LEFT)


def forget_freeze(messages: Iterable[Message]) -> None:
    """Delete deliveries, figures and the compiled mail of messages of which nothing was claimed, and let drafts choose
    among all their pictures again."""
    ids = [message.pk for message in messages]
    PostPart.objects.filter(delivery__message__in=ids).delete()
    with connection.cursor() as cursor:
        # Django's own delete would read every row of a big audience first, in case something hangs on it.
        cursor.executemany("DELETE FROM publisher_delivery WHERE message_id = %s", [[pk] for pk in ids])
    DeliveryCount.objects.filter(message__in=ids).delete()
    CompiledMail.objects.filter(message__in=ids).delete()
    unsettle(ids)
