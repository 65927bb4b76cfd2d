"""The doctor's look at what comes back: the address, the mailbox behind it, and whether somebody looks into it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, OpslagError
from publisher.models import Event, InboundMail, Mailbox
from publisher.models.ledger import EVENT_IN_TROUBLE
from publisher.operate.findings import Found, fail, ok, warn
from publisher.operate.moments import moment
from publisher.transports.imap import MailboxAddress, OpenMailbox
from publisher.vocabulary import InboundStatus

# So many pauses without an answer, and nobody looks in any more.
_PAUSES = 5
# A reply that could not be forwarded so often needs somebody.
_TRIES = 4


def look_at_returns() -> Found:
    """Whether bounces, complaints and unsubscribing by mail reach us, and what came in has its effect."""
    yield from _way_in()
    try:
        number = Event.objects.filter(EVENT_IN_TROUBLE).count()
    except DatabaseError:
        return
    if number:
        yield fail(
            gettext_noop(
                "%(number)s reports (bounces, complaints) cannot be applied; they are kept and tried again each day. "
                "The workers' log says why."
            ),
            number=number,
        )


def _way_in() -> Found:
    address, mailbox = settings.OPSLAG_BOUNCE_ADDRESS, settings.OPSLAG_INBOUND_IMAP_URL
    if not address and not mailbox and settings.OPSLAG_CATCHER_DIR:
        yield ok(gettext_noop("mails go to the catcher, so nothing comes back"))
        return
    if not address and not mailbox and settings.OPSLAG_ESP_WEBHOOK_KEY:
        # The e-mail service's reports have a look of their own.
        return
    if not address and not mailbox:
        yield warn(
            gettext_noop(
                "nobody notices mails that come back. Set OPSLAG_BOUNCE_ADDRESS and OPSLAG_INBOUND_IMAP_URL "
                "(docs/production.md), unless your mail service reports by webhook."
            )
        )
        return
    if mailbox and not address:
        yield warn(
            gettext_noop("OPSLAG_BOUNCE_ADDRESS is not set: what comes back is hard to tell apart. Set it as well.")
        )
    if not mailbox:
        yield warn(gettext_noop("OPSLAG_INBOUND_IMAP_URL is not set: nobody reads what comes back to the address."))
        return
    try:
        with OpenMailbox(MailboxAddress.from_settings()):
            yield ok(gettext_noop("the mailbox lets us in"))
    except OpslagError as error:
        yield fail(
            gettext_noop(
                "the mailbox does not let us in (%(detail)s). Check OPSLAG_INBOUND_IMAP_URL; any IMAP server that "
                "takes a user name and a password will do (docs/production.md)."
            ),
            detail=error,
        )
    try:
        yield from _seen_lately(timezone.now())
    except DatabaseError:
        return


def _seen_lately(now: datetime) -> Found:
    mailbox = Mailbox.objects.first()
    if mailbox is None or mailbox.answered_at is None:
        yield warn(gettext_noop("no worker has looked into the mailbox yet. Start the workers, then wait a minute."))
        return
    late = timedelta(seconds=_PAUSES * settings.OPSLAG_INBOUND_POLL_SECONDS + 60)
    if now - mailbox.answered_at > late and not settings.OPSLAG_NEVER_SEND:
        yield fail(
            gettext_noop("no worker has read the mailbox since %(since)s. Is a worker running for the queue “track”?"),
            since=moment(mailbox.answered_at),
        )
    if mailbox.waiting:
        yield warn(
            gettext_noop("%(number)s mails lie there, flagged, that only a person can place. Read and delete them."),
            number=mailbox.waiting,
        )
    stuck = InboundMail.objects.filter(status=InboundStatus.FORWARD, attempts__gte=_TRIES)
    if (first := stuck.first()) is not None:
        yield fail(
            gettext_noop("%(number)s replies cannot be forwarded to the office (%(detail)s)."),
            number=stuck.count(),
            detail=Explanation.from_json(first.last_error),
        )
