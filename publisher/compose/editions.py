"""Editions: the compiled mail as different groups of subscribers see it, put together without rendering anything.

A mail with nine areas and six topics may have thousands of editions. So the mail is held once, in pieces, and an
edition is a list of those that its readers see: it costs no copy, whatever the size of the mail.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

from publisher.audience.aims import Aim
from publisher.compose.compiled import Segments
from publisher.compose.newsletter import Part, html_parts
from publisher.models import CompiledMail, Message

# An edition is a list of some dozens of references: 1 kB.
_KEPT = 4096
# All bits: sees every block.
EVERYTHING = -1


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A compiled mail in memory: pieces of (the bits that it needs, its bytes, the name of its slot or "")."""

    pieces: tuple[tuple[int, bytes, str], ...]


def load(compiled: CompiledMail) -> Pieces:
    """Read a compiled mail for the hot path; do it once for many recipients."""
    return Pieces(tuple(_read(compiled)))


def _read(compiled: CompiledMail) -> Iterator[tuple[int, bytes, str]]:
    needs = 0
    for kind, value in compiled.segments:
        if kind == "for":
            needs = value
        elif kind == "slot":
            yield needs, b"", value
        else:
            yield needs, b64decode(value), ""


@lru_cache(maxsize=_KEPT)
def edition(mail: Pieces, choices: int) -> Segments:
    """The mail as everybody with these bits sees it (see `audience.aims`). May be called by any thread."""
    seen = [piece for piece in mail.pieces if piece[0] & choices == piece[0]]
    slots = [(at, piece[2]) for at, piece in enumerate(seen) if piece[2]]
    return Segments(tuple([piece[1] for piece in seen]), tuple(slots))


def page_as(message: Message, areas: Collection[int], topics: Collection[int]) -> str:
    """The mail's page as somebody who chose these areas and topics would see it; without any, all of it.

    Raises what `html_parts` raises, unless the mail is composed.
    """
    return "".join(part.content for part in _page_parts(message) if part.aim.is_for(areas, topics))


def _page_parts(message: Message) -> list[Part]:
    compiled = CompiledMail.objects.filter(message=message).only("page_parts").first()
    if not message.composed_html or compiled is None or not compiled.page_parts:
        return [Part(Aim(), message.composed_html)] if message.composed_html else html_parts(message, places={})
    parts, start = [], 0
    for areas, topics, length in compiled.page_parts:
        aim = Aim(frozenset(areas), frozenset(topics))
        parts.append(Part(aim, message.composed_html[start : start + length]))
        start += length
    return parts
