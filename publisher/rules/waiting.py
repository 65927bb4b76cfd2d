"""What waits for a rule's turn, as people plan around it: which item, where it goes, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Coalesce

from publisher.models import Account, Item, Message, Newsletter, Organisation, Rule, RuleMatch
from publisher.models.scoped import ScopedQuerySet
from publisher.rules.wanted import USABLE
from publisher.vocabulary import CampaignStatus, MatchOutcome, MessageStatus, RuleMail


@dataclass(frozen=True)
class Turn:
    """An item that a rule sends by itself. `at`: when; `outlets`: where, none if a colleague sees to all of it.

    Where a send-out tells of the item already, or is to, be it a draft only, the rule does not send it beside that.
    """

    item: Item
    rule: Rule
    at: datetime
    outlets: list[Newsletter | Account] = field(default_factory=list)

    @property
    def is_asking(self) -> bool:
        """Whether the rule holds itself: then nothing goes out before a person lets it go on."""
        return self.rule.held_at is not None


def turns_of(organisation: Organisation, items: Iterable[Item]) -> list[Turn]:
    """What waits of these items, soonest first; in a fixed number of queries."""
    return _turns(_waiting(organisation).filter(item__in=list(items)))


def turns_between(organisation: Organisation, start: datetime, end: datetime) -> list[Turn]:
    """What rules are going to send in [start, end), soonest first."""
    return _planned(_waiting(organisation, Q(turn_at__gte=start, turn_at__lt=end)))


def next_turns(organisation: Organisation, limit: int) -> list[Turn]:
    """The next that rules are going to send; fewer than `limit` if colleagues see to some of them."""
    return _planned(_waiting(organisation)[:limit])


def _waiting(organisation: Organisation, when: Q | None = None) -> ScopedQuerySet[RuleMatch]:
    found = RuleMatch.objects.for_organisation(organisation).filter(outcome=MatchOutcome.WAITING, rule__active=True)
    usable = found.filter(item__in=Item.objects.filter(USABLE)).annotate(turn_at=Coalesce("goes_at", "due"))
    found = usable.filter(when or Q()).order_by("turn_at", "pk")
    return found.select_related("item", "rule__newsletter").prefetch_related("rule__accounts")


def _planned(matches: ScopedQuerySet[RuleMatch]) -> list[Turn]:
    return [turn for turn in _turns(matches) if turn.outlets and not turn.is_asking]


def _turns(matches: Iterable[RuleMatch]) -> list[Turn]:
    rows = list(matches)
    seen_to = _seen_to(rows) if rows else set()
    return [
        Turn(
            match.item,
            match.rule,
            match.turn_at,  # type: ignore[attr-defined]
            [outlet for outlet in _outlets(match.rule) if (match.item_id, type(outlet), outlet.pk) not in seen_to],
        )
        for match in rows
    ]


def _outlets(rule: Rule) -> list[Newsletter | Account]:
    """Where it goes when its turn comes; a newsletter's next issue waits for a person beyond that."""
    mails = [rule.newsletter] if rule.newsletter and rule.mail_as == RuleMail.OWN else []
    return [*mails, *rule.accounts.all()]


def _seen_to(matches: Sequence[RuleMatch]) -> set[tuple[int, type, int]]:
    """Item, kind and id of an outlet for which there is a send-out of it, drafts included; as rules.making has it."""
    rows = Message.objects.filter(campaign__chosen__item__in={match.item_id for match in matches})
    rows = rows.exclude(status=MessageStatus.CANCELLED).exclude(campaign__status=CampaignStatus.CANCELLED)
    found = rows.values_list("campaign__chosen__item", "newsletter", "account")
    return {
        (item, Newsletter, newsletter) if newsletter else (item, Account, account)
        for item, newsletter, account in found
    }
