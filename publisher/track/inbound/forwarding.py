"""Replies go on to the newsletter's office address: none is lost if that fails, and none goes round in circles."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.compose.return_path import delivery_of_address, is_unsubscribe_mailbox
from publisher.compose.values import one_line
from publisher.compose.wire import wire_address
from publisher.errors import InputError, OpslagError
from publisher.models import InboundMail, Newsletter
from publisher.models.inbound import NOTHING_PERSONAL
from publisher.models.probe import Moment
from publisher.track.inbound.reading import ReadMail, read
from publisher.transports import configured_transport
from publisher.vocabulary import InboundStatus

LEASE = timedelta(minutes=5)
# Minutes until the next try; after the last of them it goes on being tried, for a reply must not be lost.
BACK_OFF_MINUTES = (1, 5, 15, 60, 240)
MARK = "X-Opslag-Forwarded"
_HOPS = 25


def due(now: Moment) -> QuerySet[InboundMail]:
    """Replies that wait to be forwarded and that nobody is forwarding."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return InboundMail.objects.filter(free, status=InboundStatus.FORWARD, due_at__lte=now)


def due_forwards(now: datetime) -> list[int]:
    """Replies that should be forwarded now."""
    if settings.OPSLAG_NEVER_SEND:
        return []
    return list(due(now).order_by("due_at").values_list("pk", flat=True)[:20])


def has_gone_round(mail: ReadMail, newsletter: Newsletter) -> bool:
    """Whether it has been here before, or would come straight back (RFC 5321 §6.3, RFC 3834 §4)."""
    received = mail.start[:65536].lower().count(b"\nreceived:")
    office = newsletter.reply_to
    comes_back = delivery_of_address(office) is not None or is_unsubscribe_mailbox(office)
    return MARK.lower() in mail.fields or received > _HOPS or comes_back


def forward(mail_id: int) -> bool:
    """Send one reply on to its newsletter's office; false if another worker has it or it must be tried again.

    Unlike a newsletter, it is sent again when nobody knows whether it arrived: the office rather gets it twice.
    """
    claim_id, now = uuid.uuid4(), timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    won = InboundMail.objects.filter(free, pk=mail_id, status=InboundStatus.FORWARD, due_at__lte=now).update(
        claim_id=claim_id, lease_until=now + LEASE
    )
    if not won:
        return False
    mail = InboundMail.objects.select_related("newsletter__organisation").get(pk=mail_id)
    try:
        _send(mail)
    except OpslagError as error:
        _later(mail, error)
        return False
    InboundMail.objects.filter(pk=mail.pk, claim_id=claim_id).update(
        status=InboundStatus.DONE, settled_at=timezone.now(), lease_until=None, last_error={}, **NOTHING_PERSONAL
    )
    return True


def _send(mail: InboundMail) -> None:
    if mail.newsletter is None:
        raise InputError(gettext_noop("Its newsletter is gone; nobody knows where to send it."))
    content = compose(mail, mail.newsletter).as_bytes()
    recipient = wire_address(mail.newsletter.reply_to)
    connection = configured_transport().connect()
    try:
        # The null sender: nothing may ever answer this by itself (RFC 5321 §4.5.5).
        connection.send("", recipient, content)
    finally:
        connection.close()


def _later(mail: InboundMail, error: OpslagError) -> None:
    pause = timedelta(minutes=BACK_OFF_MINUTES[min(mail.attempts, len(BACK_OFF_MINUTES) - 1)])
    InboundMail.objects.filter(pk=mail.pk, claim_id=mail.claim_id).update(
        attempts=mail.attempts + 1,
        due_at=timezone.now() + pause,
        lease_until=None,
        last_error=error.explanation.as_json(),
    )


def compose(mail: InboundMail, newsletter: Newsletter) -> EmailMessage:
    """The reply as our own mail, so that it passes the office's checks; answering it writes to the person.

    Its text stands in it, the whole of it is attached. Raises InputError for an address that no mail can have.
    """
    raw = bytes(mail.raw)
    content = read(raw)
    sender = content.sender()
    out = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    with translation.override(newsletter.organisation.language):
        name = one_line(content.fields.get("from", "").partition("<")[0].strip(' "'))[:60] or sender
        via = _("%(name)s via %(newsletter)s") % {"name": name, "newsletter": newsletter.name}
        out["From"] = _address(via, newsletter.sender_email)
        out["To"] = _address("", newsletter.reply_to)
        if (answer_to := _usable(sender)) is not None:
            out["Reply-To"] = answer_to
        out["Subject"] = one_line(content.subject)[:200] or _("Reply to %(newsletter)s") % {
            "newsletter": newsletter.name
        }
        words = _("%(sender)s answered %(newsletter)s. If you answer this mail, it goes to them.")
        intro = words % {"sender": sender or name, "newsletter": newsletter.name}
    out["Date"] = format_datetime(mail.received_at)
    out["Message-ID"] = f"<r{mail.pk}.{mail.digest[:16]}@{settings.OPSLAG_MAIL_DOMAIN}>"
    out["Auto-Submitted"] = "auto-generated"
    out[MARK] = "1"
    out.set_content(f"{intro}\n\n{content.text.strip()}\n", charset="utf-8", cte="quoted-printable")
    out.add_attachment(raw, maintype="application", subtype="octet-stream", filename="mail.eml")
    return out


def _address(name: str, address: str) -> Address:
    return Address(display_name=one_line(name), addr_spec=wire_address(address))


def _usable(address: str) -> Address | None:
    try:
        return _address("", address)
    except InputError:
        return None
