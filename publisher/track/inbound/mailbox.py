"""Looking into the mailbox: by one worker at a time; each mail is stored with us before it is taken out there."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from publisher.compose.trial_key import trial_key_in
from publisher.errors import OpslagError, TransientError
from publisher.models import InboundMail, Mailbox
from publisher.track.inbound.settling import settle_or_log, settle_waiting
from publisher.transports.imap import Fetched, MailboxAddress, OpenMailbox
from publisher.vocabulary import InboundStatus

log = logging.getLogger(__name__)

NAME = "inbound"
LEASE = timedelta(minutes=5)
# In one run, so that it ends before its lease and other work gets its turn.
MOST, LONGEST_S = 500, 60.0
_TAKEN_OUT_AT_ONCE = 50
_TRIAL_LEFT_FOR = timedelta(minutes=10)
_HEAD = 32 * 1024
_LONGEST_PAUSE = timedelta(minutes=30)
# Once is a server that restarts.
FAILURES_TOLD = 3
# How long a settled mail is known again; by then no server delivers it a second time.
KNOWN_FOR = timedelta(days=60)


def is_due(now: datetime) -> bool:
    """Whether somebody should look into the mailbox now: never from a copy of the installation, which would take the
    mails away from the real one."""
    if not settings.OPSLAG_INBOUND_IMAP_URL or settings.OPSLAG_NEVER_SEND:
        return False
    mailbox = Mailbox.objects.filter(name=NAME).first()
    free = mailbox is None or mailbox.lease_until is None or mailbox.lease_until < now
    return free and (mailbox is None or mailbox.due_at <= now)


def trouble() -> Mailbox | None:
    """The mailbox if it could not be read several times in a row; staff then know why nothing comes back."""
    if not settings.OPSLAG_INBOUND_IMAP_URL:
        return None
    return Mailbox.objects.filter(name=NAME, failures__gte=FAILURES_TOLD).first()


def look_into(now: datetime) -> int:
    """Fetch, store and settle what is there; answers how many mails. A failure is on the row, in words."""
    mailbox = _take(now)
    if mailbox is None:
        return 0
    number = 0
    try:
        settle_waiting(now)
        with OpenMailbox(MailboxAddress.from_settings()) as opened:
            mailbox.waiting = opened.left_for_a_person()
            number = _empty(opened, mailbox)
    except OpslagError as error:
        _failed(mailbox, error)
    else:
        _done(mailbox, more=number >= MOST)
    return number


def _take(now: datetime) -> Mailbox | None:
    mailbox, _created = Mailbox.objects.get_or_create(name=NAME, defaults={"due_at": now})
    claim_id = uuid.uuid4()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    won = Mailbox.objects.filter(free, pk=mailbox.pk, due_at__lte=now).update(
        claim_id=claim_id, lease_until=now + LEASE
    )
    return Mailbox.objects.get(pk=mailbox.pk) if won else None


def _keep_lease(mailbox: Mailbox) -> bool:
    ours = Mailbox.objects.filter(pk=mailbox.pk, claim_id=mailbox.claim_id)
    return bool(ours.update(lease_until=timezone.now() + LEASE))


def _empty(opened: OpenMailbox, mailbox: Mailbox) -> int:
    ends_s = time.monotonic() + LONGEST_S
    uids = opened.waiting(MOST)
    number = 0
    for at in range(0, len(uids), _TAKEN_OUT_AT_ONCE):
        number += _take_in(opened, mailbox, uids[at : at + _TAKEN_OUT_AT_ONCE])
        if time.monotonic() > ends_s or not _keep_lease(mailbox):
            break
    return number


def _take_in(opened: OpenMailbox, mailbox: Mailbox, uids: list[str]) -> int:
    """Fetch, store and settle some; answers how many need not be looked at again."""
    stored: list[str] = []
    left: list[str] = []
    refused: dict[str, TransientError] = {}
    for uid in uids:
        try:
            fetched = opened.fetch(uid)
        except TransientError as error:
            if error.reason != "refused":
                raise
            log.warning("the mailbox's server does not give out mail %s: %s", uid, error)
            refused[uid] = error
            continue
        if fetched is None or _is_waited_for(fetched):
            continue
        mail = _kept(fetched)
        # What could not be settled lies there until it is, or until that has been tried often enough.
        if mail.status != InboundStatus.NEW:
            (left if mail.stays else stored).append(uid)
    # Only now: whatever dies before finds the mail there again and knows it by its digest.
    opened.take_out(stored)
    opened.leave_for_a_person(left)
    if refused and len(refused) == len(uids) and mailbox.failures + 1 < FAILURES_TOLD:
        # A server that gives out nothing at all may have trouble of its own; if it lasts, it is these mails.
        raise next(iter(refused.values()))
    opened.leave_for_a_person(list(refused))
    mailbox.waiting += len(left) + len(refused)
    return len(stored) + len(left) + len(refused)


def _is_waited_for(fetched: Fetched) -> bool:
    """Whether `opslag doctor` may be looking for this mail here: its own test mail, not older than some minutes."""
    found = trial_key_in(fetched.raw[:_HEAD].decode("latin-1"))
    return found is not None and timezone.now() - found[1] < _TRIAL_LEFT_FOR


def _kept(fetched: Fetched) -> InboundMail:
    """The mail as a row of ours, settled as far as it can be."""
    digest = hashlib.sha256(fetched.raw).hexdigest()
    mail, created = InboundMail.objects.get_or_create(
        digest=digest, defaults={"raw": fetched.raw, "is_cut": fetched.is_cut}
    )
    if created or mail.status == InboundStatus.NEW:
        settle_or_log(mail, timezone.now())
        # As it is stored: what was set on the object before an error is not.
        mail.refresh_from_db(fields=["status", "stays"])
    return mail


def _failed(mailbox: Mailbox, error: OpslagError) -> None:
    log.warning("the mailbox for what comes back cannot be read: %s", error)
    pause = min(
        timedelta(seconds=settings.OPSLAG_INBOUND_POLL_SECONDS) * 2 ** min(mailbox.failures, 10), _LONGEST_PAUSE
    )
    Mailbox.objects.filter(pk=mailbox.pk, claim_id=mailbox.claim_id).update(
        lease_until=None,
        due_at=timezone.now() + pause,
        failures=mailbox.failures + 1,
        last_error=error.explanation.as_json(),
    )


def _done(mailbox: Mailbox, *, more: bool) -> None:
    now = timezone.now()
    pause = timedelta(0) if more else timedelta(seconds=settings.OPSLAG_INBOUND_POLL_SECONDS)
    Mailbox.objects.filter(pk=mailbox.pk, claim_id=mailbox.claim_id).update(
        lease_until=None, due_at=now + pause, answered_at=now, failures=0, waiting=mailbox.waiting, last_error={}
    )
    InboundMail.objects.filter(status=InboundStatus.DONE, settled_at__lt=now - KNOWN_FOR).delete()
