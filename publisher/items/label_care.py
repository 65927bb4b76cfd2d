"""Looking after topics and areas: adding, renaming, merging, removing; what uses one is told first.

Whatever is done, the words of the sources go on meaning what staff meant by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.items.choices import known_to
from publisher.items.lost_choices import switch_off_without
from publisher.items.words import key
from publisher.models import (
    Area,
    Block,
    Campaign,
    Item,
    LabelRule,
    Newsletter,
    Organisation,
    Rule,
    Subscription,
    Topic,
)
from publisher.vocabulary import CampaignStatus, LabelRuleKind, MessageStatus

KINDS: dict[str, type[Topic] | type[Area]] = {"topic": Topic, "area": Area}
# What has a topic or area, under which name.
_HOLDERS: tuple[type[models.Model], ...] = (Item, Rule, Newsletter, Subscription, Block, LabelRule)


@dataclass(frozen=True)
class Uses:
    """What has a topic or area. `rules_only`, `readers_only`, `labellings_only`: have nothing else of its kind."""

    items: int
    rules: list[Rule]
    rules_only: list[Rule]
    newsletters: list[Newsletter]
    readers: int
    readers_only: int
    labellings: int
    unsent: list[Campaign]


def labels_for(kind: str, organisation: Organisation) -> QuerySet[Any]:
    """The topics or areas that an organisation knows, by name, each with the `number` of its items that have it."""
    mine = Count("items", filter=Q(items__organisation=organisation), distinct=True)
    known = _model(kind).objects.filter(known_to(organisation)).select_related("cooperation")
    return known.annotate(number=mine).order_by("name", "pk")


def merge_choices(label: Topic | Area, organisation: Organisation) -> QuerySet[Any]:
    """Into what it can be merged. What a cooperation shares only into what it shares too."""
    others = labels_for(kind_of(label), organisation).exclude(pk=label.pk)
    return others.filter(cooperation=label.cooperation) if label.cooperation_id else others


def kind_of(label: Topic | Area) -> str:
    """“topic” or “area”."""
    return "topic" if isinstance(label, Topic) else "area"


def uses(label: Topic | Area) -> Uses:
    """Everything that has it, in all organisations that share it."""
    field = _field(label)
    having: dict[str, Any] = {field: label}
    rules = list(Rule.objects.filter(**having).order_by("name", "pk"))
    counted = Rule.objects.filter(pk__in=[rule.pk for rule in rules]).annotate(number=Count(field))
    only = set(counted.filter(number=1).values_list("pk", flat=True))
    readers = Subscription.objects.filter(**having, confirmed_at__isnull=False, unsubscribed_at=None)
    chosen = Subscription.objects.filter(pk__in=readers.values("pk")).annotate(number=Count(field))
    return Uses(
        items=Item.objects.filter(**having).count(),
        rules=rules,
        rules_only=[rule for rule in rules if rule.pk in only],
        newsletters=list(Newsletter.objects.filter(**having).order_by("name", "pk")),
        readers=readers.count(),
        readers_only=chosen.filter(number=1).count(),
        labellings=LabelRule.objects.filter(**having).count(),
        unsent=list(_unsent(label)),
    )


def add_label(kind: str, name: str, organisation: Organisation) -> Topic | Area:
    """A topic or area of the organisation's own. Raises InputError if one is called so already."""
    _refuse_taken(kind, name, organisation)
    return _model(kind).objects.create(organisation=organisation, name=name, slug=_free_slug(kind, name, organisation))


@transaction.atomic
def rename_label(label: Topic | Area, name: str, organisation: Organisation) -> None:
    """Call it otherwise; what sources call by the old name still means it. Raises InputError if the name is taken."""
    if key(name) != key(label.name):
        _refuse_taken(kind_of(label), name, organisation)
        _still_means(label.name, label, label)
    label.name = name
    label.save(update_fields=["name"])


@transaction.atomic
def merge_label(label: Topic | Area, into: Topic | Area) -> None:
    """Let everything that has `label` have `into` instead, then drop it; its name and slug go on meaning `into`.

    Raises InputError while a send-out that has not gone out is aimed at it: approval promised exactly those readers.
    """
    assert type(label) is type(into) and label.pk != into.pk
    _refuse_unsent(label)
    for holder in _HOLDERS:
        _move(holder, label, into)
    for word in dict.fromkeys((label.name, label.slug)):
        _still_means(word, label, into)
    label.delete()


@transaction.atomic
def remove_label(label: Topic | Area) -> list[Rule]:
    """Drop it; gives the rules that were switched off, since without it they would take everything.

    A labelling that gives nothing else goes with it. Raises InputError as `merge_label` does.
    """
    _refuse_unsent(label)
    field = _field(label)
    off = switch_off_without(uses(label).rules_only, field)
    having: dict[str, Any] = {field: label}
    labellings = list(LabelRule.objects.filter(**having).values_list("pk", flat=True))
    label.delete()
    LabelRule.objects.filter(pk__in=labellings, topics=None, areas=None).delete()
    return off


def _model(kind: str) -> type[Topic] | type[Area]:
    return KINDS[kind]


def _field(label: Topic | Area) -> str:
    return f"{kind_of(label)}s"


def _unsent(label: Topic | Area) -> Iterator[Campaign]:
    """Send-outs with a block that is aimed at it and that has not gone out."""
    ended = (MessageStatus.FINISHED, MessageStatus.CANCELLED)
    aimed = Block.objects.filter(**{_field(label): label}).exclude(message__status__in=ended)
    campaigns = Campaign.objects.filter(pk__in=aimed.values("message__campaign"))
    yield from campaigns.exclude(status=CampaignStatus.CANCELLED).order_by("pk")


def _refuse_unsent(label: Topic | Area) -> None:
    for campaign in _unsent(label):
        raise InputError(
            gettext_noop("The send-out “%(title)s” shows a part only to “%(label)s” and has not gone out yet."),
            reason="in_use",
            title=campaign.title,
            label=label.name,
        )


def _move(holder: type[models.Model], label: Topic | Area, into: Topic | Area) -> None:
    through: Any = getattr(holder, _field(label)).through
    column = f"{kind_of(label)}_id"
    owner = f"{holder._meta.model_name}_id"
    both = through.objects.filter(**{column: into.pk}).values(owner)
    through.objects.filter(**{column: label.pk, f"{owner}__in": both}).delete()
    through.objects.filter(**{column: label.pk}).update(**{column: into.pk})


def _still_means(word: str, label: Topic | Area, meant: Topic | Area) -> None:
    """A labelling that goes on reading the sources' `word`, of whoever owns what was called so."""
    rule = LabelRule.objects.create(
        organisation_id=label.organisation_id,
        cooperation_id=label.cooperation_id,
        kind=LabelRuleKind.CATEGORY,
        words=[word],
    )
    (rule.topics if isinstance(meant, Topic) else rule.areas).add(meant.pk)


def _refuse_taken(kind: str, name: str, organisation: Organisation) -> None:
    if any(key(row.name) == key(name) for row in _model(kind).objects.filter(known_to(organisation))):
        raise InputError(gettext_noop("“%(name)s” is there already."), reason="taken", name=name)


def _free_slug(kind: str, name: str, organisation: Organisation) -> str:
    base = key(name)[:70] or kind
    taken = set(_model(kind).objects.filter(organisation=organisation).values_list("slug", flat=True))
    return next(slug for number in range(1, len(taken) + 2)
                if (slug := base if number == 1 else f"{base}-{number}") not in taken)  # fmt: skip
