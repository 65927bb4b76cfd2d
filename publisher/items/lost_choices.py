"""Rules that lose the only source, topic or area that they name: without it they would take everything."""

from __future__ import annotations

from collections.abc import Iterable

from publisher.models import Rule


def switch_off_without(rules: Iterable[Rule], choice: str) -> list[Rule]:
    """Switch off those of `rules` that are on; none goes on again before it has another (`rules.switching`).

    They lose the only one of their `choice`: "sources", "topics" or "areas". Gives those that were on.
    """
    off = [rule for rule in rules if rule.active]
    for rule in rules:
        Rule.objects.filter(pk=rule.pk).update(active=False, lost=sorted({*rule.lost, choice}))
    return off
