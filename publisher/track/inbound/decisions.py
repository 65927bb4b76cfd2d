"""A colleague decides about a reply that seems to ask to unsubscribe."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.audience.leave import unsubscribe
from publisher.errors import InputError
from publisher.models import InboundMail, Organisation, User
from publisher.track.inbound.settling import forget
from publisher.vocabulary import InboundStatus

_NOTES = {
    "unsubscribe": gettext_noop("ended a subscription"),
    "forward": gettext_noop("sent a reply on to the office"),
    "nothing": gettext_noop("put a reply away"),
}


def waiting(organisation: Organisation) -> QuerySet[InboundMail]:
    """The organisation's replies that wait for a decision, oldest first."""
    mails = InboundMail.objects.for_organisation(organisation).filter(status=InboundStatus.NEEDS_PERSON)
    return mails.select_related("newsletter", "subscription__subscriber").defer("raw").order_by("received_at", "pk")


def decide(mail: InboundMail, user: User, action: str) -> None:
    """Settle it: "unsubscribe" the person, "forward" it to the office, or "nothing".

    Raises InputError if somebody was faster, or if nobody knows whose subscription it is.
    """
    if action not in _NOTES or mail.organisation is None:
        raise InputError(gettext_noop("Choose: unsubscribe, send on to the office, or nothing."))
    require(user, "edit", mail.organisation)
    with transaction.atomic():
        locked = InboundMail.objects.select_for_update(of=("self",)).select_related("subscription").get(pk=mail.pk)
        if locked.status != InboundStatus.NEEDS_PERSON:
            raise InputError(gettext_noop("Somebody else has dealt with this reply."))
        if action == "unsubscribe":
            if locked.subscription is None:
                raise InputError(gettext_noop("Nobody with this address subscribes; look for the person by hand."))
            unsubscribe(locked.subscription.token, source="reply")
        record(mail.organisation, user, f"reply_{action}", locked, _NOTES[action])
        _settle(locked, forwarded=action == "forward")


def _settle(mail: InboundMail, *, forwarded: bool) -> None:
    now = timezone.now()
    if forwarded:
        mail.status, mail.due_at = InboundStatus.FORWARD, now
    else:
        mail.status, mail.settled_at = InboundStatus.DONE, now
        forget(mail)
    mail.save()
