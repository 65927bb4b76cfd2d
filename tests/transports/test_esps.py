"""What the e-mail services want of mail by SMTP: in newsletters, in notices, and in the address of their server."""

from __future__ import annotations

import email
import json
from email.policy import default
from typing import Any

import pytest
from django.utils import timezone

from publisher.compose.compiled import Recipient, compile_message, personalise
from publisher.compose.editions import EVERYTHING, edition, load
from publisher.deliver.notice import compose
from publisher.errors import AccountError
from publisher.models import Notice, Organisation
from publisher.transports import message_headers
from publisher.transports.esps import ESPS, Tracking
from publisher.transports.smtp import SmtpTransport
from publisher.vocabulary import NoticeKind
from tests.audience_factory import mail, own_newsletter

pytestmark = pytest.mark.database


def newsletter_mail(settings: Any, name: str) -> tuple[email.message.EmailMessage, str]:
    """A newsletter as it leaves for one person, and its delivery's key."""
    settings.OPSLAG_TRANSPORT, settings.OPSLAG_ESP = "smtp", name
    message = mail(own_newsletter("Kulturnyt"))
    segments = edition(load(compile_message(message)), EVERYTHING)
    content = personalise(segments, Recipient(17, "anna@example.org", "Anna", "abc"))
    assert max(map(len, content.split(b"\r\n"))) < 998
    read = email.message_from_bytes(content, _class=email.message.EmailMessage, policy=default)
    return read, f"d17.{message.public_id.hex}"


def test_every_service_is_described_whole() -> None:
    for esp in ESPS.values():
        assert esp.backend or esp.host, "one way or the other"
        assert bool(esp.backend) == bool(esp.key_parts)
        assert esp.label and isinstance(esp.tracking, Tracking)


@pytest.mark.parametrize("name", [name for name, esp in ESPS.items() if esp.view])
def test_a_newsletter_carries_its_key_where_webhooks_bring_it_back(settings: Any, db: None, name: str) -> None:
    read, key = newsletter_mail(settings, name)
    assert read["Message-ID"] == f"<{key}@opslag.test>"
    carried = [str(read[header]) for header, _value in message_headers(bulk=True)]
    assert [value for value in carried if key in value], "the key travels"
    for value in carried:
        if value.startswith("{"):
            assert key in json.dumps(json.loads(value)), "what looks like JSON is JSON"


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("mailgun", {"X-Mailgun-Track-Opens": "no", "X-Mailgun-Track-Clicks": "no"}),
        ("mailjet", {"X-Mailjet-TrackOpen": "0", "X-Mailjet-TrackClick": "0"}),
        ("postmark", {"X-PM-TrackOpens": "false", "X-PM-TrackLinks": "None", "X-PM-Message-Stream": "broadcast"}),
        ("postal", {"X-AMP": "skip"}),
    ],
)
def test_each_mail_switches_tracking_off(settings: Any, db: None, name: str, headers: dict[str, str]) -> None:
    read, _key = newsletter_mail(settings, name)
    assert {header: str(read[header]) for header in headers} == headers


def test_sparkpost_takes_it_all_in_one_header(settings: Any, db: None) -> None:
    read, key = newsletter_mail(settings, "sparkpost")
    assert json.loads(str(read["X-MSYS-API"])) == {
        "options": {"open_tracking": False, "click_tracking": False},
        "metadata": {"delivery": key},
    }


def test_without_a_service_there_is_nothing_more(settings: Any, db: None) -> None:
    settings.OPSLAG_ESP = ""
    assert message_headers(bulk=True) == ()
    settings.OPSLAG_TRANSPORT, settings.OPSLAG_ESP = "esp", "mailjet"
    assert message_headers(bulk=True) == (), "the API is told in each call"
    settings.OPSLAG_TRANSPORT = "pigeon"
    assert message_headers(bulk=True) == ()


def test_notices_are_not_counted_either(settings: Any, secretariat: Organisation) -> None:
    settings.OPSLAG_TRANSPORT, settings.OPSLAG_ESP = "smtp", "postmark"
    notice = Notice(pk=5, organisation=secretariat, kind=NoticeKind.ALERT, address="anna@example.org")
    notice.created_at = timezone.now()
    read = compose(notice)
    assert read["X-PM-TrackLinks"] == "None" and read["X-PM-Metadata-delivery"] == "n5"
    assert read["X-PM-Message-Stream"] == "outbound"


@pytest.mark.parametrize(
    ("name", "url", "host", "port", "user"),
    [
        ("brevo", "smtp://anna%40x.dk:pw@", "smtp-relay.brevo.com", 587, "anna@x.dk"),
        ("resend", "smtp://:pw@", "smtp.resend.com", 587, "resend"),
        ("sparkpost", "smtps://:pw@", "smtp.eu.sparkpostmail.com", 465, "SMTP_Injection"),
        ("mailtrap", "smtp://api2:pw@live.smtp.mailtrap.io:2525", "live.smtp.mailtrap.io", 2525, "api2"),
        ("mailtrap", "smtp+plain://127.0.0.1:1025", "127.0.0.1", 1025, ""),
    ],
)
def test_what_the_address_leaves_out_is_the_services(
    settings: Any, name: str, url: str, host: str, port: int, user: str
) -> None:
    settings.OPSLAG_ESP, settings.OPSLAG_SMTP_URL = name, url
    address = SmtpTransport().address
    assert (address.host, address.port, address.user) == (host, port, user)


def test_a_service_that_nobody_knows_is_refused_before_anything_leaves(settings: Any) -> None:
    settings.OPSLAG_ESP = "pigeon"
    with pytest.raises(AccountError, match="brevo"):
        SmtpTransport()
    settings.OPSLAG_ESP, settings.OPSLAG_SMTP_URL = "postal", "smtp://u:p@"
    with pytest.raises(AccountError, match="OPSLAG_SMTP_URL"):
        SmtpTransport()
