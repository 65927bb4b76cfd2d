"""How far a campaign has come: one word, derived from its messages and never stored."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from publisher.models import Campaign, Message
from publisher.review.by_hand import still_public
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus


class Progress(TextChoices):
    """The words of `progress`, with what people see."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("Waiting for approval")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    HELD = "held", _("Held back")
    PARTLY_PUBLISHED = "partly_published", _("Partly published")
    FINISHED = "finished", _("Finished")
    UNCERTAIN = "uncertain", _("Unconfirmed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    WITHDRAWN_IN_PART = "withdrawn_in_part", _("Withdrawn in part")
    WITHDRAWN = "withdrawn", _("Withdrawn")


def progress(campaign: Campaign) -> str:
    """The word for a campaign: withdrawn, else what needs a person, then what is going on, then how it ended.

    For lists fetch the campaigns with `prefetch_related("messages__counts")`; then it asks the database nothing but
    for what was withdrawn, which is seldom: whether all of that is gone.
    """
    if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW):
        return Progress(campaign.status)
    messages = list(campaign.messages.all())
    withdrawn = [message for message in messages if message.withdrawn_at]
    if withdrawn:
        return _withdrawn(withdrawn)
    statuses = {message.status for message in messages}
    for status, word in (
        (MessageStatus.HELD, Progress.HELD),
        (MessageStatus.PAUSED, Progress.PAUSED),
        (MessageStatus.SENDING, Progress.SENDING),
    ):
        if status in statuses:
            return word
    ends = {_end(message) for message in messages if message.status == MessageStatus.FINISHED}
    if MessageStatus.SCHEDULED in statuses:
        return Progress.PARTLY_PUBLISHED if Progress.FINISHED in ends else Progress.SCHEDULED
    return _ended(ends, cancelled=MessageStatus.CANCELLED in statuses)


def progress_of_message(message: Message) -> Progress:
    """The same word for one mail or post; ask it of messages whose campaign and counts are fetched."""
    if message.campaign.status in (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW):
        return Progress(message.campaign.status)
    if message.withdrawn_at and message.started_at:
        return _withdrawn([message])
    return _end(message) if message.status == MessageStatus.FINISHED else Progress(message.status)


def _withdrawn(messages: list[Message]) -> Progress:
    """Not that all is gone, before it is: some platforms let nobody but a person delete a post."""
    return Progress.WITHDRAWN_IN_PART if still_public(messages).exists() else Progress.WITHDRAWN


def _end(message: Message) -> Progress:
    """How one finished message ended: by its deliveries, since a post may have been refused."""
    reached: dict[str, int] = {}
    for row in message.counts.all():
        reached[row.status] = reached.get(row.status, 0) + row.count
    if reached.get(DeliveryStatus.SENT):
        return Progress.FINISHED
    if reached.get(DeliveryStatus.UNCERTAIN):
        return Progress.UNCERTAIN
    return Progress.FAILED if reached.get(DeliveryStatus.FAILED) else Progress.FINISHED


def _ended(ends: set[Progress], *, cancelled: bool) -> Progress:
    if not ends:
        return Progress.CANCELLED
    if Progress.FINISHED in ends:
        return Progress.FINISHED if len(ends) == 1 and not cancelled else Progress.PARTLY_PUBLISHED
    return Progress.UNCERTAIN if Progress.UNCERTAIN in ends else Progress.FAILED
