"""Posts that their platforms make wait until long after their time: the first page says which, why and until when."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.accounts.waiting import Wait, waits_of
from publisher.deliver.post_trouble import TOLD_AFTER
from publisher.models import Message, Organisation
from publisher.vocabulary import MessageStatus, Outlet
from publisher.web.course import wait_words


@dataclass(frozen=True)
class Delay:
    """One such post, with what it waits for in words."""

    message: Message
    words: str


def delays(organisation: Organisation) -> list[Delay]:
    """The organisation's, in the order in which they were planned."""
    going = Message.objects.for_organisation(organisation).filter(status=MessageStatus.SENDING, outlet=Outlet.POST)
    messages = list(going.select_related("campaign", "account", "newsletter").order_by("scheduled_at", "pk"))
    waits = waits_of(messages)
    return [Delay(each, wait_words(waits[each.pk])) for each in messages if _is_late(each, waits.get(each.pk))]


def _is_late(message: Message, wait: Wait | None) -> bool:
    planned = message.scheduled_at or message.started_at
    return wait is not None and planned is not None and wait.until > planned + TOLD_AFTER
