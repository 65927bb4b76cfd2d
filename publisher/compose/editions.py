"""Editions: the compiled mail as different groups of subscribers see it, put together without rendering anything.

A mail with nine areas and six topics may have thousands of editions. So the mail is held once, in pieces, and an
edition is joined from them when the first letter of it is written; the last few are kept.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from django.utils.translation import gettext_noop

from publisher.audience.aims import Aim, shown
from publisher.compose.compiled import SLOTS, Segments
from publisher.compose.newsletter import Part, html_parts
from publisher.errors import PermanentError
from publisher.models import CompiledMail, Message
from publisher.vocabulary import HoldReason

# An edition is some 30 kB, and joining one anew costs less than a tenth of sending it.
_KEPT = 128
# All bits: sees every block.
EVERYTHING = -1


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A compiled mail in memory: each piece with the bits that it needs, bytes or the name of a slot."""

    pieces: tuple[tuple[int, bytes | str], ...]


def load(compiled: CompiledMail) -> Pieces:
    """Read a compiled mail for the hot path, once for many recipients. Raises PermanentError for a damaged one."""
    return Pieces(tuple(_read(compiled)))


def _read(compiled: CompiledMail) -> Iterator[tuple[int, bytes | str]]:
    needs = 0
    for kind, value in compiled.segments:
        if kind == "for":
            needs = value
        elif kind == "bytes":
            yield needs, b64decode(value)
        elif value in SLOTS:
            yield needs, value
        else:
            damaged = gettext_noop(
                "The finished mail is damaged. Take the send-out back to a draft and approve it again."
            )
            raise PermanentError(damaged, reason=HoldReason.CANNOT_COMPOSE)


@lru_cache(maxsize=_KEPT)
def edition(mail: Pieces, choices: int) -> Segments:
    """The mail as everybody with these bits sees it, with as few segments as can be. May be called by any thread."""
    seen = (piece for needs, piece in mail.pieces if shown(needs, choices))
    texts: list[bytes] = []
    # What stands in their order: a text by its place, a slot by its name.
    order: list[int | str] = []
    for is_text, run in groupby(seen, key=lambda piece: isinstance(piece, bytes)):
        if is_text:
            order.append(len(texts))
            texts.append(b"".join(piece for piece in run if isinstance(piece, bytes)))
        else:
            order.extend(str(slot) for slot in run)
    # Behind the texts stand the recipient's values, in the order of SLOTS.
    places = [each if isinstance(each, int) else len(texts) + SLOTS.index(each) for each in order]
    return Segments(tuple(texts), itemgetter(*places))


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
