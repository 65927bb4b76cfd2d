"""The automatic path: new items that a rule wants become campaigns, each at most once, at the rule's pace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.errors import Explanation, OpslagError
from publisher.items.events import still_ahead
from publisher.models import Item, Rule, RuleMatch
from publisher.rules.making import make
from publisher.rules.misfire import failing, flood, hold, midnight
from publisher.rules.pacing import LEFT_OUT, Pace, delay_of, pace_of, takes_slots
from publisher.rules.wanted import LEADS_SOMEWHERE, USABLE, fresh, known_at, matches, remember
from publisher.schedule.quiet import Quiet
from publisher.vocabulary import MatchOutcome, NoticeKind

log = logging.getLogger(__name__)

# A rule takes up so many items in one go, so that a big import does not keep the tick from its other work.
AT_ONCE = 200
# Of what went out longer ago than this and the gap, nothing can matter for a turn.
_REMEMBERED = timedelta(days=2)


def apply_rules(now: datetime) -> list[int]:
    """Let every rule at work make what it is time for, and take up what is new to it.

    Answers the campaigns made; a newsletter's next issue, in which items are gathered, is not among them.

    Each item is a transaction of its own: rule match and campaign stand or fall together, so a crash repeats nothing
    and loses nothing. An item that cannot be used is noted as failed, and whoever approves is told why.
    """
    made: list[int] = []
    rules = Rule.objects.filter(LEADS_SOMEWHERE, active=True, held_at=None)
    for rule in rules.select_related("organisation").order_by("pk"):
        made += _let_go(rule, now)
        made += _take_up(rule, now)
    return made


def _let_go(rule: Rule, now: datetime) -> list[int]:
    """What has waited and is due now, in the order in which it came."""
    due = RuleMatch.objects.filter(rule=rule, outcome=MatchOutcome.WAITING, due__lte=now).select_related("item")
    return [pk for match in due.order_by("pk")[:AT_ONCE] for pk in _safely(rule, match.item, now, _release)]


def _take_up(rule: Rule, now: datetime) -> list[int]:
    found = fresh(rule, now, AT_ONCE)
    if found.in_vain:
        remember(rule, found.in_vain, now)
    if found.items and (why := flood(rule, len(found.items), now)):
        hold(rule, why, now)
        return []
    return [pk for item in found.items for pk in _safely(rule, item, now, _meet)]


def _safely(rule: Rule, item: Item, now: datetime, act: Callable[[Rule, Item, datetime], list[int]]) -> list[int]:
    """Whatever one item does, the others must go on."""
    try:
        with transaction.atomic():
            # One worker at a time decides for a rule: its limits must hold between two of them, too.
            rows = Rule.objects.select_for_update(of=("self",)).select_related("organisation")
            still = rows.filter(pk=rule.pk, active=True, held_at=None).first()
            return act(still, item, now) if still else []
    except (OperationalError, InterfaceError):
        # The database is away or busy: nothing is wrong with the item, the next tick tries again.
        raise
    except Exception as error:
        log.exception("rule %s could not use item %s", rule.pk, item.pk)
        _note_failure(rule, item, error, now)
        return []


def _meet(rule: Rule, item: Item, now: datetime) -> list[int]:
    match = _match_once(rule, item)
    return [] if match is None else _settle(rule, item, match, now)


def _release(rule: Rule, item: Item, now: datetime) -> list[int]:
    """An item whose turn has come: as it is now, and as the rule is now."""
    waiting = RuleMatch.objects.select_for_update().filter(rule=rule, item=item, outcome=MatchOutcome.WAITING)
    match = waiting.filter(due__lte=now).first()
    if match is None:
        return []
    if not Item.objects.filter(USABLE, still_ahead(now), pk=item.pk).exists():
        return _end(match, MatchOutcome.WITHDRAWN)
    if not matches(rule, item):
        return _end(match, MatchOutcome.UNWANTED)
    return _settle(rule, item, match, now)


def _settle(rule: Rule, item: Item, match: RuleMatch, now: datetime) -> list[int]:
    """Make it if it is its turn; otherwise it waits for that, or is left out. Answers the campaigns made."""
    delay = delay_of(rule)
    turn = _turn(rule, match, now)
    if turn is None:
        return _end(match, MatchOutcome.CAPPED)
    match.goes_at, match.due = turn, turn - delay
    if known_at(item) + timedelta(hours=rule.max_age_hours) < max(match.due, now):
        return _end(match, MatchOutcome.TOO_OLD)
    if match.due > now:
        return _end(match, MatchOutcome.WAITING)
    made = make(rule, item, now, turn)
    match.campaign, match.issue, match.goes_at = made.campaign, made.issue, made.goes_at or turn
    _end(match, made.outcome)
    return [made.campaign.pk] if made.campaign else []


def _end(match: RuleMatch, outcome: MatchOutcome) -> list[int]:
    match.outcome = outcome
    match.save(update_fields=["campaign", "issue", "outcome", "due", "goes_at"])
    return []


def _turn(rule: Rule, match: RuleMatch, now: datetime) -> datetime | None:
    """When what is made of it should go out, beside all else of the rule; None if that day is full.

    Nobody overtakes: what came later never goes out before what waits since earlier.
    """
    others = RuleMatch.objects.filter(rule=rule).exclude(pk=match.pk).exclude(outcome__in=LEFT_OUT)
    if takes_slots(rule):
        # Its posts are paced by the channels' posting times; here only: so many items a day.
        pace = Pace(Quiet(rule.organisation.timezone), rule.daily_cap)
        return pace.turn(now, list(others.filter(at__gte=midnight(rule, now)).values_list("at", flat=True)))
    pace = pace_of(rule)
    before = others.exclude(outcome=MatchOutcome.WAITING, pk__gt=match.pk)
    since = now - pace.gap - _REMEMBERED
    ahead = _times(before.filter(outcome=MatchOutcome.WAITING), since)
    return pace.turn(max([now + delay_of(rule), *ahead]), _times(before, since))


def _times(rows: QuerySet[RuleMatch], since: datetime) -> list[datetime]:
    """When what these made goes out, or else when they met."""
    times = rows.annotate(out_at=Coalesce("goes_at", "at")).filter(out_at__gte=since)
    return list(times.values_list("out_at", flat=True))


def _match_once(rule: Rule, item: Item, outcome: str = "") -> RuleMatch | None:
    """The row that says they have met; None if another worker wrote it first: the database decides."""
    try:
        with transaction.atomic():
            return RuleMatch.objects.create(rule=rule, item=item, outcome=outcome)
    except IntegrityError:
        return None


def _note_failure(rule: Rule, item: Item, error: Exception, now: datetime) -> None:
    params = {"rule": rule.name, "item": item.title}
    if isinstance(error, OpslagError):
        words = Explanation(
            gettext_noop("The rule “%(rule)s” could not use “%(item)s”: %(why)s"), params | {"why": str(error)}
        )
    else:
        words = Explanation(gettext_noop("The rule “%(rule)s” could not use “%(item)s”; the log says why."), params)
    with transaction.atomic():
        waited = RuleMatch.objects.filter(rule=rule, item=item, outcome=MatchOutcome.WAITING)
        if waited.update(outcome=MatchOutcome.FAILED, at=now) or _match_once(rule, item, MatchOutcome.FAILED):
            notify_approvers(rule.organisation, NoticeKind.ALERT, rule, words)
            if why := failing(rule):
                hold(rule, why, now)
