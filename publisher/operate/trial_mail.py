"""A mail as newsletters are, to a colleague: what arrives shows what relay and service make of it."""

from __future__ import annotations

import uuid
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from django.conf import settings
from django.utils import timezone
from django.utils.encoding import punycode
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.compose.links import unsubscribe_url
from publisher.compose.wire import wire_address
from publisher.errors import InputError
from publisher.models import Newsletter
from publisher.transports import configured_transport, message_headers
from publisher.transports.esps import DELIVERY_KEY

# A long address in a header must stay whole, as it does in newsletters.
_UNFOLDED = SMTP.clone(cte_type="7bit", max_line_length=900)
# Tells `received` that every link in the mail leads to ourselves.
TEST_KEY = "test-"


def send_test_mail(recipient: str) -> str:
    """Send it; answers from whom. Raises InputError, or what the transport raises."""
    if settings.OPSLAG_NEVER_SEND:
        raise InputError(
            gettext_noop("OPSLAG_NEVER_SEND is on: nothing leaves. Take it away where mail should go out.")
        )
    to, sender, name = wire_address(recipient), *_sender()
    connection = configured_transport().connect()
    try:
        connection.send(sender, to, _mail(to, sender, name).as_bytes(policy=_UNFOLDED))
    finally:
        connection.close()
    return sender


def _sender() -> tuple[str, str]:
    """The first newsletter's sender, since its domain is the one that matters."""
    newsletter = Newsletter.objects.order_by("pk").first()
    if newsletter is None:
        return wire_address(f"opslag@{settings.OPSLAG_MAIL_DOMAIN}"), "Opslag"
    return wire_address(newsletter.sender_email), newsletter.sender_name


def _mail(to: str, sender: str, name: str) -> EmailMessage:
    key = f"{TEST_KEY}{uuid.uuid4().hex}"
    domain = punycode(settings.OPSLAG_MAIL_DOMAIN)
    leave = unsubscribe_url(key)
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = formataddr((name, sender))
    mail["To"] = to
    mail["Subject"] = _("Opslag: a test mail")
    mail["Date"] = format_datetime(timezone.now())
    mail["Message-ID"] = f"<{key}@{domain}>"
    mail["List-Id"] = f"<test.{domain}>"
    mail["List-Unsubscribe"] = f"<{leave}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Precedence"] = "bulk"
    for header, value in message_headers(bulk=True):
        mail[header] = value.replace(DELIVERY_KEY, key)
    words = _("This is a test. It has the headers and a link as newsletters have them; nobody is subscribed by it.")
    mail.set_content(f"{words}\n\n{leave}\n", charset="utf-8", cte="quoted-printable")
    html = format_html('<html><body><p>{}</p><p><a href="{}">{}</a></p></body></html>\n', words, leave, leave)
    mail.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    return mail
