"""A mail as newsletters are, to a colleague: what arrives shows what relay and service make of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from django.conf import settings
from django.utils import timezone
from django.utils.encoding import punycode
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.compose.links import unsubscribe_url
from publisher.compose.return_path import PLACE
from publisher.compose.trial_key import new_trial_key
from publisher.compose.wire import wire_address
from publisher.errors import InputError
from publisher.models import Newsletter
from publisher.transports import configured_transport, message_headers
from publisher.transports.esps import DELIVERY_KEY
from publisher.transports.imap import MailboxAddress, OpenMailbox

# A long address in a header must stay whole, as it does in newsletters.
_UNFOLDED = SMTP.clone(cte_type="7bit", max_line_length=900)
_LOOK_EVERY_S = 3.0
# A mail that has come in is among the last so many.
_NEWEST, _MOST = 20, 100_000
# Services keep headers that they do not know; Message-ID some replace.
HEADER = "X-Opslag-Test"


@dataclass(frozen=True)
class Trial:
    """A test mail that is on its way: from whom, to whom, and the word in it that no other mail has."""

    sender: str
    recipient: str
    key: str


def links_of(key: str) -> list[str]:
    """Where the links of the test mail with this key lead: one to unsubscribe, which some services leave alone, and an
    ordinary one. There is no other link in it, and no picture."""
    return [unsubscribe_url(key), f"{settings.OPSLAG_BASE_URL}/"]


def own_mailbox() -> str:
    """An address that leads to the mailbox into which Opslag looks. Raises InputError if there is none."""
    if not (settings.OPSLAG_BOUNCE_ADDRESS and settings.OPSLAG_INBOUND_IMAP_URL):
        raise InputError(
            gettext_noop(
                "Say to which address: `opslag doctor --send-test you@example.org`. Without one the test mail goes to "
                "the mailbox of OPSLAG_INBOUND_IMAP_URL, which is not set."
            )
        )
    return str(settings.OPSLAG_BOUNCE_ADDRESS.replace(PLACE, "test"))


def send_test_mail(recipient: str) -> Trial:
    """Send it. Raises InputError, or what the transport raises."""
    if settings.OPSLAG_NEVER_SEND:
        raise InputError(
            gettext_noop("OPSLAG_NEVER_SEND is on: nothing leaves. Take it away where mail should go out.")
        )
    sender, name = _sender()
    trial = Trial(sender, wire_address(recipient), new_trial_key(timezone.now()))
    connection = configured_transport().connect()
    try:
        connection.send(sender, trial.recipient, _mail(trial, name).as_bytes(policy=_UNFOLDED))
    finally:
        connection.close()
    return trial


def wait_for(trial: Trial, seconds: float) -> bytes | None:
    """The test mail as it came into the mailbox; None if it does not in that time. It stays there: the mailbox's own
    worker leaves it alone for some minutes, then throws it away as a mail that no person wrote.

    Raises TransientError or AccountError.
    """
    over, seen = time.monotonic() + seconds, set[str]()
    while True:
        with OpenMailbox(MailboxAddress.from_settings()) as mailbox:
            for uid in mailbox.waiting(_MOST)[-_NEWEST:]:
                found = mailbox.fetch(uid) if uid not in seen else None
                seen.add(uid)
                if found is not None and trial.key.encode() in found.raw:
                    return found.raw
        if time.monotonic() > over:
            return None
        time.sleep(_LOOK_EVERY_S)


def _sender() -> tuple[str, str]:
    """The first newsletter's sender, since its domain is the one that matters."""
    newsletter = Newsletter.objects.order_by("pk").first()
    if newsletter is None:
        return wire_address(f"opslag@{settings.OPSLAG_MAIL_DOMAIN}"), "Opslag"
    return wire_address(newsletter.sender_email), newsletter.sender_name


def _mail(trial: Trial, name: str) -> EmailMessage:
    domain = punycode(settings.OPSLAG_MAIL_DOMAIN)
    links = links_of(trial.key)
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = formataddr((name, trial.sender))
    mail["To"] = trial.recipient
    mail["Subject"] = _("Opslag: a test mail")
    mail["Date"] = format_datetime(timezone.now())
    mail["Message-ID"] = f"<{trial.key}@{domain}>"
    mail[HEADER] = trial.key
    mail["List-Id"] = f"<test.{domain}>"
    mail["List-Unsubscribe"] = f"<{links[0]}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Precedence"] = "bulk"
    for header, value in message_headers(bulk=True):
        mail[header] = value.replace(DELIVERY_KEY, trial.key)
    words = _("This is a test. It has the headers and a link as newsletters have them; nobody is subscribed by it.")
    mail.set_content("\n\n".join([words, *links]) + "\n", charset="utf-8", cte="quoted-printable")
    rows = format_html_join("", '<p><a href="{}">{}</a></p>', ((link, link) for link in links))
    html = format_html("<html><body><p>{}</p>{}</body></html>\n", words, rows)
    mail.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    return mail
