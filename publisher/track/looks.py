"""What was asked of platforms about posts that were unconfirmed, and what they said: for the pages and the receipt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from publisher.errors import Explanation
from publisher.models import Event, Message
from publisher.vocabulary import EventSource, Outlet


@dataclass(frozen=True)
class LookedAt:
    """One question and its answer, in a sentence."""

    at: datetime
    words: Explanation


def looks_at(messages: Iterable[Message]) -> dict[int, list[LookedAt]]:
    """By message, oldest first; only of posts about which somebody asked. One question for all."""
    posts = [message.pk for message in messages if message.outlet == Outlet.POST and message.started_at]
    found: dict[int, list[LookedAt]] = defaultdict(list)
    if posts:
        kept = Event.objects.filter(delivery__message__in=posts, source=EventSource.LOOK).order_by("at", "pk")
        for message_id, at, detail in kept.values_list("delivery__message", "at", "detail"):
            found[message_id].append(LookedAt(at, Explanation.from_json(detail)))
    return dict(found)
