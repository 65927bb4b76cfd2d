"""A rule that misfires holds itself and asks: far more news than it ever meets in a day, or only failures."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.notices import notify_approvers
from publisher.errors import Explanation
from publisher.models import Rule, RuleMatch
from publisher.rules.pacing import LEFT_OUT
from publisher.schedule.times import recurring, wall_of
from publisher.vocabulary import MatchOutcome, NoticeKind

# More than so many times its busiest day of the last four weeks, and at least so many, is no ordinary day.
TIMES_USUAL, AT_LEAST = 3, 5
HISTORY = timedelta(days=28)
# Before a rule has been at work for so long nobody knows what is usual. Then, and on the day on which it is switched
# on, what is far beyond its own daily limit is asked about: most of it would be left out without a word.
SETTLED = timedelta(days=7)
TIMES_DAILY_CAP, NEW_AT_LEAST = 3, 10
FAILURES_IN_A_ROW = 3

_MORE_THAN_USUAL = gettext_noop(
    "The rule “%(rule)s” has %(number)s news items for today; on its busiest day of the last four weeks it had "
    "%(busiest)s. It holds until somebody has looked."
)
_MANY_WHILE_NEW = gettext_noop(
    "The rule “%(rule)s” has %(number)s news items for today, and nobody knows yet what is usual for it. It holds "
    "until somebody has looked."
)


def flood(rule: Rule, fresh: int, now: datetime) -> Explanation | None:
    """Why a rule should hold itself, if `fresh` more items are far more than its usual; a day is its zone's.

    What a person released from quarantine counts like any other. Who let it go on today has answered for today.
    """
    since = midnight(rule, now)
    if rule.answered_at is not None and rule.answered_at >= since:
        return None
    today = fresh + RuleMatch.objects.filter(rule=rule, at__gte=since).count()
    busiest = _busiest(rule, since, now)
    usual = TIMES_USUAL * (busiest or 0)
    if busiest is None or (rule.on_since or rule.created_at) >= since:
        return None if today <= max(most_while_new(rule), usual) else _say(_MANY_WHILE_NEW, rule, number=today)
    return None if today < AT_LEAST or today <= usual else _say(_MORE_THAN_USUAL, rule, number=today, busiest=busiest)


def most_while_new(rule: Rule) -> int:
    """How many items a day a rule takes up before anybody knows what is usual for it."""
    return max(TIMES_DAILY_CAP * rule.daily_cap, NEW_AT_LEAST)


def _busiest(rule: Rule, since: datetime, now: datetime) -> int | None:
    """How many items the rule met on its busiest day before `since`; None if it is too new to know."""
    earlier = RuleMatch.objects.filter(rule=rule, at__gte=now - HISTORY, at__lt=since).values_list("at", flat=True)
    days = Counter(wall_of(at, rule.organisation.timezone).date() for at in earlier)
    is_new = rule.created_at > now - SETTLED or (not days and (rule.on_since or rule.created_at) > now - SETTLED)
    return None if is_new else max(days.values(), default=0)


def _say(msgid: str, rule: Rule, **numbers: int) -> Explanation:
    return Explanation(msgid, {"rule": rule.name} | {name: str(number) for name, number in numbers.items()})


def failing(rule: Rule) -> Explanation | None:
    """Why a rule should hold itself, if all that it took up last failed."""
    since = rule.on_since or rule.created_at
    last = RuleMatch.objects.filter(rule=rule, at__gte=since).exclude(outcome__in=(MatchOutcome.WAITING, *LEFT_OUT))
    outcomes = list(last.order_by("-at", "-pk").values_list("outcome", flat=True)[:FAILURES_IN_A_ROW])
    if outcomes != [MatchOutcome.FAILED] * FAILURES_IN_A_ROW:
        return None
    msgid = gettext_noop("The rule “%(rule)s” failed %(number)s times in a row. It holds until somebody has looked.")
    return Explanation(msgid, {"rule": rule.name, "number": str(FAILURES_IN_A_ROW)})


def hold(rule: Rule, why: Explanation, now: datetime) -> None:
    """Let the rule do nothing more until somebody says so, and ask whoever approves; once."""
    with transaction.atomic():
        held = Rule.objects.filter(pk=rule.pk, active=True, held_at=None).update(held_at=now, held_why=why.as_json())
        if held:
            record(rule.organisation, None, "rule_held", rule, gettext_noop("held it: it needs a person"))
            notify_approvers(rule.organisation, NoticeKind.ALERT, rule, why)


def midnight(rule: Rule, now: datetime) -> datetime:
    """When the day of `now` began where the rule's organisation is."""
    zone = rule.organisation.timezone
    return recurring(datetime.combine(wall_of(now, zone).date(), time()), zone)
