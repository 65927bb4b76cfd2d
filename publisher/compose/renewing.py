"""News that changed after a send-out was composed from it: what is different, and taking the new words.

A send-out is a copy, so nothing changes by itself. A person takes the new words or keeps the old ones; what somebody
has written by hand stays as it is either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from publisher.compose.drafts import campaign_title, content_of, head_of, open_draft
from publisher.compose.event_words import NOT_ON
from publisher.compose.links import news_url
from publisher.compose.post_pictures import give_pictures, pictures_of
from publisher.compose.post_text import event_line, made_of, news_of
from publisher.compose.values import many_lines, one_line
from publisher.items.differences import Difference, differences
from publisher.items.events import facts_in
from publisher.items.history import content_at
from publisher.items.recording import content_of as said_by
from publisher.models import Block, Campaign, CampaignItem, Item, Message
from publisher.vocabulary import MessageStatus, Outlet

# A block's own words that are an item's, by the names that a person may change (html stands for the text, too).
_WORDS = ("title", "lead", "html", "author", "link")
# Of chosen news: it has changed since its words were taken or kept.
NEWER = Q(item__revision__gt=F("item_revision")) & Q(item__revision__gt=F("kept_revision"))
# Of chosen news: it may say of an event that it takes place, which does not.
MAY_BE_OFF = Q(item__event_status__in=NOT_ON) & NEWER


@dataclass(frozen=True)
class ChangedNews:
    """A chosen item whose source says something else now: `changes` since the words that the send-out has."""

    chosen: CampaignItem
    changes: tuple[Difference, ...]

    @property
    def item(self) -> Item:
        """The item as it is now."""
        return self.chosen.item


def changed_news(campaign: Campaign) -> list[ChangedNews]:
    """The news in a campaign that changed since its words were taken or kept, in the campaign's order.

    None in a correction: its words are its own, and when what it says is not so any more, another is made.
    """
    chosen = list(campaign.chosen.filter(NEWER).select_related("item__picture"))
    if not chosen or campaign.messages.filter(corrects__isnull=False).exists():
        return []
    used = _used(campaign)
    found = [ChangedNews(each, tuple(_since(each))) for each in chosen if each.item_id in used]
    return [each for each in found if each.changes]


def withdrawn_news(campaign: Campaign, message: Message | None = None) -> list[CampaignItem]:
    """The withdrawn news in a campaign (in one of its messages) of which nobody said to send it all the same."""
    taken_back = campaign.chosen.filter(item__withdrawn_at__isnull=False).select_related("item")
    chosen = [each for each in taken_back if each.accepted_withdrawal != each.item.withdrawn_at]
    used = _used(campaign, message) if chosen else set()
    return [each for each in chosen if each.item_id in used]


def called_off_news(campaign: Campaign, message: Message | None = None) -> list[CampaignItem]:
    """The news in a campaign (in one of its messages) of events that were called off or put off since it was written.

    Not those of which somebody has said to keep the words.
    """
    chosen = list(campaign.chosen.filter(MAY_BE_OFF).select_related("item"))
    used = _used(campaign, message) if chosen else set()
    return [each for each in chosen if each.item_id in used and _status_written(each) != each.item.event_status]


def _status_written(chosen: CampaignItem) -> str:
    written = content_at(chosen.item, chosen.item_revision) or {}
    return str(written.get("event_status") or "")


def accept_withdrawals(chosen: Sequence[CampaignItem]) -> None:
    """A person has said to send it all the same. If it comes back and is withdrawn once more, they are asked anew."""
    for each in chosen:
        CampaignItem.objects.filter(pk=each.pk).update(accepted_withdrawal=each.item.withdrawn_at)


def keep_words(chosen: CampaignItem) -> None:
    """Keep the words as they are, although the item has changed up to now."""
    CampaignItem.objects.filter(pk=chosen.pk).update(kept_revision=chosen.item.revision)


@transaction.atomic
def take_new_words(chosen: CampaignItem) -> bool:
    """Write an item's new words into its campaign, a draft, wherever nobody has written their own.

    False if something was left because a person had written it. Raises InputError unless the campaign is a draft.
    """
    item = Item.objects.select_for_update(of=("self",)).select_related("picture").get(pk=chosen.item_id)
    before = content_at(item, chosen.item_revision) or {}
    campaign = chosen.campaign
    messages = campaign.messages.exclude(status=MessageStatus.CANCELLED).select_related("account", "newsletter")
    leads = not campaign.chosen.filter(position__lt=chosen.position).exists()
    title = campaign.title
    if leads and title == campaign_title(str(before.get("title", ""))):
        title = campaign_title(item.title)
    whole = True
    for message in messages:
        open_draft(message)
        for block in message.blocks.filter(item=item).select_related("picture"):
            whole = _renew_block(block, before, item) and whole
        if leads and message.outlet == Outlet.EMAIL:
            whole = _renew_head(message, before, item) and whole
        elif leads:
            whole = _renew_post(message, before, item, title) and whole
    Campaign.objects.filter(pk=campaign.pk).update(title=title)
    CampaignItem.objects.filter(pk=chosen.pk).update(item_revision=item.revision)
    campaign.refresh_from_db(fields=["revision", "title"])
    return whole


def _used(campaign: Campaign, message: Message | None = None) -> set[int]:
    """Items that stand in a mail of the campaign, or that its posts are about: the first one."""
    messages = campaign.messages.exclude(status=MessageStatus.CANCELLED)
    if message is not None:
        messages = messages.filter(pk=message.pk)
    blocks = Block.objects.filter(message__in=messages, item__isnull=False)
    used = set(blocks.values_list("item_id", flat=True))
    if messages.filter(outlet=Outlet.POST).exists():
        used |= set(campaign.chosen.order_by("position", "pk").values_list("item_id", flat=True)[:1])
    return used


def _since(chosen: CampaignItem) -> list[Difference]:
    base = content_at(chosen.item, max(chosen.item_revision, chosen.kept_revision))
    return differences(base, said_by(chosen.item)) if base else []


def _as_composed(before: Mapping[str, Any], item: Item) -> dict[str, str]:
    """The words that a block got from an item that said `before`."""
    composed = {name: one_line(str(before[name])) for name in ("title", "lead", "author", "link") if name in before}
    if composed.get("link") == "":
        composed["link"] = news_url(item.pk)
    return composed | ({"html": many_lines(str(before["body_html"]))} if "body_html" in before else {})


def _renew_block(block: Block, before: Mapping[str, Any], item: Item) -> bool:
    old, new, own = _as_composed(before, item), content_of(item), block.content
    kept = [name for name in _WORDS if name in old and own.get(name) != old[name] and old[name] != new[name]]
    for name in _WORDS:
        if own.get(name) == old.get(name, own.get(name)):
            own[name] = new[name]
    if "html" not in kept:
        own["text"] = new["text"]
    own |= {name: new[name] for name in ("published_at", "areas", "topics", "language", "event")}
    if block.picture_id == before.get("picture_id") and block.picture_id != item.picture_id:
        block.picture = item.picture
        own |= {name: new[name] for name in ("alt", "caption", "credit")}
    block.save(update_fields=["content", "picture"])
    return not kept


def _renew_head(message: Message, before: Mapping[str, Any], item: Item) -> bool:
    old = head_of(str(before.get("title", "")), str(before.get("lead") or before.get("body_text") or ""))
    new, kept = head_of(item.title, item.lead or item.body_text), False
    for name, was, is_now in zip(("subject", "preview_text"), old, new, strict=True):
        if getattr(message, name) == was:
            setattr(message, name, is_now)
        else:
            kept = kept or was != is_now
    message.save(update_fields=["subject", "preview_text"])
    return not kept


def _renew_post(message: Message, before: Mapping[str, Any], item: Item, title: str) -> bool:
    """`title` is what the campaign will be called."""
    account = message.account
    assert account is not None, "a post belongs to a channel"
    now, was = news_of(item, account), message.campaign.title
    then = replace(
        now,
        title=str(before.get("title", "")),
        lead=str(before.get("lead", "")),
        links=_links_before(message, before, item),
        topics=before.get("topics", now.topics),
        event=event_line(facts_in(before, account.organisation.timezone), account),
        alt=_first_alt(message),
    )
    _renew_picture(message, before, item)
    old, new = made_of(then, account, was), made_of(replace(now, alt=_first_alt(message)), account, title)
    kept = message.text != old.text and old.text != new.text
    if message.text == old.text:
        message.text = new.text
        if message.prefers_card == old.prefers_card:
            message.prefers_card = new.prefers_card
    if message.link == old.link:
        message.link = new.link
    message.save(update_fields=["text", "link", "prefers_card"])
    return not kept


def _links_before(message: Message, before: Mapping[str, Any], item: Item) -> tuple[str, ...]:
    """As `links_of` gave them. Where the item's was not kept it is the post's."""
    if "link" not in before:
        return (message.link,)
    page = news_url(item.pk)
    return (str(before["link"]), page) if before["link"] else (page,)


def _first_alt(message: Message) -> str | None:
    """What a post's first picture shows, None without one: posts of ours have one."""
    return next((each.alt for each in pictures_of(message)), None)


def _renew_picture(message: Message, before: Mapping[str, Any], item: Item) -> None:
    """The item's new picture in the place of the one before; what a person has put beside it stays."""
    old, new = before.get("picture_id"), item.picture
    shown = [(each.picture, each.alt) for each in pictures_of(message)]
    if old == item.picture_id:
        return
    if old is None and not shown and new:
        give_pictures(message, [(new, item.alt)])
    replaced = [(new, item.alt) if picture.pk == old else (picture, alt) for picture, alt in shown]
    if replaced != shown:
        give_pictures(message, [(picture, alt) for picture, alt in replaced if picture])
