"""Which items a rule wants: by source, topic, area and words; and which of them are new to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from publisher.items.events import still_ahead
from publisher.items.words import Text
from publisher.models import Item, Rule, RuleMatch, Sighting
from publisher.models.probe import HoursBefore, Moment
from publisher.vocabulary import ItemState, MatchOutcome

# `known_at` as a column.
KNOWN_AT = Coalesce("published_at", "first_seen_at")
# Whoever takes the first few need not read a big import to its end.
_AT_ONCE = 200
# What a rule may use: no back catalogue, nothing held back, nothing that its publisher took back.
USABLE = Q(state=ItemState.NEW, withdrawn_at=None)


def known_at(item: Item) -> datetime:
    """When an item became known to the world, or else to us."""
    return item.published_at or item.first_seen_at


def with_work(now: Moment) -> QuerySet[Rule]:
    """Rules at work in whose organisation there is a new and young item that they have not met, wanted or not; or for
    one of whose items it is time."""
    met = RuleMatch.objects.filter(rule=OuterRef(OuterRef("pk")), item=OuterRef("pk"))
    items = Item.objects.filter(USABLE, still_ahead(now), ~Exists(met), organisation=OuterRef("organisation"))
    young = items.alias(known_at=KNOWN_AT).filter(known_at__gte=HoursBefore(now, OuterRef("max_age_hours")))
    turns = RuleMatch.objects.filter(rule=OuterRef("pk"), outcome=MatchOutcome.WAITING, due__lte=now)
    return Rule.objects.filter(Exists(young) | Exists(turns), active=True, held_at=None)


def wanted(rule: Rule) -> QuerySet[Item]:
    """Items of the kind that the rule wants, apart from its words; a choice left empty means any."""
    items = Item.objects.filter(organisation=rule.organisation)
    if sources := list(rule.sources.values_list("pk", flat=True)):
        items = items.filter(Exists(Sighting.objects.filter(item=OuterRef("pk"), source__in=sources)))
    if topics := list(rule.topics.values_list("pk", flat=True)):
        items = items.filter(Exists(Item.topics.through.objects.filter(item=OuterRef("pk"), topic__in=topics)))
    if areas := list(rule.areas.values_list("pk", flat=True)):
        items = items.filter(Exists(Item.areas.through.objects.filter(item=OuterRef("pk"), area__in=areas)))
    return items


def says_it(rule: Rule, item: Item) -> bool:
    """Whether the item has one of the rule's words, if it names any, and none of those that it leaves out."""
    text = Text(item.title, item.lead, item.body_text)
    return (not rule.words or text.has_any(rule.words)) and not text.has_any(rule.without_words)


def matches(rule: Rule, item: Item) -> bool:
    """Whether the item is of the kind that the rule wants; its age and the daily limit are not looked at."""
    return says_it(rule, item) and wanted(rule).filter(pk=item.pk).exists()


def fresh(rule: Rule, now: datetime) -> Iterator[Item]:
    """What the rule should take up now: new, young enough, not met before; oldest first."""
    young = now - timedelta(hours=rule.max_age_hours)
    met = RuleMatch.objects.filter(rule=rule, item=OuterRef("pk"))
    items = (
        wanted(rule)
        .annotate(known_at=KNOWN_AT)
        .filter(Q(first_seen_at__gte=rule.created_at) | Q(first_seen_at__gte=young))
        .filter(USABLE, still_ahead(now), ~Exists(met), known_at__gte=young)
        .order_by("known_at", "pk")
    )
    return (item for item in items.iterator(chunk_size=_AT_ONCE) if says_it(rule, item))
