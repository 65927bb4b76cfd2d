"""A rule switched on and off, let go on after it held itself, changed; and what then becomes of what waits."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.models import Rule, RuleMatch
from publisher.vocabulary import MatchOutcome

_LOST = {
    "sources": gettext_noop(
        "The only news source of “%(rule)s” was removed, so it would take news from all of them. Choose a source for "
        "it first."
    ),
    "topics": gettext_noop(
        "The only topic of “%(rule)s” was removed, so it would take news about everything. Choose a topic for it first."
    ),
    "areas": gettext_noop(
        "The only area of “%(rule)s” was removed, so it would take news from everywhere. Choose an area for it first."
    ),
}


def waiting(rule: Rule) -> QuerySet[RuleMatch]:
    """The items that wait for their turn, in the order in which they will be looked at."""
    return RuleMatch.objects.filter(rule=rule, outcome=MatchOutcome.WAITING).order_by("due", "pk")


def switch_on(rule: Rule, now: datetime) -> None:
    """Let it work from now on. What waited when it was switched off stays left out.

    Raises InputError if it has lost its only source, topic or area and has no other: it would take everything.
    """
    for choice in rule.lost:
        if not getattr(rule, choice).exists():
            raise InputError(_LOST[choice], rule=rule.name)
    _leave_out(rule)
    Rule.objects.filter(pk=rule.pk).update(
        active=True, on_since=now, answered_at=None, held_at=None, held_why={}, lost=[]
    )


def switch_off(rule: Rule) -> int:
    """Let it do nothing more; what waits is left out and not taken up again later: gives how many items that are."""
    Rule.objects.filter(pk=rule.pk).update(active=False, held_at=None, held_why={})
    return _leave_out(rule)


def go_on(rule: Rule, now: datetime) -> bool:
    """Let a rule that held itself work on: what waits and what came meanwhile, if it is young enough, gets its turn.

    Gives whether it was held. What comes today is not held against it again (see misfire.flood).
    """
    held = Rule.objects.filter(pk=rule.pk, active=True, held_at__isnull=False)
    return bool(held.update(held_at=None, held_why={}, on_since=now, answered_at=now))


def look_again(rule: Rule, now: datetime) -> int:
    """After a change: what waits is looked at again at once, by what the rule says now, and so is what it has read in
    vain. Call it in the change's own transaction. Gives how many items wait."""
    rule.looks.all().delete()
    return waiting(rule).update(due=now)


def _leave_out(rule: Rule) -> int:
    return waiting(rule).update(outcome=MatchOutcome.SWITCHED_OFF, due=None)
