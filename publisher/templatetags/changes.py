"""What pages say about news that changed: parts that stand where a line in a template puts them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import template
from django.db.models import Count, Max, QuerySet
from django.template import Context

from publisher.compose.already_out import Again, sent_again
from publisher.compose.renewing import ChangedNews, changed_news, withdrawn_news
from publisher.items.quarantine import held_in, held_of
from publisher.models import Campaign, CampaignItem, Item, Source
from publisher.review.renewal import renewed_since_approval
from publisher.vocabulary import CampaignStatus, HoldReason, MessageStatus

register = template.Library()
SHOWN = 5
# What a send-out must still have for a question about its news to make sense.
_WAITING = (MessageStatus.DRAFT, MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD)


@register.inclusion_tag("web/news/held_strip.html", takes_context=True)
def held_news(context: Context, source: Source | None = None) -> dict[str, Any]:
    """What is held back in the organisation (or of one source), with both buttons; nothing if nothing is."""
    held: QuerySet[Item] = held_of(source) if source else held_in(context["organisation"])
    counted = held.aggregate(number=Count("pk"), until=Max("pk"))
    return counted | {
        "items": list(held[:SHOWN]) if counted["number"] else [],
        "source": source,
        "request": context.get("request"),
        "may_edit": context.get("may_edit"),
        "csrf_token": context.get("csrf_token"),
    }


@dataclass(frozen=True)
class Questions:
    """What a send-out asks a person about its news; of each item the gravest question only."""

    changed: list[ChangedNews]
    withdrawn: list[CampaignItem]
    again: list[Again]

    @property
    def key(self) -> str:
        """By it an open page knows whether it shows these; "" if nothing is asked."""
        keys = [f"w{each.item_id}" for each in self.withdrawn]
        keys += [f"a{each.chosen.item_id}.{each.message.pk}.{each.earlier.message.pk}" for each in self.again]
        return " ".join([*keys, *(f"c{each.item.pk}.{each.item.revision}" for each in self.changed)])


def questions_about(campaign: Campaign) -> Questions:
    """Ask what has become of its news since it was written."""
    withdrawn = withdrawn_news(campaign)
    gone = {each.item_id for each in withdrawn}
    # One question at a time: whether it is sent at all comes first.
    changed = [each for each in changed_news(campaign) if each.item.pk not in gone]
    again = [each for each in _asked_before_approval(campaign) if each.chosen.item_id not in gone]
    if (changed or withdrawn) and not campaign.messages.filter(status__in=_WAITING).exists():
        changed, withdrawn = [], []
    return Questions(changed, withdrawn, again)


@register.inclusion_tag("web/sendouts/changed.html", takes_context=True)
def news_changed(context: Context, campaign: Campaign, asked: Questions | None = None) -> dict[str, Any]:
    """The news of a send-out that changed, was withdrawn or went out before, and the questions about it."""
    approved = campaign.status == CampaignStatus.APPROVED
    asked = asked or questions_about(campaign)
    again = groupby(asked.again, lambda each: each.chosen)
    return {
        "campaign": campaign,
        "changed": asked.changed,
        "withdrawn": asked.withdrawn,
        "again": [(chosen, [each.earlier for each in rows]) for chosen, rows in again],
        "held": campaign.messages.filter(status=MessageStatus.HELD, hold_reason=HoldReason.WITHDRAWN)
        if asked.withdrawn and approved
        else [],
        "approved": approved,
        "may_decide": context.get("may_approve") if approved else context.get("may_edit", True),
        "csrf_token": context.get("csrf_token"),
    }


def _asked_before_approval(campaign: Campaign) -> list[Again]:
    if campaign.status not in (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW):
        return []
    return sorted(sent_again(campaign), key=lambda each: each.chosen.position)


@register.inclusion_tag("web/sendouts/renewed.html")
def news_renewed(campaign: Campaign) -> dict[str, Any]:
    """What a send-out that was approved before says differently now."""
    return {"renewed": renewed_since_approval(campaign)}
