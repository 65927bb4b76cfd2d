"""Reading a mail that anybody may have written: never fails, never takes long, looks only at the beginning."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from html import unescape

# Reports stand in front of the mail they are about; deeper and longer than this nobody writes who wants to be read.
PARSED_BYTES = 128 * 1024
_LINE_BYTES = 4096
TEXT_LENGTH = 20_000
_PARTS = 60
_BLOCKS = 20
# Each open multipart is looked at for each line: in mails with many boundaries, few lines are read.
_BOUNDARIES = 30
_HOSTILE_BYTES = 16 * 1024
# Headers in which mail servers write for whom a mail came in, the surest first.
_FOR_WHOM = ("x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "x-rcpt-to", "to", "cc")

Fields = dict[str, str]


@dataclass(frozen=True)
class ReadMail:
    """What of a mail is looked at. `fields` are its headers by lower-case name, the first of each; `texts` its parts
    for people; `status` the blocks of a delivery status (RFC 3464), `feedback` the fields of a complaint (RFC 5965),
    `about` the headers of the mail it is about. `kinds` are the content types that occur. `start` is where all this was
    read from."""

    fields: Fields
    texts: list[str]
    start: bytes
    kinds: set[str] = field(default_factory=set)
    status: list[Fields] = field(default_factory=list)
    feedback: Fields = field(default_factory=dict)
    about: Fields = field(default_factory=dict)
    parsed: Message | None = None

    @property
    def text(self) -> str:
        """The first text."""
        return self.texts[0] if self.texts else ""

    @property
    def subject(self) -> str:
        """Its subject, decoded."""
        return self.fields.get("subject", "")

    def recipients(self) -> list[str]:
        """The addresses for which it came in, the surest first."""
        values = [self.fields[name] for name in _FOR_WHOM if name in self.fields]
        return [address for _name, address in getaddresses(values[:10])[:50] if "@" in address]

    def sender(self) -> str:
        """The address it says it is from; "" if it says none."""
        found = getaddresses([self.fields.get("reply-to") or self.fields.get("from", "")])
        return next((address for _name, address in found if "@" in address), "")[:320]


def read(raw: bytes) -> ReadMail:
    """Read the beginning of a mail; whatever is wrong with it, something comes out."""
    start = _harmless(raw)
    try:
        return _read(message_from_bytes(start), start)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError, IndexError, KeyError, AssertionError):
        # The library's parser meets what its writers did not foresee: then it is a text and nothing more.
        head, _blank, body = start.replace(b"\r\n", b"\n").partition(b"\n\n")
        return ReadMail(
            _fields_of_text(head.decode("latin-1")), [_storable(body.decode("utf-8", "replace"))[:TEXT_LENGTH]], start
        )


def _harmless(raw: bytes) -> bytes:
    start = raw[:PARSED_BYTES]
    if start.lower().count(b"boundary") > _BOUNDARIES:
        start = start[:_HOSTILE_BYTES]
    if any(len(line) > _LINE_BYTES for line in start.split(b"\n")):
        start = b"\n".join(line[:_LINE_BYTES] for line in start.split(b"\n"))
    return start


def _read(mail: Message, start: bytes) -> ReadMail:
    found = ReadMail(_fields(mail), [], start, parsed=mail)
    html: list[str] = []
    for part in _parts(mail):
        kind = part.get_content_type()
        found.kinds.add(kind)
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            found.status.extend(_status_blocks(part))
        elif kind == "message/feedback-report":
            found.feedback.update(_merged(_status_blocks(part)))
        elif kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"):
            found.about.update(_about(part))
        elif kind == "text/plain" or part.get_content_maintype() == "multipart":
            # A multipart that does not say where its parts end is a text.
            found.texts.append(_text(part))
        elif kind == "text/html":
            html.append(_without_tags(_text(part)))
    if not any(text.strip() for text in found.texts):
        found.texts[:] = html
    return found


def _parts(mail: Message) -> Iterator[Message]:
    """Its parts, not those of the mail that it is about."""
    waiting, seen = [mail], 0
    while waiting and seen < _PARTS:
        part = waiting.pop(0)
        seen += 1
        content = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(content, list):
            waiting[:0] = [inner for inner in content[:_PARTS] if isinstance(inner, Message)]
        else:
            yield part


def _status_blocks(part: Message) -> list[Fields]:
    content = part.get_payload()
    if isinstance(content, list):
        blocks = [_fields(block) for block in content[:_BLOCKS] if isinstance(block, Message)]
        if any(block for block in blocks):
            return [block for block in blocks if block]
        # Encoded, which the standard forbids and some do.
        whole = Message()
        whole["Content-Transfer-Encoding"] = part.get("Content-Transfer-Encoding", "7bit")
        whole.set_payload("".join(str(block.get_payload()) for block in content if isinstance(block, Message)))
        part = whole
    text = _text(part).replace("\r\n", "\n")
    return [found for block in text.split("\n\n")[:_BLOCKS] if (found := _fields_of_text(block))]


def _about(part: Message) -> Fields:
    content = part.get_payload()
    if isinstance(content, list) and content and isinstance(content[0], Message):
        return _fields(content[0])
    return _fields_of_text(_text(part).replace("\r\n", "\n").partition("\n\n")[0])


def _fields(mail: Message) -> Fields:
    found: Fields = {}
    # As they came: `items` puts a question mark in the place of each letter that is no ASCII and not encoded.
    for name, value in list(mail.raw_items())[:200]:
        found.setdefault(name.lower(), decoded(value))
    return found


def _fields_of_text(text: str) -> Fields:
    found: Fields = {}
    for line in re.sub(r"\n[ \t]+", " ", text).split("\n")[:200]:
        name, colon, value = line.partition(":")
        if colon and name and " " not in name.strip():
            found.setdefault(name.strip().lower(), decoded(value.strip()))
    return found


def _merged(blocks: list[Fields]) -> Fields:
    return {name: value for block in reversed(blocks) for name, value in block.items()}


def decoded(value: object) -> str:
    """A header's value as text of one line, whatever stands in it."""
    raw = str(value)[:_LINE_BYTES]
    text = raw
    if "=?" in raw:
        with contextlib.suppress(HeaderParseError, ValueError, LookupError, TypeError):
            text = "".join(_word(word, charset) for word, charset in decode_header(raw))
    # Bytes that are no ASCII come as surrogates.
    with contextlib.suppress(UnicodeEncodeError):
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(_storable(text).split())


def _word(word: object, charset: str | None) -> str:
    if isinstance(word, bytes):
        return _decoded_bytes(word, charset or "ascii")
    return str(word)


def _text(part: Message) -> str:
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AttributeError, AssertionError):
        content = None
    if not isinstance(content, bytes):
        content = str(part.get_payload() or "").encode("utf-8", "surrogateescape")
    return _decoded_bytes(content[: 4 * TEXT_LENGTH], part.get_content_charset() or "utf-8")[:TEXT_LENGTH]


def _decoded_bytes(content: bytes, charset: str) -> str:
    """Read as it says; what was labelled wrongly as Danish servers label it, else with gaps."""
    for attempt in (charset, "utf-8"):
        with contextlib.suppress(LookupError, ValueError):
            return _storable(content.decode(attempt))
    return _storable(content.decode("cp1252", "replace"))


def _storable(text: str) -> str:
    """Without what PostgreSQL and UTF-8 do not take: NUL, and halves of surrogate pairs (some charsets yield them)."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def _without_tags(html: str) -> str:
    text = re.sub(r"(?is)<(style|script)\b.{0,20000}?</\1>", " ", html)
    return unescape(re.sub(r"<[^<>]{0,2000}>", " ", re.sub(r"(?i)<(?:br|/p|/div|/tr|/h\d)\b[^<>]{0,200}>", "\n", text)))
