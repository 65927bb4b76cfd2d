"""A newsletter that has gone out to three people, and the mailbox to which its mails come back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.audience.addresses import address_key
from publisher.compose.return_path import return_addresses
from publisher.models import Delivery, Message, Newsletter, Subscriber
from publisher.models.counting import move_counts
from tests.audience_factory import own_newsletter, ready_mail, residents
from tests.imap_server import ImapServer, imap_server


@pytest.fixture
def mailbox(settings: pytest.FixtureRequest) -> Iterator[ImapServer]:
    """An IMAP server that the settings lead to."""
    with imap_server() as server:
        settings.OPSLAG_INBOUND_IMAP_URL = server.url
        settings.OPSLAG_BOUNCE_ADDRESS = "bounce+{token}@nyt.example.org"
        yield server


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    return own_newsletter("Kulturnyt")


@pytest.fixture
def mail(newsletter: Newsletter) -> Message:
    """A mail that three people got an hour ago."""
    residents(newsletter, 3)
    for person in Subscriber.objects.all():
        Subscriber.objects.filter(pk=person.pk).update(address_key=address_key(person.address))
    message = ready_mail(newsletter)
    at = timezone.now() - timedelta(hours=1)
    Delivery.objects.filter(message=message).update(status="sent", first_started_at=at, sent_at=at, attempts=1)
    Message.objects.filter(pk=message.pk).update(started_at=at)
    move_counts(message.pk, 1, {"pending": -3, "sent": 3})
    return message


@pytest.fixture
def delivery(mail: Message) -> Delivery:
    """The one to whoever writes and bounces below; the freeze numbers them as the database pleases."""
    found = Delivery.objects.select_related("subscriber", "subscription")
    return found.get(message=mail, subscriber__address="beboer0@example.org")


def return_path(delivery: Delivery) -> str:
    """The signed address to which it comes back."""
    return return_addresses([delivery.pk])[delivery.pk]


def written(to: str, subject: str = "Sv: Kulturnyt", body: str = "Tak for det!", **headers: str) -> bytes:
    """A mail that somebody wrote."""
    lines = {
        "From": "Åse <beboer0@example.org>",
        "To": to,
        "Subject": subject,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "\n".join(f"{name}: {value}" for name, value in lines.items())
    return f"{head}\n\n{body}\n".encode()


def bounced(to: str, status: str = "5.1.1", text: str = "smtp; 550 5.1.1 user unknown", about: str = "") -> bytes:
    """A delivery status notification as Postfix writes it."""
    return f"""From: MAILER-DAEMON@mx.example.org
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="xx"

--xx
Content-Type: text/plain

Sorry.
--xx
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; beboer0@example.org
Action: failed
Status: {status}
Diagnostic-Code: {text}

--xx
Content-Type: text/rfc822-headers

Subject: Kulturnyt
{about}
--xx--
""".encode()
