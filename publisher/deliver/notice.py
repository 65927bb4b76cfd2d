"""Notices: transactional mails of ours, one at a time, never behind a newsletter, its pace, its pause or the stop."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from django.conf import settings
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from publisher.compose.wire import wire_address
from publisher.deliver import outcome
from publisher.errors import Explanation, InputError, OpslagError, PermanentError
from publisher.models import Notice
from publisher.transports import configured_transport, message_headers
from publisher.transports.esps import DELIVERY_KEY
from publisher.vocabulary import DeliveryStatus, Reason

LEASE = timedelta(minutes=5)


def due_notices(now: datetime) -> list[int]:
    """Notices that should leave now."""
    due = Notice.objects.filter(status=DeliveryStatus.PENDING, due_at__lte=now)
    return list(due.order_by("due_at").values_list("pk", flat=True)[:100])


def send_notice(notice_id: int) -> DeliveryStatus | None:
    """Claim and send one notice; answers its outcome, None if another worker has it."""
    claim_id, now = uuid.uuid4(), timezone.now()
    won = Notice.objects.filter(pk=notice_id, status=DeliveryStatus.PENDING, due_at__lte=now).update(
        status=DeliveryStatus.SENDING, claim_id=claim_id, lease_until=now + LEASE, started_at=None
    )
    if not won:
        return None
    notice = Notice.objects.select_related("user", "organisation").get(pk=notice_id)
    try:
        sender, recipient, content = _sender(notice), wire_address(address_of(notice)), compose(notice).as_bytes()
    except InputError as error:
        unusable = PermanentError(error.explanation.msgid, reason=Reason.REFUSED, **error.explanation.params)
        return _store(notice, outcome.of_error(notice.pk, unusable, notice.attempts, timezone.now()))
    try:
        _hand_over(notice, sender, recipient, content)
    except OpslagError as error:
        return _store(notice, outcome.of_error(notice.pk, error, notice.attempts, timezone.now()))
    return _store(notice, outcome.sent(notice.pk, 250, timezone.now()))


def _hand_over(notice: Notice, sender: str, recipient: str, content: bytes) -> None:
    connection = configured_transport().connect()
    try:
        # Stored before the first byte of content: whoever finds it without an outcome knows that it may have left.
        Notice.objects.filter(pk=notice.pk, claim_id=notice.claim_id).update(
            started_at=timezone.now(), attempts=F("attempts") + 1
        )
        connection.send(sender, recipient, content)
    finally:
        connection.close()


def address_of(notice: Notice) -> str:
    """To whom it goes."""
    return notice.user.email if notice.user else notice.address


def _sender(notice: Notice) -> str:
    """The organisation's address as the wire knows it; ours, if it has none that can be used."""
    ours = f"opslag@{settings.OPSLAG_MAIL_DOMAIN}"
    try:
        return wire_address(notice.organisation.email or ours)
    except InputError:
        return wire_address(ours)


def compose(notice: Notice) -> EmailMessage:
    """The notice as a mail, in its reader's language. Raises InputError for an address that no mail can have."""
    language = notice.user.language if notice.user else notice.organisation.language
    with translation.override(language):
        values = {
            "notice": notice,
            "words": str(Explanation.from_json(notice.explanation)),
            "organisation": notice.organisation,
            "base_url": settings.OPSLAG_BASE_URL,
        }
        text = render_to_string(f"mail/{notice.kind}.txt", values)
    subject, _, body = text.strip().partition("\n")
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = formataddr((notice.organisation.name, _sender(notice)))
    mail["To"] = wire_address(address_of(notice))
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = format_datetime(notice.created_at)
    mail["Message-ID"] = f"<n{notice.pk}@{settings.OPSLAG_MAIL_DOMAIN}>"
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in message_headers(bulk=False):
        mail[name] = value.replace(DELIVERY_KEY, f"n{notice.pk}")
    mail.set_content(body.strip() + "\n", charset="utf-8", cte="quoted-printable")
    return mail


def _store(notice: Notice, result: outcome.Outcome) -> DeliveryStatus:
    Notice.objects.filter(pk=notice.pk, claim_id=notice.claim_id, status=DeliveryStatus.SENDING).update(
        status=result.status,
        last_error=result.error,
        sent_at=result.at if result.status == DeliveryStatus.SENT else None,
        lease_until=None,
        due_at=result.due_at or notice.due_at,
    )
    return result.status


def give_up_dead_notices(now: datetime) -> int:
    """Notices whose worker died: started is uncertain, never started goes back in the line, but not for ever."""
    expired = Notice.objects.filter(status=DeliveryStatus.SENDING, lease_until__lt=now)
    words = Explanation.from_json(outcome.lost(0, now).error)
    lost = expired.filter(started_at__isnull=False).update(
        status=DeliveryStatus.UNCERTAIN, last_error=words.as_json(), lease_until=None
    )
    stopped = Explanation(gettext_noop("Writing this notice stopped the worker again and again."))
    unstarted = expired.filter(started_at=None)
    failed = unstarted.filter(attempts__gte=settings.OPSLAG_MAX_ATTEMPTS - 1).update(
        status=DeliveryStatus.FAILED, last_error=stopped.as_json(), lease_until=None
    )
    back = unstarted.update(status=DeliveryStatus.PENDING, lease_until=None, attempts=F("attempts") + 1)
    return lost + failed + back
