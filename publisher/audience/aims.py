"""Aims: which parts of a mail a subscriber sees, written plainly (`Aim.is_for`) and as bits.

A part may be aimed at areas and at topics. It is shown if it has no areas, or any of them was chosen, or the subscriber
chose none at all; and likewise for topics. Every set of areas, and every set of topics, that a mail's parts are aimed
at is one bit. A delivery stores the bits of the sets that its subscriber fulfils, a part needs at most two of them, and
everyone who has the bits that it needs sees it. So a hundred thousand people are sorted by one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import QuerySet

from publisher.models import Block, CompiledMail, Message
from publisher.vocabulary import BlockKind

# They must fit a signed 64-bit column, and nobody aims at so many by hand.
MOST_BITS = 60
_STORIES = frozenset({BlockKind.LEAD_STORY, BlockKind.STORY})


class Aim(NamedTuple):
    """The areas and topics (ids) that a part is for; without any it is for everyone."""

    areas: frozenset[int] = frozenset()
    topics: frozenset[int] = frozenset()

    def is_for(self, areas: Collection[int], topics: Collection[int]) -> bool:
        """The rule: whether somebody who chose these areas and topics sees it."""
        return _is_met(self.areas, areas) and _is_met(self.topics, topics)


def _is_met(wanted: frozenset[int], chosen: Collection[int]) -> bool:
    return not wanted or not chosen or not wanted.isdisjoint(chosen)


@dataclass(frozen=True)
class Aims:
    """What the bits of a mail mean: first one for each of `areas`, then one for each of `topics`.

    `stories` are the bits that its stories need: whoever sees none of them is not mailed.
    """

    areas: tuple[frozenset[int], ...] = ()
    topics: tuple[frozenset[int], ...] = ()
    stories: frozenset[int] = frozenset({0})

    @property
    def bits(self) -> int:
        """How many bits there are."""
        return len(self.areas) + len(self.topics)

    def needs(self, aim: Aim) -> int:
        """The bits that a part with this aim needs; the aim must be one of this mail's."""
        areas = 1 << self.areas.index(aim.areas) if aim.areas else 0
        topics = 1 << (len(self.areas) + self.topics.index(aim.topics)) if aim.topics else 0
        return areas | topics

    def choices(self, areas: Collection[int], topics: Collection[int]) -> int:
        """The bits of somebody who chose these areas and topics; `audience.rule` says the same in SQL."""
        met = [_is_met(wanted, areas) for wanted in self.areas] + [_is_met(wanted, topics) for wanted in self.topics]
        return sum(1 << bit for bit, is_met in enumerate(met) if is_met)

    def tells(self, choices: int) -> bool:
        """Whether somebody with these bits sees any story."""
        return any(shown(needs, choices) for needs in self.stories)

    def as_json(self) -> dict[str, Any]:
        """As it is stored with the compiled mail."""
        areas, topics = ([sorted(ids) for ids in sets] for sets in (self.areas, self.topics))
        return {"areas": areas, "topics": topics, "stories": sorted(self.stories)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Aims:
        """What `as_json` gave; nothing stored means that nothing is aimed."""
        if not stored:
            return cls()
        areas, topics = (tuple(frozenset(ids) for ids in stored[name]) for name in ("areas", "topics"))
        return cls(areas, topics, frozenset(stored["stories"]))


def shown(needs: int, choices: int) -> bool:
    """Whether a part that needs these bits is shown to somebody with those."""
    return needs & choices == needs


def aim_of(block: Block) -> Aim:
    """Whom a block is for; prefetch `areas` and `topics` of many."""
    return Aim(frozenset(area.pk for area in block.areas.all()), frozenset(topic.pk for topic in block.topics.all()))


def current_aims(message: Message) -> Aims:
    """What the mail's blocks are aimed at now."""
    blocks = message.blocks.prefetch_related("areas", "topics")
    return aims_among([(block.kind, aim_of(block)) for block in blocks])


def aims_among(blocks: Collection[tuple[str, Aim]]) -> Aims:
    """What blocks of these kinds, aimed so, are aimed at together."""
    areas, topics = (_distinct(aim[kind] for _, aim in blocks) for kind in (0, 1))
    plain = Aims(areas, topics)
    # A mail without a single story is its texts; a divider alone tells nobody anything.
    telling = [aim for kind, aim in blocks if kind in _STORIES] or [
        aim for kind, aim in blocks if kind != BlockKind.DIVIDER
    ]
    return Aims(areas, topics, frozenset(plain.needs(aim) for aim in telling))


def needs_of(message: Message, items: QuerySet[Any]) -> list[int]:
    """The bits that somebody needed to see the stories of these items in a mail that was compiled, each once."""
    aims = aims_of(message)
    left_out = CompiledMail.objects.filter(message=message).values_list("left_out", flat=True).first() or []
    blocks = message.blocks.filter(item__in=items).exclude(pk__in=left_out).prefetch_related("areas", "topics")
    return sorted({aims.needs(aim_of(block)) for block in blocks})


def _distinct(sets: Iterable[frozenset[int]]) -> tuple[frozenset[int], ...]:
    return tuple(sorted({ids for ids in sets if ids}, key=sorted))


def aims_of(message: Message) -> Aims:
    """What the bits of the mail's deliveries mean: as it was compiled; if it is not yet, as its blocks are now."""
    stored = CompiledMail.objects.filter(message=message).values_list("aims", flat=True).first()
    return current_aims(message) if stored is None else Aims.from_json(stored)
