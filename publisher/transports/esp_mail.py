"""A finished mail taken apart again, for services that want its parts in JSON instead of the mail itself."""

from __future__ import annotations

from email import message_from_bytes
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.transports.esps import KEY_NAME, Esp
from publisher.transports.smtp_replies import unusable_address

# What travels as a header; the rest has fields of its own in every service's API, or is the service's business.
_HEADERS = ("Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Auto-Submitted")


class EspMail(EmailMultiAlternatives):
    """A mail with django-anymail's own attributes; one recipient, never more. `key` is its delivery's."""

    key: str
    anymail_status: Any
    metadata: dict[str, str]
    tags: list[str]
    track_opens: bool
    track_clicks: bool
    esp_extra: dict[str, str]


def mail_of(content: bytes, recipient: str, esp: Esp) -> EspMail:
    """The mail for django-anymail: texts, headers, key, tracking off. Raises PermanentError if it is no mail of ours.

    It goes to `recipient` alone, whatever the headers say.
    """
    read = message_from_bytes(content, _class=EmailMessage, policy=default)
    headers = _headers(read, esp)
    mail = EspMail(
        subject=str(read["Subject"] or ""),
        body=_text(read, "plain", esp),
        from_email=next(iter(_addresses(read, "From")), ""),
        to=[_addressee(read, recipient)],
        reply_to=_addresses(read, "Reply-To"),
        headers=headers,
    )
    if read.get_body(("html",)) is not None:
        mail.attach_alternative(_text(read, "html", esp), "text/html")
    mail.key = str(read["Message-ID"] or "").strip().lstrip("<").partition("@")[0]
    _mark(mail, esp)
    if "List-Id" in read and esp.bulk_fields:
        mail.esp_extra = dict(esp.bulk_fields)
    return mail


def _mark(mail: EspMail, esp: Esp) -> None:
    if esp.tags_key:
        mail.tags = [mail.key]
    else:
        mail.metadata = {KEY_NAME: mail.key}
    if esp.sets_tracking:
        mail.track_opens = mail.track_clicks = False


def _headers(read: EmailMessage, esp: Esp) -> dict[str, str]:
    kept = {name: _one_line(str(read[name])) for name in _HEADERS if name in read and name.lower() not in esp.refused}
    if "List-Id" in kept:
        # Its name for people may be Danish, which not every service encodes; the part in brackets is what identifies.
        kept["List-Id"] = "<" + kept["List-Id"].rpartition("<")[2]
    return {**kept, **dict(esp.extra)}


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _addresses(read: EmailMessage, name: str) -> list[str]:
    """The addresses in a header, as django-anymail reads them: names in plain letters, quoted where they must be."""
    return [str(address) for address in read[name].addresses] if read[name] else []


def _addressee(read: EmailMessage, recipient: str) -> str:
    shown = read["To"].addresses if read["To"] else ()
    try:
        return str(Address(str(shown[0].display_name) if shown else "", addr_spec=recipient))
    except (ValueError, IndexError, HeaderParseError) as error:
        raise unusable_address() from error


def _text(read: EmailMessage, kind: str, esp: Esp) -> str:
    part = read.get_body((kind,))
    if part is None:
        if kind == "plain":
            raise PermanentError(
                gettext_noop("The mail has no text that an e-mail service could send."), reason="content_refused"
            )
        return ""
    text = str(part.get_content())
    if not esp.fills_in:
        return text
    # People's words must not act as the service's placeholders.
    return text.replace("{{", "&#123;{" if kind == "html" else "{ {")
