"""What a lane does when something is in its way: who is told, what is held, what waits."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.deliver import transport_health
from publisher.errors import AccountError, Explanation, OpslagError, TransientError
from publisher.models import Message
from publisher.schedule.dispatch import STRIKES_ALLOWED, hold
from publisher.vocabulary import HoldReason, MessageStatus

log = logging.getLogger(__name__)

SILENCES_ALLOWED = 2


def no_connection(error: OpslagError, served: Iterable[Message], *, unanswered: int) -> None:
    """Nobody is let in, or thrown out again: a pause before the next try.

    What waits is held where the server refuses our credentials, or keeps taking letters without an answer.
    """
    log.warning("the mail server lets nobody in: %s", error.explanation.msgid)
    failures = transport_health.failed(settings.OPSLAG_TRANSPORT, error, timezone.now())
    # One lost letter for each connection may be a relay that restarts; that, once more, is a server that keeps silent.
    silent = unanswered > settings.OPSLAG_SMTP_CONNECTIONS or (unanswered and failures >= SILENCES_ALLOWED)
    if isinstance(error, AccountError) or silent:
        for message in served:
            hold(message, HoldReason.MAIL_SERVER, error.explanation, frm=MessageStatus.SENDING)


def no_journal(error: OSError | None) -> None:
    """Without a journal nothing may start: a pause before the next try, and words for the pages."""
    detail = error.strerror if error is not None and error.strerror else "write error"
    words = gettext_noop("The sending journal cannot be written (%(detail)s); is the disk full? Nothing is sent.")
    log.error("the sending journal cannot be written: %s", detail)
    trouble = TransientError(words, reason="journal", detail=detail)
    transport_health.failed(settings.OPSLAG_TRANSPORT, trouble, timezone.now())


def blame(served: Iterable[Message]) -> None:
    """A lane broke down over something unforeseen: a strike for each message it served, and the third one holds it."""
    words = Explanation(gettext_noop("Sending this mail stopped the worker three times; change its content."))
    for message in served:
        Message.objects.filter(pk=message.pk, status=MessageStatus.SENDING).update(strikes=F("strikes") + 1)
        if Message.objects.filter(pk=message.pk, strikes__gte=STRIKES_ALLOWED).exists():
            hold(message, HoldReason.WORKER_KILLED, words, frm=MessageStatus.SENDING)


def forgive(served: Iterable[int]) -> None:
    """A lane came to a good end: no strikes are left over."""
    Message.objects.filter(pk__in=list(served), strikes__gt=0, status=MessageStatus.SENDING).update(strikes=0)
