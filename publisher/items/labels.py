"""From a source's words to our topics and areas: the same word, however it is written, and what labellings say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from django.db.models import BigIntegerField, prefetch_related_objects

from publisher.items.choices import known_to
from publisher.items.words import Text, key
from publisher.models import Area, LabelRule, Source, Topic
from publisher.models.given import Given
from publisher.models.reading import Reading
from publisher.vocabulary import LabelRuleKind

Label = TypeVar("Label", Topic, Area)
_ORGANISATION = Given("organisation", BigIntegerField())
_TOPICS = Reading(lambda: Topic.objects.filter(known_to(_ORGANISATION)))
_AREAS = Reading(lambda: Area.objects.filter(known_to(_ORGANISATION)))
_RULES = Reading(lambda: LabelRule.objects.filter(known_to(_ORGANISATION)).order_by("pk"))


@dataclass(frozen=True)
class Matched:
    """What a source's words mean here; `rest` are the words that no topic or area is called by, in their order.

    A word that only a labelling knows stays in `rest`: so a labelling that is changed finds it again.
    """

    topics: tuple[Topic, ...]
    areas: tuple[Area, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True)
class Labelling:
    """A labelling as it is applied: what it looks for, and what an item that has it gets."""

    kind: str
    words: Sequence[str] = ()
    source_id: int | None = None
    topics: Sequence[Topic] = ()
    areas: Sequence[Area] = ()

    @classmethod
    def of(cls, rule: LabelRule) -> Labelling:
        """As it is stored; asks for its topics and areas unless they were fetched with it."""
        return cls(rule.kind, rule.words, rule.source_id, list(rule.topics.all()), list(rule.areas.all()))

    def fits(self, categories: Iterable[str], text: Text, sources: Iterable[int]) -> bool:
        """Whether something with these categories, this text and these sources (ids) is meant."""
        if self.kind == LabelRuleKind.SOURCE:
            return self.source_id in set(sources)
        if self.kind == LabelRuleKind.CATEGORY:
            return not {key(word) for word in self.words}.isdisjoint(key(word) for word in categories)
        return text.has_any(self.words)


@dataclass(frozen=True)
class Labels:
    """The topics and areas that an organisation knows, its own and its cooperations', by word; and its labellings.

    `source_id` is where the entries that it is asked about come from.
    """

    topics: Mapping[str, Topic]
    areas: Mapping[str, Area]
    labellings: Sequence[Labelling] = ()
    source_id: int | None = None

    @classmethod
    def of(cls, organisation_id: int, source: Source | None = None) -> Labels:
        """Read them once for a whole run."""
        rules = _RULES.ask(organisation=organisation_id)
        prefetch_related_objects(rules, "topics", "areas")
        return cls(
            _by_word(_TOPICS.ask(organisation=organisation_id)),
            _by_word(_AREAS.ask(organisation=organisation_id)),
            [Labelling.of(rule) for rule in rules],
            source.pk if source else None,
        )

    def match(self, tags: Iterable[str], areas: Iterable[str], *texts: str) -> Matched:
        """Find tags among topics and areas, and areas among areas; then ask the labellings, also about the texts."""
        words = [*((tag, True) for tag in tags), *((area, False) for area in areas)]
        topics: dict[int, Topic] = {}
        places: dict[int, Area] = {}
        rest: dict[str, None] = {}
        for word, is_tag in words:
            topic, area = self.topics.get(_form(word)) if is_tag else None, self.areas.get(_form(word))
            if topic:
                topics[topic.pk] = topic
            if area:
                places[area.pk] = area
            if not topic and not area:
                rest[word] = None
        text = Text(*texts)
        for labelling in self.labellings:
            if labelling.fits((word for word, _ in words), text, [self.source_id] if self.source_id else []):
                topics |= {topic.pk: topic for topic in labelling.topics}
                places |= {area.pk: area for area in labelling.areas}
        return Matched(tuple(topics.values()), tuple(places.values()), tuple(rest))

    def of_source(self) -> Matched:
        """What everything from the source is about, whatever it says."""
        by_source = [labelling for labelling in self.labellings if labelling.kind == LabelRuleKind.SOURCE]
        return replace(self, topics={}, areas={}, labellings=by_source).match((), ())


@lru_cache(maxsize=1024)
def _form(word: str) -> str:
    """The same few stand at all items of a source."""
    return key(word)


def _by_word(labels: Iterable[Label]) -> dict[str, Label]:
    """By name, the organisation's own before what is shared with it; a slug, which is often what a label was called
    before, counts where nothing is called so."""
    own_first = sorted(labels, key=lambda label: label.cooperation_id is not None)
    by_slug = {key(label.slug): label for label in reversed(own_first)}
    found = by_slug | {key(label.name): label for label in reversed(own_first)}
    found.pop("", None)
    return found
