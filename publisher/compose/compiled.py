"""From a message to the mail on the wire: compiled once, then a join per recipient.

An edition is a list of segments: bytes, ready for the wire, and slots (`to_header`, `delivery_id`, `token`) between
them. See `wire` for what holds for every byte of it.
"""

from __future__ import annotations

import secrets
import string
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.encoding import punycode
from django.utils.translation import gettext_noop

from publisher.compose.links import unsubscribe_url, view_url
from publisher.compose.newsletter import render_html, render_text
from publisher.compose.return_path import unsubscribe_mailbox
from publisher.compose.wire import (
    CRLF,
    Piece,
    Slot,
    mailbox,
    quoted_printable,
    split_at,
    unstructured,
    wire_address,
)
from publisher.errors import PermanentError
from publisher.models import Edition, Message
from publisher.transports import message_headers
from publisher.transports.esps import DELIVERY_KEY
from publisher.vocabulary import Reason

EVERYONE = "all"
TO, DELIVERY, TOKEN = "to_header", "delivery_id", "token"
SENDER_ID = "opslag"
_NOT_IN_ADDRESS = frozenset(' "(),:;<>[\\]')
_IN_TOKEN = frozenset(string.ascii_letters + string.digits + "-_")
_LONGEST_TOKEN = 64


class Recipient(NamedTuple):
    """Whom one mail is for; `token` is the subscription's, `name` may be empty."""

    delivery_id: int
    address: str
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Segments:
    """An edition ready for the hot path: its pieces, empty where a slot is, and which slot is where."""

    pieces: tuple[bytes, ...]
    slots: tuple[tuple[int, str], ...]


def compile_message(message: Message) -> Edition:
    """Make the mail of an e-mail message: its edition for everyone, and the neutral copy to view in a browser.

    Repeating it gives the same bytes. Raises InputError or PermanentError, in words for staff.
    """
    # As long as a token, and nobody can guess it: content that holds the word does not become a place for a token.
    marker = secrets.token_hex(11)
    places = {"unsubscribe_url": unsubscribe_url(marker), "view_url": view_url(message)}
    text = quoted_printable(split_at(render_text(message, places=places), {marker: TOKEN}))
    html = quoted_printable(split_at(render_html(message, places=places), {marker: TOKEN}))
    segments = _merged([*_headers(message), *_alternatives(message, text, html)])
    size = sum(len(segment) for segment in segments if isinstance(segment, bytes))
    message.composed_html = render_html(message, places={})
    message.composed_text = render_text(message, places={})
    with transaction.atomic():
        message.save(update_fields=["composed_html", "composed_text"])
        edition, _created = Edition.objects.update_or_create(
            message=message,
            key=EVERYONE,
            defaults={"language": message.language, "segments": [_stored(each) for each in segments], "size": size},
        )
    return edition


def _headers(message: Message) -> list[Piece]:
    """The header lines: facts on e-mail §1.1 and §1.3 (RFC 5322, 2919, 8058; Feedback-ID is Gmail's)."""
    newsletter = message.newsletter
    if newsletter is None:
        raise PermanentError(gettext_noop("Only a newsletter's mail can be compiled."), reason=Reason.REJECTED)
    organisation = newsletter.organisation
    domain = punycode(settings.OPSLAG_MAIL_DOMAIN)
    at = timezone.localtime(message.scheduled_at or timezone.now(), ZoneInfo(organisation.timezone))
    stream = f"c{message.campaign_id}:{newsletter.slug}:{organisation.slug}:{SENDER_ID}"
    return [
        f"From: {mailbox(newsletter.sender_name, wire_address(newsletter.sender_email))}{CRLF}",
        f"Reply-To: {mailbox('', wire_address(newsletter.reply_to))}{CRLF}",
        *("To: ", Slot(TO), CRLF),
        unstructured("Subject", message.subject),
        f"Date: {format_datetime(at)}{CRLF}",
        *("Message-ID: <d", Slot(DELIVERY), f".{message.public_id.hex}@{domain}>{CRLF}"),
        f"List-Id: {mailbox(newsletter.name, f'{newsletter.slug}.{domain}')}{CRLF}",
        *(f"List-Unsubscribe: <{unsubscribe_url('')}", Slot(TOKEN), *_unsubscribe_by_mail(), f">{CRLF}"),
        f"List-Unsubscribe-Post: List-Unsubscribe=One-Click{CRLF}",
        f"Feedback-ID: {stream}{CRLF}",
        f"Precedence: bulk{CRLF}",
        f"Content-Language: {message.language}{CRLF}",
        *_headers_of_transport(key=["d", Slot(DELIVERY), f".{message.public_id.hex}"]),
    ]


def _headers_of_transport(key: list[Piece]) -> list[Piece]:
    """What an e-mail service behind the mail server wants; `key` is the delivery's, as its Message-ID begins."""
    pieces: list[Piece] = []
    for name, value in message_headers(bulk=True):
        first, *others = value.split(DELIVERY_KEY)
        pieces += [f"{name}: {first}", *(piece for rest in others for piece in (*key, rest)), CRLF]
    return pieces


def _unsubscribe_by_mail() -> list[Piece]:
    """The second way out of RFC 2369, where somebody reads such mails. The token stands in the subject: mail servers
    put the part before the @ into lower case."""
    address = quote(unsubscribe_mailbox(), safe="@+")
    return [f">,{CRLF} <mailto:{address}?subject=unsubscribe%20", Slot(TOKEN)] if address else []


def _alternatives(message: Message, text: list[Piece], html: list[Piece]) -> list[Piece]:
    """The body: plain text first, HTML last (RFC 2046 §5.1.4). Quoted-printable never holds “=_”, the boundary does."""
    boundary = f"=_opslag_{message.public_id.hex}"
    parts: list[Piece] = []
    for kind, content in (("plain", text), ("html", html)):
        parts += [
            f"--{boundary}{CRLF}Content-Type: text/{kind}; charset=utf-8{CRLF}",
            f"Content-Transfer-Encoding: quoted-printable{CRLF}{CRLF}",
            *content,
        ]
    head = f'MIME-Version: 1.0{CRLF}Content-Type: multipart/alternative; boundary="{boundary}"{CRLF}{CRLF}'
    return [head, *parts, f"--{boundary}--{CRLF}"]


def _merged(pieces: Iterable[Piece]) -> list[bytes | Slot]:
    """The pieces with neighbouring texts joined, as bytes."""
    merged: list[bytes | Slot] = []
    texts: list[str] = []
    for piece in [*pieces, None]:
        if isinstance(piece, str):
            texts.append(piece)
            continue
        merged.append("".join(texts).encode("ascii"))
        texts.clear()
        if piece is not None:
            merged.append(piece)
    return merged


def _stored(segment: bytes | Slot) -> list[str]:
    if isinstance(segment, Slot):
        return ["slot", segment.name]
    return ["bytes", b64encode(segment).decode()]


def load_segments(edition: Edition) -> Segments:
    """Read an edition for the hot path; do it once for many recipients."""
    pieces = tuple(b64decode(value) if kind == "bytes" else b"" for kind, value in edition.segments)
    slots = tuple((at, value) for at, (kind, value) in enumerate(edition.segments) if kind == "slot")
    return Segments(pieces, slots)


def personalise(segments: Segments, recipient: Recipient) -> bytes:
    """The complete mail for one recipient, CRLF lines, not dot-stuffed (and with no line that begins with a dot).

    Raises PermanentError for an address or token that no mail may hold.
    """
    token = recipient.token
    if not 0 < len(token) <= _LONGEST_TOKEN or not _IN_TOKEN.issuperset(token):
        raise PermanentError(
            gettext_noop("The unsubscribe link is damaged; the mail was not sent."), reason=Reason.REJECTED
        )
    values = {
        TO: _to_header(recipient.address, recipient.name),
        DELIVERY: b"%d" % recipient.delivery_id,
        TOKEN: token.encode("ascii"),
    }
    pieces = list(segments.pieces)
    for at, slot in segments.slots:
        pieces[at] = values[slot]
    return b"".join(pieces)


def _to_header(address: str, name: str) -> bytes:
    plain = address.isascii() and address.isprintable() and address.count("@") == 1
    if not plain or not _NOT_IN_ADDRESS.isdisjoint(address):
        raise PermanentError(
            gettext_noop("This is not an address a mail server understands; correct it."), reason=Reason.REFUSED
        )
    return (mailbox(name, address) if name else address).encode("ascii")
