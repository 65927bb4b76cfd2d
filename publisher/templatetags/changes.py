"""What pages say about news that changed: parts that stand where a line in a template puts them."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Count, Max, QuerySet
from django.template import Context

from publisher.compose.renewing import changed_news, withdrawn_news
from publisher.items.quarantine import held_in, held_of
from publisher.models import Campaign, Item, Source
from publisher.review.renewal import renewed_since_approval
from publisher.vocabulary import CampaignStatus, MessageStatus

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


@register.inclusion_tag("web/sendouts/changed.html", takes_context=True)
def news_changed(context: Context, campaign: Campaign) -> dict[str, Any]:
    """The news of a send-out that changed or was withdrawn since it was written, and the questions about it."""
    approved = campaign.status == CampaignStatus.APPROVED
    changed, withdrawn = changed_news(campaign), withdrawn_news(campaign)
    if (changed or withdrawn) and not campaign.messages.filter(status__in=_WAITING).exists():
        changed, withdrawn = [], []
    return {
        "campaign": campaign,
        "changed": changed,
        "withdrawn": withdrawn,
        "approved": approved,
        "may_decide": context.get("may_approve") if approved else context.get("may_edit", True),
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("web/sendouts/renewed.html")
def news_renewed(campaign: Campaign) -> dict[str, Any]:
    """What a send-out that was approved before says differently now."""
    return {"renewed": renewed_since_approval(campaign)}
