"""A person settles all unconfirmed or failed deliveries of a message at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.errors import InputError
from publisher.models import Delivery, Message, User, place_again
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.models.probe import Moment
from publisher.review.control import STARTS, decide, decide_all
from publisher.review.moves import CHANGED_MEANWHILE, move
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet, UncertainPolicy

# Late journals and reports have come in by then; and what is older than a day is no news any more.
SILENT_FOR, RESENT_WITHIN = timedelta(minutes=30), timedelta(days=1)


def by_policy(now: Moment) -> QuerySet[Message]:
    """Mails of which the organisation wants what is unconfirmed sent again; none that was found to be wrong since."""
    return Message.objects.filter(
        outlet=Outlet.EMAIL,
        withdrawn_at=None,
        corrected_at=None,
        campaign__organisation__uncertain_policy=UncertainPolicy.RESEND,
        status__in=(MessageStatus.SENDING, MessageStatus.FINISHED),
        started_at__gt=now - RESENT_WITHIN,
    )


def resend_by_policy(now: datetime) -> int:
    """Send unconfirmed mails again where the organisation wants it so; answers how many.

    Once: what a first try left unclear, when half an hour has shown nothing more of it. A second time is a person's.
    """
    return sum(_resend(message_id, now) for message_id in by_policy(now).values_list("pk", flat=True))


def _resend(message_id: int, now: datetime) -> int:
    with transaction.atomic():
        message = Message.objects.select_for_update(no_key=True, of=("self",)).get(pk=message_id)
        is_right = message.withdrawn_at is None and message.corrected_at is None
        if not is_right or message.status not in (MessageStatus.SENDING, MessageStatus.FINISHED):
            return 0
        unclear = Delivery.objects.filter(message=message, status=DeliveryStatus.UNCERTAIN, attempts__lte=1)
        silent = unclear.filter(first_started_at__lt=now - SILENT_FOR)
        due_at = max(now, place_again(message.pk))
        number = silent.update(
            status=DeliveryStatus.PENDING, due_at=due_at, reason="", reply_code=None, last_error={}, claim_id=None
        )
        if not number:
            return 0
        move_counts(message.pk, COMMON_LANE, {DeliveryStatus.UNCERTAIN: -number, DeliveryStatus.PENDING: number})
        if message.status == MessageStatus.FINISHED:
            move(message, MessageStatus, MessageStatus.SENDING, {"finished_at": None})
        words = gettext_noop("%(outlet)s: %(number)s that were unconfirmed are sent again, as your settings say")
        campaign, outlet = message.campaign, str(message.newsletter)
        record(campaign.organisation, None, "resent_by_policy", campaign, words, outlet=outlet, number=number)
    return number


def settle(message: Message, user: User, action: str, status: str) -> int:
    """Do `action` ("resend", "sent", "failed") to all of the message's deliveries in `status`; answers how many.

    Raises InputError or TransitionError if it fits none, or if somebody else settled them meanwhile.
    """
    require(user, "send", message.campaign.organisation)
    if message.outlet == Outlet.EMAIL:
        return decide_all(message, user, action, status)
    if status not in STARTS.get(action, ()):
        raise InputError(CHANGED_MEANWHILE)
    waiting = Delivery.objects.select_related("message__campaign__organisation", "message__account")
    post = waiting.filter(message=message, status=status).first()
    if post is None:
        raise InputError(CHANGED_MEANWHILE)
    decide(post, user, action)
    return 1
