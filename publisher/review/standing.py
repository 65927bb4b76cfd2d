"""Where each news item stands: new, planned, published, withdrawn. Derived here from its send-outs, stored nowhere.

Planned is what has something still to go out, also by a rule whose turn it waits for; published what has something
out: an item that is in a newsletter and is to be posted on Thursday is both. A send-out that was cancelled, or of which
nothing could be sent, leaves its items as they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from publisher.models import CampaignItem, Item, Organisation, RuleMatch
from publisher.models.scoped import ScopedQuerySet
from publisher.review.worklist import ON_THE_WAY
from publisher.vocabulary import CampaignStatus, DeliveryStatus, ItemState, MatchOutcome, MessageStatus


class Standing(TextChoices):
    """The words for it, with what people see; the first that fits is the most telling."""

    WITHDRAWN = "withdrawn", _("Withdrawn")
    HELD = "held", pgettext_lazy("item", "Held back")
    PUBLISHED = "published", pgettext_lazy("item", "Published")
    PLANNED = "planned", pgettext_lazy("item", "Planned")
    IN_HAND = "in_hand", pgettext_lazy("item", "In progress")
    NEW = "new", pgettext_lazy("item", "New")
    SEEN = "seen", _("Back catalogue")


# The views of the list, in their order; “all” is everything there is.
NEW, PLANNED, PUBLISHED, WITHDRAWN, HELD, OLDER, ALL = VIEWS = (
    "new", "planned", "published", "withdrawn", "held", "older", "all",
)  # fmt: skip

_OPEN = (*ON_THE_WAY, MessageStatus.HELD)
# Which use of an item, by its send-out, puts it where.
_USES: dict[Standing, dict[str, Any]] = {
    Standing.PUBLISHED: {
        # What is unconfirmed may well be out.
        "campaign__messages__counts__status__in": (DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN),
        "campaign__messages__counts__count__gt": 0,
    },
    Standing.PLANNED: {"campaign__status": CampaignStatus.APPROVED, "campaign__messages__status__in": _OPEN},
    Standing.IN_HAND: {"campaign__status__in": (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW)},
}
# What a view asks of an item's facts (see `_facts`).
_UNUSED = {"is_withdrawn": False, "is_out": False, "is_ahead": False}
_CONDITIONS: dict[str, dict[str, object]] = {
    NEW: _UNUSED | {"state": ItemState.NEW, "is_over": False},
    PLANNED: {"is_withdrawn": False, "is_held": False, "is_ahead": True},
    PUBLISHED: {"is_withdrawn": False, "is_held": False, "is_out": True},
    WITHDRAWN: {"is_withdrawn": True},
    HELD: {"is_withdrawn": False, "is_held": True},
    OLDER: _UNUSED | {"state": ItemState.SEEN},
    ALL: {},
}
_FACTS = ("state", "is_withdrawn", "is_held", "is_out", "is_ahead", "is_over")


def viewed(items: ScopedQuerySet[Item], organisation: Organisation, view: str) -> ScopedQuerySet[Item]:
    """Those of the organisation's `items` that belong in one of VIEWS."""
    return items.alias(**_facts(organisation)).filter(**_CONDITIONS[view])


def numbers(items: ScopedQuerySet[Item], organisation: Organisation) -> dict[str, int]:
    """How many of `items` each of VIEWS has, asked in one go."""
    kinds = list(items.order_by().annotate(**_facts(organisation)).values(*_FACTS).annotate(number=Count("pk")))
    return {
        view: sum(kind["number"] for kind in kinds if wanted.items() <= kind.items())
        for view, wanted in _CONDITIONS.items()
    }


def standings(items: Iterable[Item], organisation: Organisation) -> dict[int, list[Standing]]:
    """Item id → the words for where it stands, the most telling first; four queries for any number of items."""
    rows = list(items)
    used = {word: set(_used(organisation, word).filter(item__in=rows).values_list("item", flat=True)) for word in _USES}
    used[Standing.PLANNED] |= set(_with_a_rule(organisation).filter(item__in=rows).values_list("item", flat=True))
    return {item.pk: _words(item, used) for item in rows}


def _words(item: Item, used: dict[Standing, set[int]]) -> list[Standing]:
    if item.withdrawn_at:
        return [Standing.WITHDRAWN]
    if item.state == ItemState.HELD:
        return [Standing.HELD]
    return [word for word, ids in used.items() if item.pk in ids] or [
        Standing.NEW if item.state == ItemState.NEW else Standing.SEEN
    ]


def _used(organisation: Organisation, word: Standing) -> QuerySet[CampaignItem]:
    return CampaignItem.objects.filter(campaign__organisation=organisation, **_USES[word])


def _with_a_rule(organisation: Organisation) -> QuerySet[RuleMatch]:
    """What waits for its turn at a rule that sends it by itself; not while the rule holds itself."""
    at_work = RuleMatch.objects.for_organisation(organisation).filter(rule__active=True, rule__held_at=None)
    return at_work.filter(outcome=MatchOutcome.WAITING)


def _facts(organisation: Organisation) -> dict[str, ExpressionWrapper[Q]]:
    """What the views ask of an item. As IN (SELECT …) the database looks the send-outs up once, not once an item."""
    used = {word: Q(pk__in=_used(organisation, word).order_by().values("item")) for word in _USES}
    facts = {
        "is_withdrawn": Q(withdrawn_at__isnull=False),
        "is_held": Q(state=ItemState.HELD),
        "is_out": used[Standing.PUBLISHED],
        "is_ahead": used[Standing.PLANNED]
        | used[Standing.IN_HAND]
        | Q(pk__in=_with_a_rule(organisation).order_by().values("item")),
        # An event that is over is no news; it stays among all.
        "is_over": Q(event_over_at__isnull=False, event_over_at__lte=timezone.now()),
    }
    return {name: ExpressionWrapper(fact, BooleanField()) for name, fact in facts.items()}
