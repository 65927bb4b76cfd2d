"""Events on staff's pages: when and where in words, whether it is over."""

from __future__ import annotations

from django import template
from django.utils import timezone

from publisher.compose.event_words import EventWords, event_words
from publisher.compose.links import event_url
from publisher.items.events import facts_of, is_over
from publisher.models import Item

register = template.Library()


@register.simple_tag
def event_of(item: Item, zone: str) -> EventWords | None:
    """The event of a news item in words, on the clocks of `zone`; None if it is no event."""
    return event_words(facts_of(item), zone, timezone.localdate().year)


@register.filter
def over(item: Item) -> bool:
    """Whether a news item is an event that is over."""
    return is_over(item)


@register.filter
def calendar_file(item: Item) -> str:
    """Where an event's file for a calendar is."""
    return event_url(item.pk)
