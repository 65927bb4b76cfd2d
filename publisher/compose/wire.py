"""The wire form of a mail: quoted-printable lines, encoded header words, and places for the recipient's own values.

What leaves this module obeys RFC 5322, 2045 and 2047: CRLF only, lines of at most 76 characters in bodies. Two rules
more: no line begins with a dot, so that SMTP's dot-stuffing never changes it, and none with "From ", which mailbox
files would change (both would break signatures).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.encoding import punycode
from django.utils.translation import gettext_noop

from publisher.compose.values import one_line
from publisher.errors import InputError
from publisher.vocabulary import HoldReason

CRLF = "\r\n"
SOFT_BREAK = "=\r\n"
_LINE = 75
_HEADER_LINE = 78
# UTF-8 bytes in one encoded word: with its frame, in base64, behind “Subject: ” a line of at most 76 (RFC 2047 §2).
_WORD_BYTES = 39
_SAFE = [chr(code) if 32 <= code < 127 and code != 61 else f"={code:02X}" for code in range(256)]
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9.-]+")


@dataclass(frozen=True)
class Slot:
    """A place for one of the recipient's own values. One that is `optional` brings its own line, or nothing at all."""

    name: str
    optional: bool = False


Piece = str | Slot


def split_at(text: str, markers: Mapping[str, Slot]) -> list[Piece]:
    """The text cut at its markers; `markers` maps each marker to its slot."""
    found = re.split("(" + "|".join(map(re.escape, markers)) + ")", text) if markers else [text]
    return [markers.get(piece, piece) for piece in found if piece]


def quoted_printable(pieces: list[Piece], *, ends: bool = True) -> list[Piece]:
    """A body (UTF-8, lines end in \\n) as quoted-printable lines that end in CRLF; a slot has a line of its own.

    So a value is put in as it is: plain ASCII without “=”, at most 75 characters, not beginning with a dot; in an
    optional slot with SOFT_BREAK behind it, or nothing, so that no line is left empty where there is no value. A part
    of a body (`ends` false) ends at the start of a line, too, so that any other may follow. Source: RFC 2045 §6.7.
    """
    out: list[Piece] = []
    at_start, after_slot = True, False
    for piece in _ended(pieces) if ends else pieces:
        if isinstance(piece, Slot):
            out += [piece] if at_start else [SOFT_BREAK, piece]
            at_start, after_slot = piece.optional, not piece.optional
            continue
        if after_slot and not piece.startswith("\n"):
            out.append(SOFT_BREAK)
        *lines, rest = piece.split("\n")
        out += [_physical(line, ends=True) + CRLF for line in lines] + [_physical(rest, ends=False)]
        at_start, after_slot = not rest, False
    return out if at_start else [*out, SOFT_BREAK]


def _ended(pieces: list[Piece]) -> list[Piece]:
    """The pieces with a line end at their end."""
    last = pieces[-1] if pieces else ""
    if isinstance(last, Slot):
        return [*pieces, "\n"]
    return pieces if last.endswith("\n") else [*pieces[:-1], f"{last}\n"]


def _physical(line: str, *, ends: bool) -> str:
    """One line of text as lines of at most 76 characters with soft breaks between them.

    `ends` says that the line ends here, so that white space at its end must be encoded.
    """
    atoms = [_SAFE[byte] for byte in line.encode()]
    if ends and atoms and atoms[-1] == " ":
        atoms[-1] = "=20"
    rows: list[str] = []
    start = 0
    while start < len(atoms):
        if atoms[start] == "." or atoms[start : start + 5] == ["F", "r", "o", "m", " "]:
            atoms[start] = f"={ord(atoms[start]):02X}"
        end, width = start, 0
        while end < len(atoms) and width + len(atoms[end]) <= _LINE:
            width += len(atoms[end])
            end += 1
        rows.append("".join(atoms[start:end]))
        start = end
    return SOFT_BREAK.join(rows)


def encoded_words(text: str) -> str:
    """Text as RFC 2047 words in base64, one to a line, cut between characters."""
    whole = text.encode()
    if len(whole) <= _WORD_BYTES:
        return f"=?utf-8?b?{b64encode(whole).decode()}?="
    words, word = [], b""
    for character in text:
        encoded = character.encode()
        if len(word) + len(encoded) > _WORD_BYTES:
            words.append(word)
            word = b""
        word += encoded
    return f"{CRLF} ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in [*words, word])


def _is_plain(text: str, room: int) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= room and "=?" not in text


def unstructured(name: str, text: str) -> str:
    """A header line whose value is text for people, e.g. the subject. Decoded again it is exactly `one_line(text)`."""
    value = one_line(text)
    plain = _is_plain(value, _HEADER_LINE - len(name) - 2) and "  " not in value
    return f"{name}: {value if plain else encoded_words(value)}{CRLF}"


def mailbox(name: str, address: str) -> str:
    """A person or sender as `"Name" <address>`, the address alone without a name. `address` is ready for the wire."""
    shown = one_line(name)
    if not shown:
        return address
    if not _is_plain(shown, 60):
        return f"{encoded_words(shown)}{CRLF} <{address}>"
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    fold = CRLF if len(quoted) + len(address) > 60 else ""
    return f'"{quoted}"{fold} <{address}>'


def wire_address(address: str) -> str:
    """An address as a header may hold it: the domain in ASCII (IDNA). Raises InputError for any other."""
    local, _at, domain = address.strip().rpartition("@")
    try:
        ready = f"{local}@{punycode(domain)}"
    except UnicodeError:
        ready = ""
    if not _ADDRESS.fullmatch(ready):
        raise InputError(
            gettext_noop("“%(address)s” is not a mail address that can be used here. Correct it."),
            reason=HoldReason.CANNOT_COMPOSE,
            address=one_line(address),
        )
    return ready
