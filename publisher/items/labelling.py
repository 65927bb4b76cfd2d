"""Labellings applied to the news that is here already: what one would have matched, and giving it to them.

Also the words of the sources that mean nothing here yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from publisher.items.choices import known_to
from publisher.items.labels import Labelling
from publisher.items.words import Text, key
from publisher.models import Area, Cooperation, Item, LabelRule, Organisation, Topic
from publisher.vocabulary import LabelRuleKind

LOOKS_BACK = timedelta(days=90)
# Of a year's news at most so much is labelled anew in one go.
MOST = 20_000
_AT_ONCE = 500


@dataclass(frozen=True)
class Unknown:
    """A word of the sources that means nothing here yet, and how many items have it."""

    word: str
    items: int


def label_rules_for(organisation: Organisation) -> QuerySet[LabelRule]:
    """The organisation's labellings and those of its cooperations, in the order in which they were made."""
    rows = LabelRule.objects.filter(known_to(organisation)).select_related("source", "cooperation").order_by("pk")
    return rows.prefetch_related("topics", "areas")


def keeps(organisation: Organisation, cooperation: Cooperation | None) -> bool:
    """Whether the organisation looks after what its members share: it owns a newsletter of the cooperation, or nobody
    does. What belongs to no cooperation is the organisation's own."""
    if cooperation is None:
        return True
    newsletters = cooperation.newsletters.all()
    return newsletters.filter(organisation=organisation).exists() or not newsletters.exists()


def would_match(organisation: Organisation, labelling: Labelling, since: datetime | None = None) -> list[Item]:
    """The items since then (default: of the last 90 days) that a labelling fits, latest first."""
    start = since or timezone.now() - LOOKS_BACK
    found = [item for item, fits in _asked(organisation, labelling, start) if fits]
    return sorted(found, key=lambda item: (item.published_at or item.first_seen_at, item.pk), reverse=True)


def apply_labelling(organisation: Organisation, labelling: Labelling) -> int:
    """Give the topics and areas to all items of the organisation that the labelling fits; gives how many got any.

    What an item has besides stays.
    """
    changed: set[int] = set()
    found = [item.pk for item, fits in _asked(organisation, labelling, None) if fits]
    for start in range(0, len(found), _AT_ONCE):
        part = found[start : start + _AT_ONCE]
        with transaction.atomic():
            for topic in labelling.topics:
                changed |= _give(Item.topics.through, "topic_id", topic.pk, part)
            for area in labelling.areas:
                changed |= _give(Item.areas.through, "area_id", area.pk, part)
    return len(changed)


def _give(through: type, column: str, label: int, items: list[int]) -> set[int]:
    rows = through.objects  # type: ignore[attr-defined]
    having = set(rows.filter(**{column: label}, item_id__in=items).values_list("item_id", flat=True))
    fresh = [pk for pk in items if pk not in having]
    rows.bulk_create([through(item_id=pk, **{column: label}) for pk in fresh], ignore_conflicts=True)
    return set(fresh)


def map_word(organisation: Organisation, word: str, label: Topic | Area) -> LabelRule:
    """Let the sources' category `word` mean a topic or area, for the organisation: as a word of the labelling that
    gives just that, else as one of its own. Call it in a transaction."""
    field, other = ("topics", "areas") if isinstance(label, Topic) else ("areas", "topics")
    owned = LabelRule.objects.select_for_update().filter(organisation=organisation, kind=LabelRuleKind.CATEGORY)
    for rule in owned.filter(**{field: label}).order_by("pk"):
        if getattr(rule, field).count() == 1 and not getattr(rule, other).exists():
            rule.words = [*rule.words, *([] if key(word) in map(key, rule.words) else [word])]
            rule.save(update_fields=["words"])
            return rule
    rule = LabelRule.objects.create(organisation=organisation, kind=LabelRuleKind.CATEGORY, words=[word])
    getattr(rule, field).add(label)
    return rule


def unknown_words(organisation: Organisation, limit: int = 30) -> list[Unknown]:
    """The categories of the last 90 days that no topic, area or labelling knows, the most frequent first."""
    known = _known(organisation)
    spelled: dict[str, str] = {}
    counted: Counter[str] = Counter()
    recent = Item.objects.filter(organisation=organisation, first_seen_at__gte=timezone.now() - LOOKS_BACK)
    for tags in recent.exclude(tags=[]).values_list("tags", flat=True):
        for form, word in {key(str(tag)): str(tag) for tag in tags}.items():
            if form and form not in known:
                spelled.setdefault(form, word)
                counted[form] += 1
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Unknown(spelled[form], number) for form, number in ordered[:limit]]


def _known(organisation: Organisation) -> set[str]:
    owned = known_to(organisation)
    words = [word for kind in (Topic, Area) for row in kind.objects.filter(owned) for word in (row.name, row.slug)]
    for rule in LabelRule.objects.filter(owned, kind=LabelRuleKind.CATEGORY):
        words += rule.words
    return {key(word) for word in words}


def _asked(organisation: Organisation, labelling: Labelling, since: datetime | None) -> Iterator[tuple[Item, bool]]:
    """Items, the latest first, each with whether the labelling fits.

    A category that is called like a topic or area is kept as that; so an item has, besides its tags, the names of its
    topics and areas as categories.
    """
    items = Item.objects.filter(organisation=organisation)
    if since is not None:
        items = items.filter(Q(published_at__gte=since) | Q(published_at=None, first_seen_at__gte=since))
    if labelling.kind == LabelRuleKind.SOURCE:
        items = items.filter(sightings__source=labelling.source_id).distinct()
    elif labelling.kind == LabelRuleKind.CATEGORY:
        items = items.prefetch_related("topics", "areas")
    for item in items.order_by("-pk")[:MOST].iterator(chunk_size=_AT_ONCE):
        if labelling.kind == LabelRuleKind.SOURCE:
            yield item, True
        elif labelling.kind == LabelRuleKind.CATEGORY:
            labels = [*item.topics.all(), *item.areas.all()]
            categories = [*map(str, item.tags), *(word for each in labels for word in (each.name, each.slug))]
            yield item, labelling.fits(categories, Text(), ())
        else:
            yield item, labelling.fits((), Text(item.title, item.lead, item.body_text), ())
