"""The automatic path: new items that a rule wants become campaigns, each at most once, at most so many a day."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, time, timedelta

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.errors import Explanation, OpslagError
from publisher.items.events import still_ahead
from publisher.models import Item, Rule, RuleMatch, Sighting
from publisher.models.probe import HoursBefore, Moment
from publisher.rules.making import make
from publisher.schedule.times import recurring, wall_of
from publisher.vocabulary import ItemState, NoticeKind

log = logging.getLogger(__name__)

# A rule takes up so many items in one go, so that a big import does not keep the tick from its other work.
AT_ONCE = 200
# When an item became known to the world, or else to us.
KNOWN_AT = Coalesce("published_at", "first_seen_at")

CAPPED = "capped"
FAILED = "failed"


def apply_rules(now: datetime) -> list[int]:
    """Let every active rule take up what is new to it; answers the campaigns made.

    Each item is a transaction of its own: rule match and campaign stand or fall together, so a crash repeats nothing
    and loses nothing. An item that cannot be used is noted as failed, and whoever approves is told why.
    """
    made = []
    for rule in Rule.objects.filter(active=True).select_related("organisation").order_by("pk"):
        if rule.newsletter_id is None and not rule.accounts.exists():
            continue
        made += [campaign for item in _fresh(rule, now)[:AT_ONCE] if (campaign := _apply(rule, item, now)) is not None]
    return made


def with_new_items(now: Moment) -> QuerySet[Rule]:
    """Active rules in whose organisation there is a new and young item that they have not met, wanted or not."""
    met = RuleMatch.objects.filter(rule=OuterRef(OuterRef("pk")), item=OuterRef("pk"))
    ahead = Item.objects.filter(still_ahead(now), withdrawn_at=None)
    items = ahead.filter(~Exists(met), organisation=OuterRef("organisation"), state=ItemState.NEW)
    young = items.alias(known_at=KNOWN_AT).filter(known_at__gte=HoursBefore(now, OuterRef("max_age_hours")))
    return Rule.objects.filter(Exists(young), active=True)


def matches(rule: Rule, item: Item) -> bool:
    """Whether the item is of the kind that the rule wants; its age and the daily limit are not looked at."""
    return _wanted(rule).filter(pk=item.pk).exists()


def would_have_made(rule: Rule, days: int = 30) -> list[Item]:
    """The items of the last `days` days for which the rule, had it existed, would have made a campaign; oldest first.

    Items count on the day they were published, the back catalogue included.
    """
    now = timezone.now()
    zone = rule.organisation.timezone
    past = _wanted(rule).annotate(known_at=KNOWN_AT).filter(known_at__gte=now - timedelta(days=days), known_at__lte=now)
    chosen: list[Item] = []
    per_day: Counter[object] = Counter()
    for item in past.order_by("known_at", "pk"):
        day = wall_of(item.published_at or item.first_seen_at, zone).date()
        if per_day[day] < rule.daily_cap:
            per_day[day] += 1
            chosen.append(item)
    return chosen


def _wanted(rule: Rule) -> QuerySet[Item]:
    """Items of the kind that the rule wants; a choice left empty means any."""
    items = Item.objects.filter(organisation=rule.organisation)
    if sources := list(rule.sources.values_list("pk", flat=True)):
        items = items.filter(Exists(Sighting.objects.filter(item=OuterRef("pk"), source__in=sources)))
    if topics := list(rule.topics.values_list("pk", flat=True)):
        items = items.filter(Exists(Item.topics.through.objects.filter(item=OuterRef("pk"), topic__in=topics)))
    if areas := list(rule.areas.values_list("pk", flat=True)):
        items = items.filter(Exists(Item.areas.through.objects.filter(item=OuterRef("pk"), area__in=areas)))
    return items


def _fresh(rule: Rule, now: datetime) -> QuerySet[Item]:
    """What the rule should take up now: new, young enough, not met before; oldest first."""
    young = now - timedelta(hours=rule.max_age_hours)
    met = RuleMatch.objects.filter(rule=rule, item=OuterRef("pk"))
    return (
        _wanted(rule)
        .annotate(known_at=KNOWN_AT)
        .filter(Q(first_seen_at__gte=rule.created_at) | Q(first_seen_at__gte=young))
        .filter(~Exists(met), still_ahead(now), state=ItemState.NEW, withdrawn_at=None, known_at__gte=young)
        .order_by("known_at", "pk")
    )


def _apply(rule: Rule, item: Item, now: datetime) -> int | None:
    try:
        return _meet(rule, item, now)
    except (OperationalError, InterfaceError):
        # The database is away or busy: nothing is wrong with the item, the next tick tries again.
        raise
    except Exception as error:
        # Whatever one item does, the others must go on.
        log.exception("rule %s could not use item %s", rule.pk, item.pk)
        _note_failure(rule, item, error)
        return None


def _meet(rule: Rule, item: Item, now: datetime) -> int | None:
    with transaction.atomic():
        # One worker at a time decides for a rule: the daily limit must hold between two of them, too.
        still = Rule.objects.select_for_update().filter(pk=rule.pk, active=True).first()
        if still is None:
            return None
        match = _match_once(still, item)
        if match is None:
            return None
        if _taken_today(still, now) > still.daily_cap:
            match.outcome = CAPPED
        else:
            match.campaign, match.outcome = make(still, item, now)
        match.save(update_fields=["campaign", "outcome"])
    return match.campaign.pk if match.campaign else None


def _match_once(rule: Rule, item: Item, outcome: str = "") -> RuleMatch | None:
    """The row that says they have met; None if another worker wrote it first: the database decides."""
    try:
        with transaction.atomic():
            return RuleMatch.objects.create(rule=rule, item=item, outcome=outcome)
    except IntegrityError:
        return None


def _taken_today(rule: Rule, now: datetime) -> int:
    """Items that the rule has tried to publish on the organisation's day, this one included."""
    zone = rule.organisation.timezone
    midnight = recurring(datetime.combine(wall_of(now, zone).date(), time()), zone)
    return RuleMatch.objects.filter(rule=rule, at__gte=midnight).exclude(outcome=CAPPED).count()


def _note_failure(rule: Rule, item: Item, error: Exception) -> None:
    params = {"rule": rule.name, "item": item.title}
    if isinstance(error, OpslagError):
        words = Explanation(
            gettext_noop("The rule “%(rule)s” could not use “%(item)s”: %(why)s"), params | {"why": str(error)}
        )
    else:
        words = Explanation(gettext_noop("The rule “%(rule)s” could not use “%(item)s”; the log says why."), params)
    with transaction.atomic():
        if _match_once(rule, item, FAILED):
            notify_approvers(rule.organisation, NoticeKind.ALERT, rule, words)
