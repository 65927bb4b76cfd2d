"""From a source's words to our topics and areas: the same word, however it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Q

from publisher.models import Area, Organisation, Topic

_DANISH = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ö": "oe", "ä": "ae"})
Label = TypeVar("Label", Topic, Area)


@dataclass(frozen=True)
class Matched:
    """What a source's words mean here; `rest` are the words that mean nothing here, in their order."""

    topics: tuple[Topic, ...]
    areas: tuple[Area, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True)
class Labels:
    """The topics and areas that an organisation knows: its own and those of its cooperations, by word."""

    topics: Mapping[str, Topic]
    areas: Mapping[str, Area]

    @classmethod
    def of(cls, organisation: Organisation) -> Labels:
        """Read them once for a whole run."""
        theirs = Q(cooperation__in=organisation.cooperations.all())
        own = Q(organisation=organisation)
        return cls(
            _by_word([*Topic.objects.filter(own), *Topic.objects.filter(theirs)]),
            _by_word([*Area.objects.filter(own), *Area.objects.filter(theirs)]),
        )

    def match(self, tags: Iterable[str], areas: Iterable[str]) -> Matched:
        """Find tags among topics and areas, and areas among areas."""
        topics: dict[int, Topic] = {}
        places: dict[int, Area] = {}
        rest: dict[str, None] = {}
        for word, is_tag in [*((tag, True) for tag in tags), *((area, False) for area in areas)]:
            topic, area = self.topics.get(_key(word)) if is_tag else None, self.areas.get(_key(word))
            if topic:
                topics[topic.pk] = topic
            if area:
                places[area.pk] = area
            if not topic and not area:
                rest[word] = None
        return Matched(tuple(topics.values()), tuple(places.values()), tuple(rest))


def _by_word(labels: Iterable[Label]) -> dict[str, Label]:
    found: dict[str, Label] = {}
    for label in labels:
        for word in (label.name, label.slug):
            found.setdefault(_key(word), label)
    found.pop("", None)
    return found


def _key(word: str) -> str:
    """“Køge”, “KØGE” and “koege” are one word; so are “Børn & unge” and “boern-unge”."""
    plain = unicodedata.normalize("NFC", word).casefold().translate(_DANISH)
    letters = unicodedata.normalize("NFKD", plain)
    return re.sub(r"[\W_]+", "-", "".join(c for c in letters if not unicodedata.combining(c))).strip("-")
