"""Which status may follow which (design: life cycles); a change that is not declared here raises."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_noop

from publisher.errors import TransitionError
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus, OperationStatus, PartStep

Transitions = Mapping[str, frozenset[str]]


def _edges(*declared: str) -> Transitions:
    """Read edges written as "a|b -> c|d", as in the design's life cycles."""
    table: dict[str, set[str]] = {}
    for line in declared:
        before, after = (side.strip() for side in line.split("->"))
        for old in before.split("|"):
            table.setdefault(old.strip(), set()).update(new.strip() for new in after.split("|"))
    return {old: frozenset(new) for old, new in table.items()}


CAMPAIGN_TRANSITIONS = _edges(
    "draft -> in_review | cancelled",
    "in_review -> approved | draft | cancelled",
    "approved -> draft | cancelled",
)
MESSAGE_TRANSITIONS = _edges(
    "draft -> scheduled | cancelled",
    "scheduled -> sending | paused | draft | held | cancelled",
    "sending -> finished | paused | held | cancelled",
    "paused -> scheduled | sending | held | cancelled",
    "held -> scheduled | sending | cancelled",
    "finished -> sending",
)
DELIVERY_TRANSITIONS = _edges(
    "pending -> sending | suppressed | cancelled | failed",
    "sending -> sent | pending | failed | uncertain",
    "uncertain -> sent | failed | pending",
    # Sent: it was given up because a mail came back, and then its arrival was reported (facts come in any order).
    "failed -> pending | sent",
)
PART_TRANSITIONS = _edges(
    "waiting -> preparing",
    "preparing -> prepared | waiting",
    "prepared -> committing | waiting",
    "committing -> committed | prepared",
    "committed -> confirmed",
)
OPERATION_TRANSITIONS = _edges(
    "pending -> working | done | cancelled",
    "working -> done | pending | failed | uncertain",
    "uncertain -> pending | done | failed | cancelled",
    "failed -> pending | done | cancelled",
)

LIFE_CYCLES: Mapping[type[TextChoices], Transitions] = {
    CampaignStatus: CAMPAIGN_TRANSITIONS,
    MessageStatus: MESSAGE_TRANSITIONS,
    DeliveryStatus: DELIVERY_TRANSITIONS,
    PartStep: PART_TRANSITIONS,
    OperationStatus: OPERATION_TRANSITIONS,
}


def check_transition(cycle: type[TextChoices], old: str, new: str) -> None:
    """Refuse a status change that the life cycle does not declare.

    Raises TransitionError, naming both statuses.
    """
    if new not in LIFE_CYCLES[cycle].get(old, frozenset()):
        raise TransitionError(
            gettext_noop("%(cycle)s cannot go from “%(old)s” to “%(new)s”."), cycle=cycle.__name__, old=old, new=new
        )


def sources_of(cycle: type[TextChoices], new: str) -> tuple[str, ...]:
    """The statuses from which `new` may be reached: what a conditional UPDATE lists in its WHERE."""
    return tuple(old for old, allowed in LIFE_CYCLES[cycle].items() if new in allowed)
