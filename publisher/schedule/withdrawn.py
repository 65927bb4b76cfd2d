"""Withdrawn news on its way out: sending it is worse than being late, so what uses it is held for a person."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.compose.renewing import withdrawn_news
from publisher.errors import Explanation
from publisher.models import CampaignItem, Message, waiting_of
from publisher.models.probe import Moment
from publisher.vocabulary import MessageStatus, Outlet


def with_withdrawn_news(now: Moment) -> QuerySet[Message]:
    """Messages that wait or are being sent, of whose campaign an item was withdrawn and nobody said to go on."""
    taken_back = CampaignItem.objects.filter(campaign=OuterRef("campaign"), item__withdrawn_at__isnull=False)
    open_questions = taken_back.exclude(accepted_withdrawal__isnull=False, accepted_withdrawal=F("item__withdrawn_at"))
    # Of a post that is being sent nothing can be held back any more.
    going = Q(status=MessageStatus.SCHEDULED) | Q(status=MessageStatus.SENDING, outlet=Outlet.EMAIL)
    return Message.objects.filter(going, Exists(open_questions))


def why_not(message: Message) -> Explanation | None:
    """Why the message must not go (on): in words, the first news in it that was withdrawn; None if nothing speaks
    against it, or if nobody is left to get it."""
    found = withdrawn_news(message.campaign, message)
    if not found or (message.status == MessageStatus.SENDING and not waiting_of(message.pk).exists()):
        return None
    words = gettext_noop("“%(title)s” was taken back by its publisher. Send it all the same, or cancel it")
    return Explanation(words, {"title": found[0].item.title})
