"""Drafts: from chosen items to a campaign with its mail and posts, and changes to them while it is a draft.

What is composed is a copy: later changes of an item never change a send-out by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext_noop

from publisher.audience.aims import Aim
from publisher.compose.links import item_url
from publisher.compose.past_events import post_item
from publisher.compose.post_pictures import give_pictures, pictures_of
from publisher.compose.post_text import made_of, news_of
from publisher.compose.values import is_web_address, many_lines, one_line, shorten
from publisher.errors import InputError
from publisher.items.choices import offered_areas, offered_topics
from publisher.items.content import excerpt
from publisher.items.events import facts_of
from publisher.models import (
    Account,
    Block,
    Campaign,
    CampaignItem,
    Item,
    Message,
    Newsletter,
    Organisation,
    Rule,
    User,
)
from publisher.vocabulary import BlockKind, CampaignStatus, Outlet

PREVIEW_LENGTH = 100
SUBJECT_LENGTH = 200
TITLE_LENGTH = 300
# What of a block a person may change, and whether it may have several lines.
BLOCK_WORDS = {
    "title": False,
    "lead": False,
    "html": True,
    "link": False,
    "alt": False,
    "caption": False,
    "credit": False,
    "author": False,
}


@transaction.atomic
def create_campaign(
    organisation: Organisation,
    items: Sequence[Item],
    *,
    newsletter: Newsletter | None = None,
    accounts: Sequence[Account] = (),
    user: User | None = None,
    rule: Rule | None = None,
    title: str = "",
) -> Campaign:
    """Make a draft: an e-mail message with a block per item (the first leads), and a post for each account.

    Every block is for everyone, whatever its item's areas and topics; `aim_block` says otherwise. Raises InputError if
    there is nothing to send, nowhere to send it, or something belongs to another organisation.
    """
    _check_choice(organisation, items, newsletter, accounts)
    first = items[0]
    campaign = Campaign.objects.create(
        organisation=organisation,
        title=campaign_title(title or first.title),
        rule=rule,
        created_by=user,
    )
    CampaignItem.objects.bulk_create(
        CampaignItem(campaign=campaign, item=item, item_revision=item.revision, position=position)
        for position, item in enumerate(items)
    )
    if newsletter:
        _add_email(campaign, items, newsletter)
    for account in accounts:
        _add_post(campaign, items, account)
    return campaign


def _check_choice(
    organisation: Organisation, items: Sequence[Item], newsletter: Newsletter | None, accounts: Sequence[Account]
) -> None:
    if not items:
        raise InputError(gettext_noop("Choose at least one news item."))
    if not newsletter and not accounts:
        raise InputError(gettext_noop("Choose a newsletter or a channel to send to."))
    owners = {item.organisation_id for item in items} | {account.organisation_id for account in accounts}
    if newsletter:
        owners.add(newsletter.organisation_id)
    if owners != {organisation.pk}:
        raise InputError(gettext_noop("A send-out can only use news and channels of its own organisation."))


def _add_email(campaign: Campaign, items: Sequence[Item], newsletter: Newsletter) -> None:
    first = items[0]
    subject, preview_text = head_of(first.title, first.lead or first.body_text)
    message = Message.objects.create(
        campaign=campaign,
        outlet=Outlet.EMAIL,
        newsletter=newsletter,
        language=newsletter.language,
        subject=subject,
        preview_text=preview_text,
    )
    Block.objects.bulk_create(
        Block(
            message=message,
            kind=BlockKind.STORY if position else BlockKind.LEAD_STORY,
            position=position,
            item=item,
            picture=item.picture,
            content=content_of(item),
        )
        for position, item in enumerate(items)
    )


def head_of(title: str, text: str) -> tuple[str, str]:
    """A mail's subject and preview text from its first item's headline, and its lead or else its text."""
    return shorten(one_line(title), SUBJECT_LENGTH), shorten(excerpt(one_line(text), PREVIEW_LENGTH), PREVIEW_LENGTH)


def campaign_title(title: str) -> str:
    """What a campaign is called after a headline."""
    return shorten(one_line(title), TITLE_LENGTH)


def _add_post(campaign: Campaign, items: Sequence[Item], account: Account) -> None:
    first = items[0]
    made = made_of(news_of(first, account), account, campaign.title)
    message = Message.objects.create(
        campaign=campaign,
        outlet=Outlet.POST,
        account=account,
        language=account.language,
        visibility=account.visibility,
        text=made.text,
        link=made.link,
        prefers_card=made.prefers_card,
    )
    if first.picture:
        give_pictures(message, [(first.picture, first.alt)])


def content_of(item: Item) -> dict[str, object]:
    """A block's own copy of an item: what the mail shows, as JSON."""
    picture = item.picture
    return {
        "title": one_line(item.title),
        "lead": one_line(item.lead),
        "html": many_lines(item.body_html),
        "text": many_lines(item.body_text),
        "link": item_url(item),
        "alt": one_line(item.alt),
        "caption": one_line(picture.caption) if picture else "",
        "credit": one_line(picture.credit) if picture else "",
        "author": one_line(item.author),
        "published_at": item.published_at.isoformat() if item.published_at else "",
        "areas": [area.name for area in item.areas.all()],
        "topics": [topic.name for topic in item.topics.all()],
        "language": item.language,
        "event": facts_of(item),
    }


def open_draft(message: Message) -> None:
    """Take a draft for a change: its campaign's revision rises, so that nobody approves what they did not see.

    Call it in the change's own transaction. Raises InputError unless the campaign is a draft.
    """
    opened = Campaign.objects.filter(pk=message.campaign_id, status=CampaignStatus.DRAFT).update(
        revision=F("revision") + 1
    )
    if not opened:
        raise InputError(gettext_noop("Only a draft can be changed. Take the send-out back to draft first."))


@transaction.atomic
def update_email(message: Message, *, subject: str | None = None, preview_text: str | None = None) -> None:
    """Change a mail's subject or preview text. Raises InputError unless its campaign is a draft, or if too long."""
    open_draft(message)
    if subject is not None:
        message.subject = _within(one_line(subject), SUBJECT_LENGTH)
    if preview_text is not None:
        message.preview_text = _within(one_line(preview_text), SUBJECT_LENGTH)
    message.save(update_fields=["subject", "preview_text"])


@transaction.atomic
def update_post(
    message: Message,
    *,
    text: str | None = None,
    link: str | None = None,
    alts: Mapping[int, str] | None = None,
    visibility: str | None = None,
    language: str | None = None,
    follow_ups: Sequence[str] | None = None,
    prefers_card: bool | None = None,
) -> None:
    """Change a post; what is None stays. `alts` are new descriptions of its pictures, by the pictures' ids.

    Raises InputError unless its campaign is a draft, or for a broken link.
    """
    open_draft(message)
    given = {"text": text, "visibility": visibility, "language": language}
    for name, value in given.items():
        if value is not None:
            setattr(message, name, many_lines(value))
    if link is not None:
        message.link = _checked_link(link)
    if alts:
        shown = [(each.picture, alts.get(each.picture_id, each.alt)) for each in pictures_of(message)]
        give_pictures(message, [(picture, many_lines(alt)) for picture, alt in shown])
    if follow_ups is not None:
        message.follow_ups = [many_lines(words) for words in follow_ups]
    if prefers_card is not None:
        message.prefers_card = prefers_card
    message.save(update_fields=[*given, "link", "follow_ups", "prefers_card"])


@transaction.atomic
def update_block(block: Block, **words: str) -> None:
    """Change a block's own words (names in BLOCK_WORDS); its item stays as it is.

    Raises InputError unless the campaign is a draft, or for a broken link.
    """
    open_draft(block.message)
    for name, value in words.items():
        clean = many_lines if BLOCK_WORDS[name] else one_line
        block.content[name] = _checked_link(value) if name == "link" else clean(value)
    block.save(update_fields=["content"])


@transaction.atomic
def aim_block(block: Block, aim: Aim) -> None:
    """Show a block only to those who chose one of these areas and one of these topics (or nothing of the kind).

    Raises InputError unless the campaign is a draft, or if an area or topic is none of the newsletter's.
    """
    open_draft(block.message)
    newsletter = block.message.newsletter
    assert newsletter is not None, "only a mail has blocks"
    areas = {area.pk for area in (*offered_areas(newsletter), *block.areas.all())}
    topics = {topic.pk for topic in (*offered_topics(newsletter), *block.topics.all())}
    if not (aim.areas <= areas and aim.topics <= topics):
        raise InputError(gettext_noop("Choose among the areas and topics of the newsletter."))
    block.areas.set(aim.areas)
    block.topics.set(aim.topics)


@transaction.atomic
def add_block(message: Message, kind: BlockKind, *, position: int | None = None, **words: str) -> Block:
    """Add a heading, text or divider with words as in `update_block`, at the end or before the one at `position`."""
    open_draft(message)
    last = message.blocks.aggregate(last=Max("position"))["last"]
    place = (0 if last is None else last + 1) if position is None else position
    message.blocks.filter(position__gte=place).update(position=F("position") + 1)
    content = {name: (many_lines if BLOCK_WORDS[name] else one_line)(value) for name, value in words.items()}
    return Block.objects.create(message=message, kind=kind, position=place, content=content)


@transaction.atomic
def add_story(message: Message, item: Item) -> Block:
    """Put an item at the end of a mail, for everyone; a mail's first story leads. Raises InputError as above."""
    open_draft(message)
    last = message.blocks.aggregate(last=Max("position"))["last"]
    leads = not message.blocks.filter(kind=BlockKind.LEAD_STORY).exists()
    number = CampaignItem.objects.filter(campaign=message.campaign_id).count()
    CampaignItem.objects.get_or_create(
        campaign_id=message.campaign_id,
        item=item,
        defaults={"item_revision": item.revision, "position": number},
    )
    return Block.objects.create(
        message=message,
        kind=BlockKind.LEAD_STORY if leads else BlockKind.STORY,
        position=0 if last is None else last + 1,
        item=item,
        picture=item.picture,
        content=content_of(item),
    )


@transaction.atomic
def arrange_blocks(message: Message, block_ids: Iterable[int]) -> None:
    """Keep these blocks, in this order, and remove the others; the first story leads. Raises InputError as above.

    News that is told nowhere in the campaign then was not chosen for it: it may be used as if it had never been in.
    """
    open_draft(message)
    wanted = list(block_ids)
    blocks: Mapping[int, Block] = message.blocks.in_bulk(wanted)
    message.blocks.exclude(pk__in=blocks).delete()
    kept = [blocks[pk] for pk in wanted if pk in blocks]
    leading = BlockKind.LEAD_STORY
    for position, block in enumerate(kept):
        block.position = position
        if block.kind in {BlockKind.LEAD_STORY, BlockKind.STORY}:
            block.kind, leading = leading, BlockKind.STORY
    Block.objects.bulk_update(kept, ["position", "kind"])
    _forget_unused(message.campaign)


def _forget_unused(campaign: Campaign) -> None:
    """News that no mail and no post of the campaign is about any more was not chosen for it."""
    shown = Block.objects.filter(message__campaign=campaign, item__isnull=False).values("item")
    posts = campaign.messages.filter(outlet=Outlet.POST)
    told = [item.pk for post in posts if (item := post_item(post)) is not None]
    campaign.chosen.exclude(item__in=shown).exclude(item__in=told).delete()


def _within(text: str, limit: int) -> str:
    if len(text) > limit:
        raise InputError(
            gettext_noop("This line has %(length)s characters; %(limit)s is the most. Shorten it."),
            length=len(text),
            limit=limit,
        )
    return text


def _checked_link(link: str) -> str:
    link = one_line(link)
    if link and not is_web_address(link):
        raise InputError(gettext_noop("“%(link)s” is not a web address. It must begin with https://"), link=link)
    return link
