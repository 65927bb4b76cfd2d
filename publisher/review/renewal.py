"""News that changed or was withdrawn while a send-out waits, or went out before: a person decides, and whoever
approves is told of a change once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record, timeline
from publisher.access.notices import notify_approvers
from publisher.access.roles import require
from publisher.compose.already_out import accept_again, sent_again
from publisher.compose.renewing import (
    ChangedNews,
    accept_withdrawals,
    changed_news,
    keep_words,
    take_new_words,
    withdrawn_news,
)
from publisher.errors import Explanation, InputError
from publisher.items.differences import Difference, differences
from publisher.items.history import content_at
from publisher.models import Campaign, CampaignItem, Item, Message, User
from publisher.models.probe import Moment
from publisher.review.approval import submit, to_draft
from publisher.review.control import release
from publisher.review.moves import CHANGED_MEANWHILE
from publisher.vocabulary import CampaignStatus, HoldReason, MessageStatus, NoticeKind

RENEWED, APPROVED = "news_renewed", "approved"


@dataclass(frozen=True)
class RenewedNews:
    """What a send-out says differently since it was approved last."""

    item: Item
    changes: tuple[Difference, ...]


def take(campaign: Campaign, item_id: int, user: User) -> bool:
    """Take the new words of a changed item; what was handed in or approved waits for approval once more.

    False if something stayed because a person had written it. Raises InputError once it is being sent, or if somebody
    has decided meanwhile; PermissionDenied where taking the send-out back is not the user's to do.
    """
    require(user, "edit", campaign.organisation)
    before = campaign.status
    with transaction.atomic():
        changed = _changed(campaign, item_id)
        if before != CampaignStatus.DRAFT:
            to_draft(campaign, user)
        whole = take_new_words(changed.chosen)
        record(
            campaign.organisation,
            user,
            RENEWED,
            campaign,
            gettext_noop("Took the new words of “%(title)s”"),
            title=changed.item.title,
            item=item_id,
            before=changed.chosen.item_revision,
            after=changed.item.revision,
        )
        if before != CampaignStatus.DRAFT:
            words = gettext_noop("“%(title)s” with the new words of its news")
            submit(campaign, user, words=Explanation(words, {"title": campaign.title}))
    return whole


def keep(campaign: Campaign, item_id: int, user: User) -> None:
    """Leave the words as they are. Raises InputError if somebody has decided meanwhile; PermissionDenied."""
    _may(campaign, user)
    with transaction.atomic():
        changed = _changed(campaign, item_id)
        keep_words(changed.chosen)
        words = gettext_noop("Kept the words about “%(title)s” as they are")
        record(campaign.organisation, user, "news_kept", campaign, words, title=changed.item.title)


def send_anyway(campaign: Campaign, item_id: int, user: User) -> None:
    """Send a withdrawn item all the same; what was held for it alone goes on.

    Raises InputError if somebody has decided meanwhile; PermissionDenied.
    """
    _may(campaign, user)
    with transaction.atomic():
        chosen = [each for each in withdrawn_news(campaign) if each.item_id == item_id]
        if not chosen:
            raise InputError(CHANGED_MEANWHILE)
        accept_withdrawals(chosen)
        words = gettext_noop("Said to send “%(title)s” although it was withdrawn")
        record(campaign.organisation, user, "withdrawal_accepted", campaign, words, title=chosen[0].item.title)
        held = campaign.messages.filter(status=MessageStatus.HELD, hold_reason=HoldReason.WITHDRAWN)
        for message in held.select_related("campaign__organisation", "newsletter", "account"):
            if not withdrawn_news(campaign, message):
                release(message, user)


def send_again(campaign: Campaign, item_id: int, user: User) -> None:
    """Send an item once more where it is already known; what is approved for the same outlet later is asked about anew.

    Raises InputError if there is nothing (more) to say to it; PermissionDenied.
    """
    _may(campaign, user)
    with transaction.atomic():
        asked = [each for each in sent_again(campaign) if each.chosen.item_id == item_id]
        if not asked:
            raise InputError(CHANGED_MEANWHILE)
        accept_again([asked[0].chosen], timezone.now())
        words = gettext_noop("Said to send “%(title)s” again, although it is known there already")
        record(campaign.organisation, user, "sent_again", campaign, words, title=asked[0].chosen.item.title)


def renewed_since_approval(campaign: Campaign) -> list[RenewedNews]:
    """What a send-out that was approved before says differently now, for whoever approves it again."""
    noted = timeline(campaign)
    last = max((number for number, entry in enumerate(noted) if entry.action == APPROVED), default=None)
    if last is None:
        return []
    found = []
    for entry in noted[last:]:
        if entry.action != RENEWED:
            continue
        facts = entry.explanation["params"]
        item = Item.objects.filter(pk=int(facts["item"])).first()
        before = content_at(item, int(facts["before"])) if item else None
        after = content_at(item, int(facts["after"])) if item else None
        if item and before and after:
            found.append(RenewedNews(item, tuple(differences(before, after))))
    return found


def untold(now: Moment) -> QuerySet[Message]:
    """Messages that wait for their time and use an item that changed, of which nobody was told yet."""
    undecided = Q(item__revision__gt=F("item_revision")) & Q(item__revision__gt=F("kept_revision"))
    quiet = Q(told_revision__lte=F("item_revision")) | Q(told_revision__lte=F("kept_revision"))
    changed = CampaignItem.objects.filter(undecided, quiet, campaign=OuterRef("campaign"))
    waiting = Message.objects.filter(status=MessageStatus.SCHEDULED, campaign__status=CampaignStatus.APPROVED)
    return waiting.filter(Exists(changed))


def tell_of_changes(now: datetime) -> int:
    """Tell those who approve, once until somebody decides; gives how many send-outs that concerned."""
    ids = set(untold(now).values_list("campaign", flat=True))
    return sum(_tell(campaign) for campaign in Campaign.objects.filter(pk__in=ids).select_related("organisation"))


def _tell(campaign: Campaign) -> bool:
    with transaction.atomic():
        # One worker tells.
        Campaign.objects.select_for_update().get(pk=campaign.pk)
        titles = [each.item.title for each in changed_news(campaign) if not _is_told(each.chosen)]
        for chosen in campaign.chosen.select_related("item"):
            CampaignItem.objects.filter(pk=chosen.pk).update(told_revision=chosen.item.revision)
        if titles:
            words = gettext_noop("“%(news)s” was changed at its source. It is in “%(title)s”, which waits to be sent.")
            told = Explanation(words, {"news": titles[0], "title": campaign.title})
            notify_approvers(campaign.organisation, NoticeKind.ALERT, campaign, told)
    return bool(titles)


def _is_told(chosen: CampaignItem) -> bool:
    return chosen.told_revision > max(chosen.item_revision, chosen.kept_revision)


def _changed(campaign: Campaign, item_id: int) -> ChangedNews:
    found = next((each for each in changed_news(campaign) if each.chosen.item_id == item_id), None)
    if found is None:
        raise InputError(CHANGED_MEANWHILE)
    return found


def _may(campaign: Campaign, user: User) -> None:
    require(user, "approve" if campaign.status == CampaignStatus.APPROVED else "edit", campaign.organisation)
