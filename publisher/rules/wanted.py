"""Which items a rule wants: by source, topic, area and words; and which of them are new to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from publisher.items.events import still_ahead
from publisher.items.words import Text
from publisher.models import Item, Rule, RuleLook, RuleMatch
from publisher.models.probe import HoursBefore, Moment
from publisher.vocabulary import ItemState, MatchOutcome

# `known_at` as a column.
KNOWN_AT = Coalesce("published_at", "first_seen_at")
# Whoever takes the first few need not read a big import to its end.
_AT_ONCE = 200
# Rules that send what they take up anywhere at all.
LEADS_SOMEWHERE = Q(newsletter__isnull=False) | Q(Exists(Rule.accounts.through.objects.filter(rule=OuterRef("pk"))))
# What a rule may name, and the way from there to the items that have it.
_NAMED = (
    (Rule.sources.through, "source__sightings__item"),
    (Rule.topics.through, "topic__items"),
    (Rule.areas.through, "area__items"),
)
# What a rule may use: no back catalogue, nothing held back, nothing that its publisher took back.
USABLE = Q(state=ItemState.NEW, withdrawn_at=None)


def known_at(item: Item) -> datetime:
    """When an item became known to the world, or else to us."""
    return item.published_at or item.first_seen_at


def with_work(now: Moment) -> QuerySet[Rule]:
    """Rules at work that have an item to look at, wanted or not; or for one of whose items it is time.

    An item that they have looked at is none: they met it, or read it in vain and it says what it said then.
    """
    young = HoursBefore(now, OuterRef("max_age_hours"))
    items = _unread(OuterRef(OuterRef("pk")), OuterRef("created_at"), young, now)
    turns = RuleMatch.objects.filter(rule=OuterRef("pk"), outcome=MatchOutcome.WAITING, due__lte=now)
    has_work = Exists(turns) | Exists(items.filter(organisation=OuterRef("organisation")))
    return Rule.objects.filter(has_work, LEADS_SOMEWHERE, active=True, held_at=None)


def _unread(rule: Any, created_at: Any, young: Any, now: Moment) -> QuerySet[Item]:
    """Items that a rule has not looked at: of the kind that it wants, usable, known since `young` or later.

    The rule's number and columns are values, or expressions for a query over rules: `rule` from two queries within.
    """
    met = RuleMatch.objects.filter(rule=rule, item=OuterRef("pk"))
    read = RuleLook.objects.filter(rule=rule, item=OuterRef("pk"), revision=OuterRef("revision"))
    items = Item.objects.filter(USABLE, still_ahead(now), ~Exists(met), ~Exists(read), _of_kind(rule))
    seen_lately = Q(first_seen_at__gte=created_at) | Q(first_seen_at__gte=young)
    return items.alias(known_at=KNOWN_AT).filter(seen_lately, known_at__gte=young)


def _of_kind(rule: Any) -> Q:
    """Whether an item has one of the sources, topics and areas that a rule names; what it does not name may be any."""
    fits = Q()
    for through, to_item in _NAMED:
        named = through.objects.filter(rule=rule)
        fits &= ~Q(Exists(named)) | Q(Exists(named.filter(**{to_item: OuterRef("pk")})))
    return fits


def wanted(rule: Rule) -> QuerySet[Item]:
    """Items of the kind that the rule wants, apart from its words."""
    return Item.objects.filter(_of_kind(rule.pk), organisation=rule.organisation)


def says_it(rule: Rule, item: Item) -> bool:
    """Whether the item has one of the rule's words, if it names any, and none of those that it leaves out."""
    text = Text(item.title, item.lead, item.body_text)
    return (not rule.words or text.has_any(rule.words)) and not text.has_any(rule.without_words)


def matches(rule: Rule, item: Item) -> bool:
    """Whether the item is of the kind that the rule wants; its age and the daily limit are not looked at."""
    return says_it(rule, item) and wanted(rule).filter(pk=item.pk).exists()


@dataclass
class Fresh:
    """What a rule finds when it looks: the items that it should take up, oldest first; of those that it has read in
    vain, their revisions."""

    items: list[Item] = field(default_factory=list)
    in_vain: dict[int, int] = field(default_factory=dict)


def fresh(rule: Rule, now: datetime, most: int) -> Fresh:
    """Look at what is new to the rule, or has changed since it looked, until it should take up `most` items."""
    young = now - timedelta(hours=rule.max_age_hours)
    unread = _unread(rule.pk, rule.created_at, young, now).filter(organisation=rule.organisation)
    found = Fresh()
    for item in unread.order_by(KNOWN_AT, "pk").iterator(chunk_size=_AT_ONCE):
        if says_it(rule, item):
            found.items.append(item)
        else:
            found.in_vain[item.pk] = item.revision
        if len(found.items) == most:
            break
    return found


def remember(rule: Rule, in_vain: dict[int, int], now: datetime) -> None:
    """Note what the rule has read in vain, so that it is read again only when it says something else.

    Nothing is noted if the rule's words have changed meanwhile. What is too old by now is forgotten.
    """
    with transaction.atomic():
        stored = Rule.objects.select_for_update().filter(pk=rule.pk).first()
        if stored is None or (stored.words, stored.without_words) != (rule.words, rule.without_words):
            return
        known = RuleLook.objects.filter(rule=rule).alias(known_at=Coalesce("item__published_at", "item__first_seen_at"))
        known.filter(known_at__lt=now - timedelta(hours=rule.max_age_hours)).delete()
        RuleLook.objects.bulk_create(
            (RuleLook(rule=rule, item_id=pk, revision=revision) for pk, revision in in_vain.items()),
            batch_size=_AT_ONCE,
            update_conflicts=True,
            unique_fields=["rule", "item"],
            update_fields=["revision"],
        )
