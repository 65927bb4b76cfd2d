"""What follows from a mail in the mailbox: facts are kept, people leave, replies go on to the office or to a colleague.

Everything that follows is stored in one transaction with the mail's new status, so it happens once.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import OperationalError, transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.audience.addresses import address_key
from publisher.audience.leave import unsubscribe
from publisher.errors import Explanation, InputError
from publisher.models import InboundMail, Newsletter, Subscription
from publisher.models.inbound import NOTHING_PERSONAL
from publisher.track.events import Fact, keep, without_addresses
from publisher.track.inbound.forwarding import has_gone_round
from publisher.track.inbound.origin import Origin, origin_of
from publisher.track.inbound.reading import ReadMail, read
from publisher.track.inbound.sorting import Sorted, sort
from publisher.vocabulary import EventKind, EventSource, InboundKind, InboundStatus, NoticeKind

log = logging.getLogger(__name__)

# A mail that stops the worker while it is read is not read for ever.
TRIES = 3


def settle_waiting(now: datetime) -> int:
    """Settle mails that were stored and not settled, because a worker died or failed in between; answers how many."""
    waiting = list(InboundMail.objects.filter(status=InboundStatus.NEW).order_by("pk")[:100])
    return sum(settle_or_log(mail, now) for mail in waiting)


def settle_or_log(mail: InboundMail, now: datetime) -> bool:
    """Whether it is settled: one mail that nobody foresaw keeps no other, and its row has counted the attempt."""
    try:
        settle(mail, now)
    except OperationalError:
        # The database's own trouble, which is no mail's.
        raise
    except Exception:
        log.exception("mail %d cannot be settled and is tried again", mail.pk)
        return False
    return True


def settle(mail: InboundMail, now: datetime) -> None:
    """Do what follows from this mail, once."""
    # Counted in a transaction of its own: reading it may kill this process.
    InboundMail.objects.filter(pk=mail.pk).update(attempts=F("attempts") + 1)
    mail.attempts += 1
    if mail.attempts > TRIES:
        log.error("mail %d could not be settled three times and stays in the mailbox", mail.pk)
        mail.stays = True
        _set(mail, InboundKind.REPLY, InboundStatus.DONE, now)
        return
    content = read(bytes(mail.raw))
    origin = origin_of(content)
    found = sort(content, origin.subject)
    with transaction.atomic():
        mail.newsletter = origin.newsletter
        mail.organisation = origin.newsletter.organisation if origin.newsletter is not None else None
        status = _follow(mail, content, found, origin, now)
        _set(mail, found.kind, status, now)


def _set(mail: InboundMail, kind: InboundKind, status: InboundStatus, now: datetime) -> None:
    mail.kind, mail.status, mail.attempts, mail.due_at = kind, status, 0, now
    if status == InboundStatus.DONE:
        mail.settled_at = now
        forget(mail)
    mail.save()


def forget(mail: InboundMail) -> None:
    """What is personal in it goes as soon as it is settled."""
    for name, nothing in NOTHING_PERSONAL.items():
        setattr(mail, name, nothing)


def _follow(mail: InboundMail, content: ReadMail, found: Sorted, origin: Origin, now: datetime) -> InboundStatus:
    match found.kind:
        case InboundKind.BOUNCE | InboundKind.COMPLAINT:
            keep(_facts(mail, found, origin, now))
            if found.is_guess:
                return _for_the_office(mail, content)
        case InboundKind.AUTO_REPLY if origin.delivery_id is not None:
            event = f"{mail.digest[:40]}:0"
            keep([Fact(EventSource.MAILBOX, event, EventKind.AUTORESPONDED, now, delivery_id=origin.delivery_id)])
        case InboundKind.LEAVE:
            if not _left(found.tokens):
                return _for_a_person(mail, content, found, origin)
        case InboundKind.WISH:
            return _for_a_person(mail, content, found, origin)
        case InboundKind.REPLY:
            return _for_the_office(mail, content)
    return InboundStatus.DONE


def _left(tokens: list[str]) -> bool:
    """Whether a subscription was ended (or had been before)."""
    return any(unsubscribe(token, source="mail") is not None for token in tokens)


def _facts(mail: InboundMail, found: Sorted, origin: Origin, now: datetime) -> list[Fact]:
    """The reports as facts. Their time is when they came in: what they say of theirs nobody checks."""
    return [
        Fact(
            EventSource.MAILBOX,
            f"{mail.digest[:40]}:{number}",
            report.kind,
            now,
            delivery_id=origin.delivery_id,
            recipient="" if origin.delivery_id is not None else report.recipient,
            bounce=report.bounce,
            detail={"status": report.status, "text": without_addresses(report.text)},
            is_certain=origin.is_certain,
        )
        for number, report in enumerate(found.reports)
    ]


def _for_a_person(mail: InboundMail, content: ReadMail, found: Sorted, origin: Origin) -> InboundStatus:
    """Somebody may want to leave: a colleague reads the words and decides with one click."""
    if mail.organisation is None:
        mail.stays = True
        return InboundStatus.DONE
    mail.sender, mail.excerpt = content.sender(), found.words or content.subject
    mail.subscription = origin.subscription or _subscription_at(mail.newsletter, mail.sender)
    return InboundStatus.NEEDS_PERSON


def _subscription_at(newsletter: Newsletter | None, address: str) -> Subscription | None:
    try:
        key = address_key(address)
    except InputError:
        return None
    active = Subscription.objects.filter(newsletter=newsletter, unsubscribed_at=None)
    return active.filter(subscriber__address_key=key).first()


def _for_the_office(mail: InboundMail, content: ReadMail) -> InboundStatus:
    """A person wrote: it goes on to the newsletter's office. What nobody can place stays where it lies."""
    if mail.newsletter is None or has_gone_round(content, mail.newsletter):
        mail.stays = True
        return InboundStatus.DONE
    if mail.is_cut:
        mail.stays = True
        words = gettext_noop(
            "A reply to %(newsletter)s is too large to be forwarded. It lies in the mailbox for what comes back."
        )
        told = Explanation(words, {"newsletter": mail.newsletter.name})
        notify_approvers(mail.newsletter.organisation, NoticeKind.ALERT, mail.newsletter, told)
        return InboundStatus.DONE
    return InboundStatus.FORWARD
