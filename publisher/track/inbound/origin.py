"""To what of ours a mail belongs: by its signed address, by what it quotes of our mail, by whom it was written to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from publisher.compose.return_path import delivery_of_address
from publisher.models import Delivery, Newsletter, Subscription
from publisher.track.events import delivery_of_message_id
from publisher.track.inbound.reading import ReadMail

_MESSAGE_ID = re.compile(r"<d\d{1,18}\.[0-9a-f]{32}@[^<>\s]{1,255}>", re.IGNORECASE)
_UNSUBSCRIBE_TOKEN = re.compile(rb"/u/([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])")


@dataclass(frozen=True)
class Origin:
    """What is known; `is_certain`: by our signature, or by a secret that only our mail to that person holds."""

    delivery_id: int | None = None
    is_certain: bool = False
    newsletter: Newsletter | None = None
    subscription: Subscription | None = None
    # Of the mail that it belongs to.
    subject: str = ""


def origin_of(mail: ReadMail) -> Origin:
    """Where a mail belongs. The report of a stranger may name any of our mails: then it is not certain."""
    delivery, is_certain = _signed(mail), True
    if delivery is None:
        delivery = _quoted(mail)
        is_certain = delivery is not None and _knows_the_secret(mail, delivery)
    if delivery is None:
        return Origin(newsletter=_newsletter_written_to(mail))
    message = delivery.message
    return Origin(delivery.pk, is_certain, message.newsletter, delivery.subscription, message.subject)


def _signed(mail: ReadMail) -> Delivery | None:
    # The original of a complaint carries it as its own Return-Path.
    addresses = [*mail.recipients(), *_values(mail, "return-path", "original-mail-from")]
    for address in addresses:
        number = delivery_of_address(address)
        if number is not None:
            return _delivery(number)
    return None


def _values(mail: ReadMail, *names: str) -> list[str]:
    return [fields[name] for fields in (mail.about, mail.feedback) for name in names if name in fields]


def _quoted(mail: ReadMail) -> Delivery | None:
    """By a Message-ID of ours: of the mail it is about, that it answers, or somewhere in its text."""
    named = [mail.fields.get(name, "") for name in ("in-reply-to", "references")]
    for text in (*_values(mail, "message-id"), *named, mail.start.decode("latin-1")):
        for found in _MESSAGE_ID.findall(text)[:5]:
            parsed = delivery_of_message_id(found)
            delivery = _delivery(parsed[0]) if parsed is not None else None
            if delivery is not None and parsed is not None and delivery.message.public_id == parsed[1]:
                return delivery
    return None


def _knows_the_secret(mail: ReadMail, delivery: Delivery) -> bool:
    """Whether it quotes the unsubscribe link of exactly this person's mail."""
    ours = delivery.subscription.token.encode() if delivery.subscription is not None else b""
    return bool(ours) and ours in _UNSUBSCRIBE_TOKEN.findall(mail.start)


def _delivery(number: int) -> Delivery | None:
    if number >= 2**63:
        return None
    deliveries = Delivery.objects.select_related("message__newsletter__organisation", "subscription")
    return deliveries.filter(pk=number).first()


def _newsletter_written_to(mail: ReadMail) -> Newsletter | None:
    """The newsletter whose sender it answers; the only one there is, if there is only one."""
    newsletters = Newsletter.objects.select_related("organisation")
    for address in mail.recipients():
        found = newsletters.filter(sender_email__iexact=address).order_by("pk").first()
        if found is not None:
            return found
    few = list(newsletters[:2])
    return few[0] if len(few) == 1 else None
