"""What a person does to a message on its way: pause, resume, cancel, stop, release, decide what is unclear."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.compose.renewing import accept_withdrawals, called_off_news, keep_words, withdrawn_news
from publisher.errors import Explanation, InputError, TransitionError
from publisher.models import Account, Claim, Delivery, Message, Organisation, PostPart, StopStamp, User, place_again
from publisher.models.agreement import FROZEN, accept_rows
from publisher.models.counting import COMMON_LANE, handed_over, move_counts
from publisher.review.moves import CHANGED_MEANWHILE, move
from publisher.review.planned import planned
from publisher.review.withdraw import cancel_one
from publisher.vocabulary import (
    AccountStatus,
    CampaignStatus,
    DeliveryStatus,
    HoldReason,
    MessageStatus,
    Outlet,
    PartStep,
)

_DECISIONS = {
    "resend": (DeliveryStatus.PENDING, gettext_noop("%(outlet)s: told to send one again")),
    "sent": (DeliveryStatus.SENT, gettext_noop("%(outlet)s: said of one that it was sent")),
    "failed": (DeliveryStatus.FAILED, gettext_noop("%(outlet)s: said of one that it was not sent")),
}
_DECIDED_ALL = {
    "resend": gettext_noop("%(outlet)s: told to send %(number)s again"),
    "sent": gettext_noop("%(outlet)s: said of %(number)s that they were sent"),
    "failed": gettext_noop("%(outlet)s: said of %(number)s that they were not sent"),
}
CUT_OFF = gettext_noop("%(outlet)s: said of one that it is public; what follows it was not published")
CUT_OFF_WHY = gettext_noop(
    "The post is public, as a colleague has said. What follows it was not published: Opslag does not know where the "
    "post is, so it cannot answer to it. Say where it is, or publish the rest by hand, or as a new post."
)
ASKED_NOW = gettext_noop("The channel is being asked about it at this moment. Try again in a minute.")
_UNMADE = (PartStep.WAITING, PartStep.PREPARING, PartStep.PREPARED)
# From which status each decision starts. Only a fact from outside says of a failed one that it was sent after all.
STARTS = {
    "resend": (DeliveryStatus.UNCERTAIN, DeliveryStatus.FAILED),
    "sent": (DeliveryStatus.UNCERTAIN,),
    "failed": (DeliveryStatus.UNCERTAIN,),
}
_CONNECT_FIRST = gettext_noop("Connect the channel again first; nothing can be published on it before.")
_NOT_NOW = {
    "resend": gettext_noop("Only what is unconfirmed or failed can be sent again."),
    "sent": gettext_noop("Only what is unconfirmed can be said to have been sent."),
    "failed": gettext_noop("Only what is unconfirmed can be said to have failed."),
}


def pause(message: Message, user: User | None) -> None:
    """Let nothing more of the message start, until `resume`. Raises InputError if it has moved on."""
    _may(user, message)
    with transaction.atomic():
        move(message, MessageStatus, MessageStatus.PAUSED)
        _note(message, user, "paused", gettext_noop("%(outlet)s: paused"))


def resume(message: Message, user: User | None) -> None:
    """Go on with a paused message; one whose planned time has passed goes out now."""
    _may(user, message)
    with transaction.atomic():
        _onwards(message, MessageStatus.PAUSED)
        _note(message, user, "resumed", gettext_noop("%(outlet)s: resumed"))


def release(message: Message, user: User | None) -> None:
    """Let a held message go after all; one whose planned time has passed goes out now.

    Of one that had begun, figures that disagree are set to what the rows say, and the timeline tells it. Raises
    InputError for what is held until its channel is connected: nobody's word can send it before.
    """
    _may(user, message)
    if message.hold_reason == HoldReason.ACCOUNT_BROKEN and not _is_connected(message):
        raise InputError(_CONNECT_FIRST)
    with transaction.atomic():
        if message.hold_reason == HoldReason.WITHDRAWN:
            accept_withdrawals(withdrawn_news(message.campaign, message))
        elif message.hold_reason == HoldReason.EVENT_OFF:
            for chosen in called_off_news(message.campaign, message):
                keep_words(chosen)
        elif message.hold_reason == HoldReason.THROTTLED:
            # The platform is asked now, whatever it said before.
            Account.objects.filter(messages=message).update(blocked_until=None)
        _onwards(message, MessageStatus.HELD)
        if message.started_at is not None:
            _count_again(message, user)
        # A post was put off when its channel refused it. Its try before does not delay what a person says now.
        put_off = Delivery.objects.filter(message=message, account__isnull=False, status=DeliveryStatus.PENDING)
        put_off.filter(due_at__gt=timezone.now()).update(due_at=_instant_of(message))
        _note(message, user, "released", gettext_noop("%(outlet)s: released"))


def _is_connected(message: Message) -> bool:
    """A mail needs no channel."""
    return (
        message.account_id is None or Account.objects.filter(messages=message, status=AccountStatus.CONNECTED).exists()
    )


def _instant_of(message: Message) -> datetime:
    """Its planned time, now if that has passed."""
    now = timezone.now()
    at = Message.objects.values_list("scheduled_at", flat=True).get(pk=message.pk)
    return max(now, at or now)


def _count_again(message: Message, user: User | None) -> None:
    found = accept_rows(message)
    words = gettext_noop("%(outlet)s: %(counted)s recipients were counted, but there are %(rows)s; sent as it is")
    for each in found:
        if each.status == FROZEN:
            _note(message, user, "recounted", words, counted=each.counted, rows=each.rows)
    if any(each.status != FROZEN for each in found):
        _note(message, user, "recounted", gettext_noop("%(outlet)s: the figures were counted again"))


def cancel_message(message: Message, user: User | None) -> int:
    """Cancel one message and everything of it that still waits; answers how many recipients that concerns.

    What is being handed over in this moment still gets its outcome.
    """
    _may(user, message)
    with transaction.atomic():
        waiting = cancel_one(message)
        _note(message, user, "message_cancelled", gettext_noop("%(outlet)s: cancelled"))
    return waiting


def stop_everything(organisation: Organisation | None, user: User | None) -> bool:
    """Let nothing start any more, in one organisation or (None) in the installation; false if it was stopped already.

    Raises PermissionDenied: the installation may only be stopped by its administrator, or from the command line (None).
    """
    _may_stop(organisation, user)
    with transaction.atomic():
        stamp, fresh = StopStamp.objects.get_or_create(organisation=organisation, defaults={"stopped_by": user})
        if fresh:
            _note_stop(organisation, user, stamp, "stopped", gettext_noop("Everything stopped"))
    return fresh


def lift_stop(organisation: Organisation | None, user: User | None) -> bool:
    """Let things go on; false if nothing was stopped. The installation's stop and an organisation's are separate."""
    _may_stop(organisation, user)
    with transaction.atomic():
        stamp = StopStamp.objects.select_for_update().filter(organisation=organisation).first()
        if stamp is None:
            return False
        _note_stop(organisation, user, stamp, "stop_lifted", gettext_noop("The stop was lifted"))
        stamp.delete()
    return True


def decide(delivery: Delivery, user: User | None, action: str) -> None:
    """A person settles a delivery: "resend" it (unconfirmed or failed), or say of an unconfirmed one "sent", "failed".

    Sending again is a new attempt, due now, with all tries before it; its keys and Message-ID stay the same.
    Of a thread that was cut off, what follows cannot be published: it is public in part, and failed.
    Raises InputError for a cancelled message, an unknown word, if someone was faster, or while a post is looked for.
    """
    if action not in _DECISIONS:
        raise InputError(gettext_noop("Choose: send again, it was sent, or it was not sent."))
    _may(user, delivery.message)
    new, words = _DECISIONS[action]
    now = timezone.now()
    with transaction.atomic():
        # The message first: cancelling it at the same time must not leave a delivery waiting. And only the message:
        # cancelling locks the campaign before it. The campaign is read once the lock is had.
        message = Message.objects.select_for_update(no_key=True).get(pk=delivery.message_id)
        _refuse_while_looked_for(delivery, message, now)
        old = delivery.status
        if old not in STARTS[action]:
            raise TransitionError(_NOT_NOW[action])
        as_read = {"status": old, "claim_id": delivery.claim_id}
        fields = _decided(delivery, new, now)
        if new == DeliveryStatus.SENT and _is_cut_off(delivery, message):
            new, words, fields = DeliveryStatus.FAILED, CUT_OFF, {"last_error": Explanation(CUT_OFF_WHY).as_json()}
        move(delivery, DeliveryStatus, new, fields, only=as_read)
        move_counts(message.pk, COMMON_LANE, {old: -1, new: 1})
        _settle_parts(delivery, action, now)
        if new == DeliveryStatus.PENDING:
            _take_up_again(message)
        _note(message, user, f"decided_{action}", words)


def decide_all(message: Message, user: User | None, action: str, status: str) -> int:
    """`decide` for all of a mail's deliveries in `status`, in one statement; answers how many.

    A post is decided one by one: it has parts that the world sees. Raises InputError as `decide` does.
    """
    if status not in STARTS.get(action, ()):
        raise InputError(CHANGED_MEANWHILE)
    _may(user, message)
    new, now = _DECISIONS[action][0], timezone.now()
    fields: dict[str, object] = {}
    with transaction.atomic():
        message = Message.objects.select_for_update(no_key=True).get(pk=message.pk, outlet=Outlet.EMAIL)
        if new == DeliveryStatus.PENDING:
            fields = _sent_again(message.pk, now)
        elif new == DeliveryStatus.SENT:
            fields = {"sent_at": Coalesce("first_started_at", now), "reason": "", "last_error": {}}
        number = Delivery.objects.filter(message=message, status=status).update(status=new, **fields)
        if not number:
            raise InputError(CHANGED_MEANWHILE)
        move_counts(message.pk, COMMON_LANE, {status: -number, new: number})
        if new == DeliveryStatus.PENDING:
            _take_up_again(message)
        _note(message, user, f"decided_{action}", _DECIDED_ALL[action], number=number)
    return number


def _refuse_while_looked_for(delivery: Delivery, message: Message, now: datetime) -> None:
    """A post that is looked for may become public by that very look; what is said of it now would be overtaken."""
    if message.outlet != Outlet.POST or delivery.claim_id is None:
        return
    if Claim.objects.filter(pk=delivery.claim_id, lease_until__gt=now).exists():
        raise InputError(ASKED_NOW)


def _decided(delivery: Delivery, new: DeliveryStatus, now: datetime) -> dict[str, object]:
    if new == DeliveryStatus.PENDING:
        return _sent_again(delivery.message_id, now)
    if new == DeliveryStatus.SENT:
        return {"sent_at": delivery.first_started_at or now, "reason": "", "last_error": {}}
    return {}


def _sent_again(message_id: int, now: datetime) -> dict[str, object]:
    fresh: dict[str, object] = {"due_at": max(now, place_again(message_id)), "attempts": 0, "strikes": 0}
    return fresh | {"claim_id": None, "reason": "", "reply_code": None, "last_error": {}}


def _is_cut_off(delivery: Delivery, message: Message) -> bool:
    """Whether parts of a thread are unpublished behind the open one, whose address nobody knows to answer to."""
    return message.withdrawn_at is None and delivery.parts.filter(position__gt=0, step__in=_UNMADE).exists()


def _settle_parts(delivery: Delivery, action: str, now: datetime) -> None:
    """A post: said to be sent, its open call counts as made; sent again, its open parts begin from the start."""
    parts = PostPart.objects.filter(delivery=delivery)
    if action == "sent":
        parts.filter(step=PartStep.COMMITTING).update(step=PartStep.COMMITTED, published_at=now)
    elif action == "resend":
        parts.filter(step=PartStep.COMMITTING).update(step=PartStep.PREPARED)
        # Uploads expire, so they are made again. The first call stays known: until when a repeat is safe hangs on it.
        unmade = parts.filter(step__in=(PartStep.PREPARING, PartStep.PREPARED))
        unmade.update(step=PartStep.WAITING, prepared={}, prepared_at=None)


def _take_up_again(message: Message) -> None:
    if message.status == MessageStatus.CANCELLED or message.campaign.status == CampaignStatus.CANCELLED:
        raise InputError(gettext_noop("It was cancelled; make a new send-out instead."))
    if message.withdrawn_at is not None:
        raise InputError(gettext_noop("It was withdrawn; make a new send-out instead."))
    if message.status == MessageStatus.FINISHED:
        move(message, MessageStatus, MessageStatus.SENDING, {"finished_at": None})


def _onwards(message: Message, was: MessageStatus) -> None:
    """Back into the line, from exactly `was`: to where it had come, sending if it had begun."""
    fields: dict[str, object] = {
        "hold_reason": "",
        "last_error": {},
        "strikes": 0,
        "claim_id": None,
        "lease_until": None,
    }
    # As it was read: to freeze a message anew that began meanwhile would forget to whom it went.
    as_read = {"status": was, "started_at": message.started_at}
    now = timezone.now()
    if message.hold_reason == HoldReason.BOUNCES:
        # Known and accepted: what is on its way already must not stop it again.
        fields |= {"bounces_from": now, "bounces_base": handed_over(message.pk)}
    if message.hold_reason == HoldReason.EVENT_OVER:
        fields["keeps_past_events"] = True
    if message.started_at is not None:
        move(message, MessageStatus, MessageStatus.SENDING, fields, only=as_read)
        return
    if message.scheduled_at is None or message.scheduled_at < now:
        # Otherwise it would be held again at once, as missed.
        fields |= planned(now, message.scheduled_zone or message.campaign.organisation.timezone)
    if message.outlet == Outlet.EMAIL:
        # Its audience may be hours old; it is counted again.
        fields |= {"frozen_at": None, "frozen_count": None}
    move(message, MessageStatus, MessageStatus.SCHEDULED, fields, only=as_read)


def _may(user: User | None, message: Message) -> None:
    if user is not None:
        require(user, "send", message.campaign.organisation)


def _may_stop(organisation: Organisation | None, user: User | None) -> None:
    if user is None:
        return
    if organisation is not None:
        require(user, "stop", organisation)
    elif not user.is_superuser:
        raise PermissionDenied


def _note(message: Message, user: User | None, action: str, msgid: str, **params: object) -> None:
    """On the campaign's timeline, naming the newsletter or channel."""
    record(
        message.campaign.organisation,
        user,
        action,
        message.campaign,
        msgid,
        outlet=str(message.newsletter or message.account),
        **params,
    )


def _note_stop(organisation: Organisation | None, user: User | None, stamp: StopStamp, action: str, msgid: str) -> None:
    concerned = [organisation] if organisation is not None else Organisation.objects.all()
    for each in concerned:
        record(each, user, action, stamp, msgid)
