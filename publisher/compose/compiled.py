"""From a message to the mail on the wire: rendered and encoded once, then a join per recipient.

The compiled mail is a list of segments: bytes, ready for the wire, and slots (`to_header`, `delivery_id`, `token`,
`click`) between them, each for those who see it. An edition, the mail as one group of subscribers sees it, is those of
them that the group sees (`editions`). See `wire` for what holds for every byte of it.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email.utils import format_datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.encoding import punycode
from django.utils.translation import gettext_noop

from publisher.audience.aims import MOST_BITS, Aims, aim_of, aims_among
from publisher.compose.counted import CountedLinks
from publisher.compose.links import click_token, unsubscribe_url, view_url
from publisher.compose.newsletter import Part, html_parts, render_text, text_parts
from publisher.compose.past_events import left_out, refuse_if_about_past, shown_blocks
from publisher.compose.return_path import unsubscribe_mailbox
from publisher.compose.wire import (
    CRLF,
    SOFT_BREAK,
    Piece,
    Slot,
    mailbox,
    quoted_printable,
    split_at,
    unstructured,
    wire_address,
)
from publisher.errors import InputError, PermanentError
from publisher.models import CompiledMail, Message
from publisher.transports import message_headers
from publisher.transports.esps import DELIVERY_KEY
from publisher.vocabulary import HoldReason, Reason

TO, DELIVERY, TOKEN, CLICK = SLOTS = ("to_header", "delivery_id", "token", "click")
SENDER_ID = "opslag"
_NOT_IN_ADDRESS = frozenset(' "(),:;<>[\\]')
# Token and To header of nearly everybody, with a name and without: nothing in them needs a second look.
_TOKEN_AND, _ADDRESS = r"[A-Za-z0-9_-]{1,64} ", r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+"
_ORDINARY = re.compile(_TOKEN_AND + _ADDRESS)
_ORDINARY_NAMED = re.compile(rf"""{_TOKEN_AND}"[A-Za-z0-9.'-]+(?: [A-Za-z0-9.'-]+)*" <{_ADDRESS}>""")
_ORDINARY_LENGTH = 65
_SOFT_BREAK = SOFT_BREAK.encode("ascii")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
# A piece of the mail for those who have these bits (see audience.aims); 0 is everyone.
For = tuple[int, Piece]


class Recipient(NamedTuple):
    """Whom one mail is for; `token` is the subscription's, `name` may be empty.

    `consented`: they have said yes to our noting that they click.
    """

    delivery_id: int
    address: str
    name: str
    token: str
    consented: bool = False


class Segments(NamedTuple):
    """An edition ready for the hot path: its texts, and what puts texts and a recipient's values in their order.

    `one_by_one`: its links have a place for the click token of those who consented.
    """

    texts: tuple[bytes, ...]
    in_order: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    one_by_one: bool = False


def compile_message(message: Message) -> CompiledMail:
    """Make the mail of an e-mail message: its pieces, and the neutral copy to view in a browser.

    Repeating it gives the same bytes. Events that ended while it waited are left out. Raises InputError or
    PermanentError (`event_over` for a mail about such an event), in words for staff.
    """
    blocks = list(message.blocks.prefetch_related("areas", "topics").order_by("position", "pk"))
    refuse_if_about_past(message, blocks)
    without = [block.pk for block in left_out(message, blocks)]
    aims = aims_among([(block.kind, aim_of(block)) for block in shown_blocks(message, blocks)])
    check_bits(aims)
    # As long as a token, and nobody can guess it: content that holds the word does not become a place for a token.
    marker = secrets.token_hex(11)
    links = CountedLinks(message)
    markers = {marker: Slot(TOKEN), links.marker: Slot(CLICK, optional=True)}
    places = {"unsubscribe_url": unsubscribe_url(marker), "view_url": view_url(message)}
    text = _encoded(text_parts(message, places=places, leading=links.leading), markers, aims)
    html = _encoded(html_parts(message, places=places, leading=links.leading), markers, aims)
    segments = list(_merged([*((0, each) for each in _headers(message)), *_alternatives(message, text, html)]))
    page = html_parts(message, places={})
    message.composed_html = "".join(part.content for part in page)
    message.composed_text = render_text(message, places={})
    made = {
        "segments": segments,
        "aims": aims.as_json(),
        "left_out": without,
        "page_parts": [[sorted(part.aim.areas), sorted(part.aim.topics), len(part.content)] for part in page],
    }
    with transaction.atomic():
        message.save(update_fields=["composed_html", "composed_text"])
        links.keep()
        compiled, _created = CompiledMail.objects.update_or_create(message=message, defaults=made)
    return compiled


def check_bits(aims: Aims) -> None:
    """Refuse a mail aimed at more different choices than a delivery can tell apart. Raises InputError."""
    if aims.bits > MOST_BITS:
        raise InputError(
            gettext_noop(
                "The stories are shown to %(number)s different choices of areas and topics; %(limit)s is the most. "
                "Show some of them to everyone, or to the same choices."
            ),
            reason=HoldReason.CANNOT_COMPOSE,
            number=aims.bits,
            limit=MOST_BITS,
        )


def _encoded(parts: list[Part], markers: Mapping[str, Slot], aims: Aims) -> list[For]:
    """A body's parts, each encoded once, so that any of the blocks may be left out."""
    *before, last = [(aims.needs(part.aim), split_at(part.content, markers)) for part in parts]
    encoded = [(needs, quoted_printable(pieces, ends=False)) for needs, pieces in before]
    return [(needs, piece) for needs, pieces in [*encoded, (0, quoted_printable(last[1]))] for piece in pieces]


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


def _alternatives(message: Message, text: list[For], html: list[For]) -> list[For]:
    """The body: plain text first, HTML last (RFC 2046 §5.1.4). Quoted-printable never holds “=_”, the boundary does."""
    boundary = f"=_opslag_{message.public_id.hex}"
    head = f'MIME-Version: 1.0{CRLF}Content-Type: multipart/alternative; boundary="{boundary}"{CRLF}{CRLF}'
    parts: list[For] = [(0, head)]
    for kind, content in (("plain", text), ("html", html)):
        parts += [
            (0, f"--{boundary}{CRLF}Content-Type: text/{kind}; charset=utf-8{CRLF}"),
            (0, f"Content-Transfer-Encoding: quoted-printable{CRLF}{CRLF}"),
            *content,
        ]
    return [*parts, (0, f"--{boundary}--{CRLF}")]


def _merged(pieces: Iterable[For]) -> Iterator[Sequence[str | int]]:
    """The segments as they are stored: neighbouring texts for the same people joined, as bytes."""
    current = 0
    for needs, each in groupby(pieces, key=itemgetter(0)):
        if needs != current:
            yield ["for", needs]
            current = needs
        for is_slot, run in groupby((piece for _, piece in each), key=lambda piece: isinstance(piece, Slot)):
            if is_slot:
                yield from (["slot", slot.name] for slot in run if isinstance(slot, Slot))
            else:
                yield ["bytes", b64encode("".join(map(str, run)).encode("ascii")).decode("ascii")]


def personalise(segments: Segments, recipient: Recipient) -> bytes:
    """The complete mail for one recipient: CRLF lines, not dot-stuffed (and with no line that begins with a dot).

    Raises PermanentError for an address or token that no mail may hold.
    """
    number, address, name, token, consented = recipient
    to, ordinary = (f'"{name}" <{address}>', _ORDINARY_NAMED) if name else (address, _ORDINARY)
    if not ordinary.fullmatch(f"{token} {to}") or len(to) > _ORDINARY_LENGTH:
        _check_token(token)
        to = _to_header(address, name)
    click = b"/%s%s" % (click_token(number), _SOFT_BREAK) if consented and segments.one_by_one else b""
    values = to.encode("ascii"), b"%d" % number, token.encode("ascii"), click
    return b"".join(segments.in_order(segments.texts + values))


def _check_token(token: str) -> None:
    if not _TOKEN.fullmatch(token):
        raise PermanentError(
            gettext_noop("The unsubscribe link is damaged; the mail was not sent."), reason=Reason.REJECTED
        )


def _to_header(address: str, name: str) -> str:
    plain = address.isascii() and address.isprintable() and address.count("@") == 1
    if not plain or not _NOT_IN_ADDRESS.isdisjoint(address):
        raise PermanentError(
            gettext_noop("This is not an address a mail server understands; correct it."), reason=Reason.REFUSED
        )
    return mailbox(name, address) if name else address
