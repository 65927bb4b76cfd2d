"""Editions: the compiled mail as different groups of subscribers see it, put together without rendering anything.

A mail with nine areas and six topics may have thousands of editions. So the mail is held once, in pieces, and an
edition is a list of those that its readers see: it costs no copy, whatever the size of the mail.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from django.utils.translation import gettext_noop

from publisher.audience.aims import Aim
from publisher.compose.compiled import CLICK, SLOTS, Segments
from publisher.compose.newsletter import Part, html_parts
from publisher.errors import PermanentError
from publisher.models import CompiledMail, Message
from publisher.vocabulary import HoldReason

# An edition is a list of some dozens of references: 1 kB.
_KEPT = 4096
# All bits: sees every block.
EVERYTHING = -1


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A compiled mail in memory: its texts, and what stands where in it.

    `order` holds for each piece the bits that it needs, and its place: among the texts, or behind them among a
    recipient's values, which follow in the order of SLOTS. `one_by_one`: links have a place for click tokens.
    """

    texts: tuple[bytes, ...]
    order: tuple[tuple[int, int], ...]
    one_by_one: bool = False


def load(compiled: CompiledMail) -> Pieces:
    """Read a compiled mail for the hot path, once for many recipients. Raises PermanentError for a damaged one."""
    texts: list[bytes] = []
    order: list[tuple[int, int | str]] = []
    needs = 0
    for kind, value in compiled.segments:
        if kind == "for":
            needs = value
        elif kind == "bytes":
            order.append((needs, len(texts)))
            texts.append(b64decode(value))
        elif value in SLOTS:
            order.append((needs, value))
        else:
            raise _damaged()
    places = ((needs, at if isinstance(at, int) else len(texts) + SLOTS.index(at)) for needs, at in order)
    return Pieces(tuple(texts), tuple(places), any(at == CLICK for _needs, at in order))


def _damaged() -> PermanentError:
    words = gettext_noop("The finished mail is damaged. Take the send-out back to a draft and approve it again.")
    return PermanentError(words, reason=HoldReason.CANNOT_COMPOSE)


@lru_cache(maxsize=_KEPT)
def edition(mail: Pieces, choices: int) -> Segments:
    """The mail as everybody with these bits sees it (see `audience.aims`). May be called by any thread."""
    places = [place for needs, place in mail.order if needs & choices == needs]
    return Segments(mail.texts, itemgetter(*places), mail.one_by_one)


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
