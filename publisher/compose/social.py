"""Posts: a text that fits from the items, and the post as it will be published, picture bytes and all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from publisher.compose.event_words import event_words
from publisher.compose.links import item_url
from publisher.compose.post_pictures import first_of, pictures_of
from publisher.compose.post_words import with_partners, with_values
from publisher.compose.public_pictures import address_of, made_for
from publisher.compose.threads import split
from publisher.compose.values import many_lines, one_line, shorten
from publisher.errors import PermanentError
from publisher.items.content import excerpt
from publisher.items.events import Facts, facts_of
from publisher.items.history import content_at
from publisher.models import Account, Item, Message, Picture, PostPicture
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Abilities, Card, FollowUp, Limits, LinkCard, PictureFile, Post
from publisher.platforms.length import published_text, with_alts
from publisher.vocabulary import Reason

MAX_HASHTAGS = 5
# Longer threads are read by nobody; the platforms themselves take more.
MAX_THREAD = 24
CARD_WORDS = 200
_WORD = re.compile(r"\w+")


def hashtag(name: str) -> str:
    """“Børn og unge” → “#BørnOgUnge”: capitals let a screen reader find the words. "" if nothing but digits is left."""
    words = _WORD.findall(one_line(name))
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return f"#{joined}" if joined and not joined.isdigit() else ""


def default_text(items: Sequence[Item], account: Account) -> str:
    """A post about the first item: its title, as many whole sentences of the lead as fit, hashtags of its topics.

    An event's day and place come before the lead, if there is room for them. Counted as the account's platform counts,
    with the item's link in mind, which is a field of its own.
    """
    first = items[0]
    topics = [topic.name for topic in first.topics.all()]
    event = event_line(facts_of(first), account)
    return text_about(account, title=first.title, lead=first.lead, link=item_url(first), topics=topics, event=event)


def text_about(account: Account, *, title: str, lead: str, link: str, topics: Sequence[str], event: str = "") -> str:
    """`default_text` from an item's words as they are, or as they were; `event`: its day and place in a line."""
    tags = [tag for name in topics if (tag := hashtag(name))][:MAX_HASHTAGS]
    title, lead = one_line(title), " ".join(one_line(lead).split())
    if event and _over(account, link, f"{title}\n\n{event}", "", []) <= 0:
        title = f"{title}\n\n{event}"
    while tags and _over(account, link, title, "", tags) > 0:
        tags.pop()
    while (over := _over(account, link, title, "", tags)) > 0 and len(title) > 1:
        title = shorten(title, max(1, len(title) - over))
    room = len(lead)
    while room > 0:
        part = excerpt(lead, room)
        over = _over(account, link, title, part, tags)
        if over <= 0 and lead.startswith(part):
            return _text(title, part, tags)
        room = min(room, len(part)) - max(over, 1)
    return _text(title, "", tags)


def fitted(title: str, lead: str, account: Account, link: str) -> str:
    """A post of a headline and a sentence, each cut where the account's platform has no room for it."""
    over = _over(account, link, title, lead, [])
    if over > 0:
        lead = shorten(lead, max(len(lead) - over, 0)) if len(lead) > over + 1 else ""
    while (over := _over(account, link, title, lead, [])) > 0 and len(title) > 1:
        title = shorten(title, max(1, len(title) - over))
    return _text(title, lead, [])


def event_line(facts: Facts, account: Account) -> str:
    """“torsdag den 26. november kl. 19.00, Kulturhuset”, in the account's language; "" for facts of no event."""
    zone = account.organisation.timezone
    with translation.override(account.language):
        words = event_words(facts, zone, timezone.localtime(timezone.now(), ZoneInfo(zone)).year)
    if words is None:
        return ""
    line = f"{words.status}: {words.line}" if words.status else words.line
    return line[:1].upper() + line[1:]


def _text(title: str, lead: str, tags: Sequence[str]) -> str:
    rendered = render_to_string("social/default.txt", {"title": title, "lead": lead, "hashtags": " ".join(tags)})
    return re.sub(r"\n{3,}", "\n\n", many_lines(rendered))


def _over(account: Account, link: str, title: str, lead: str, tags: Sequence[str]) -> int:
    # As if with a picture, which may take the link's card away: the text must fit either way.
    used, limit = _count(account, _text(title, lead, tags), link, alts=("",))
    return used - limit


def _count(account: Account, text: str, link: str, *, alts: Sequence[str]) -> tuple[int, int]:
    """How long a text is on the account's platform with the link and its pictures' descriptions (`alts`, one for each
    picture) as they will stand there, and how long it may be."""
    shown = _as_published(account, with_partners(text, account), link, alts=alts)
    return PLATFORMS[account.kind].length(shown, account.facts), limits_of(account).text_beside(len(alts))


def _as_published(account: Account, text: str, link: str, *, alts: Sequence[str], language: str = "") -> str:
    shown = published_text(PLATFORMS[account.kind], text, link, pictures=bool(alts))
    return with_alts(shown, alts, language or account.language) if limits_of(account).alt_in_text else shown


def limits_of(account: Account) -> Limits:
    """What one post on this account may be."""
    return PLATFORMS[account.kind].limits(account.facts)


def abilities_of(account: Account) -> Abilities:
    """What can be done on this account beside publishing."""
    return PLATFORMS[account.kind].abilities(account.facts)


def most_follow_ups(account: Account) -> int:
    """How many texts may follow a post on this account."""
    return {FollowUp.NONE: 0, FollowUp.COMMENT: 1, FollowUp.THREAD: MAX_THREAD}[abilities_of(account).follow_up]


def card_or_picture(message: Message) -> bool:
    """Whether a post has room for its link's card or for its pictures, and not for both."""
    account = _account(message)
    has_both = bool(pictures_of(message) and message.link and abilities_of(account).link_card)
    return has_both and not PLATFORMS[account.kind].picture_and_card


def length(message: Message) -> tuple[int, int]:
    """How long a post's text is (as its platform counts, with all that stands in it there), and how long it may be."""
    return edit_length(message, message.text)


def edit_length(message: Message, text: str) -> tuple[int, int]:
    """The same of a new text for a published post."""
    return _count(_account(message), text, link_of(message), alts=_alts(message))


def follow_up_length(message: Message, text: str) -> tuple[int, int]:
    """The same of something that follows the post, which may have a limit of its own."""
    account = _account(message)
    words = with_partners(text, account)
    return PLATFORMS[account.kind].follow_up_length(words, account.facts), limits_of(account).follow_up


def thread_of(message: Message, text: str) -> list[str]:
    """`text` as the posts of a thread on the message's account: the first has its link to carry."""
    account, link, alts = _account(message), link_of(message), _alts(message)

    def fits(words: str, first: bool) -> bool:
        # What the first post carries besides its words.
        used, limit = _count(account, words, link if first else "", alts=alts if first else ())
        return used <= limit

    return split(text, fits)


def link_of(message: Message) -> str:
    """A post's link as it is published, with the account's own parameters."""
    return with_values(message)


def shown_pictures(message: Message) -> tuple[PostPicture, ...]:
    """The pictures that the post shows itself, not only as part of the link's card: as many as its channel takes."""
    account = _account(message)
    if message.prefers_card and message.link and not PLATFORMS[account.kind].picture_and_card:
        return ()
    return first_of(message, limits_of(account).pictures)


def _alts(message: Message) -> list[str]:
    return [each.alt for each in shown_pictures(message)]


@dataclass(frozen=True)
class PublishedPost:
    """A post as its readers see it: its text, what follows, its pictures, and whether it shows its link's card."""

    text: str
    follow_ups: tuple[str, ...]
    pictures: tuple[PostPicture, ...]
    card: bool


def published(message: Message) -> PublishedPost:
    """What the public will see, from the row as it is in memory."""
    account, pictures = _account(message), shown_pictures(message)
    platform = PLATFORMS[account.kind]
    first, *others = parts_of(message)
    has_card = bool(abilities_of(account).link_card and message.link)
    alts = [each.alt for each in pictures]
    return PublishedPost(
        text=platform.as_read(_as_published(account, first, link_of(message), alts=alts, language=message.language)),
        follow_ups=tuple(platform.as_read(text) for text in others),
        pictures=pictures,
        card=has_card and (platform.picture_and_card or not pictures),
    )


def parts_of(message: Message) -> list[str]:
    """The texts of a post's public calls, in order: its own, then what follows it; partners by their names there."""
    return [with_partners(text, _account(message)) for text in (message.text, *message.follow_ups)]


def post_of(message: Message, *, key: str, text: str | None = None, link: str | None = None) -> Post:
    """The post as it will be published, its pictures' bytes included; `text` and `link` are frozen ones, else the
    message's.

    `key` is the idempotency key, the same on every attempt. Raises PermanentError if a picture cannot be made to fit.
    """
    account = _account(message)
    link = link_of(message) if link is None else link
    pictures = tuple(_shown_picture(each.picture, each.alt, account) for each in shown_pictures(message))
    return Post(
        text=parts_of(message)[0] if text is None else text,
        key=key,
        planned_at=message.scheduled_at or timezone.now(),
        link=link,
        language=message.language,
        visibility=message.visibility,
        pictures=pictures,
        title=_first_news(message).get("title", ""),
        card=_card(message) if link and abilities_of(account).link_card == LinkCard.OURS else None,
        **_place(message),
    )


def _card(message: Message) -> Card | None:
    """From the news as it was when it was chosen, so that every attempt hands over the same."""
    if shown_pictures(message) and not PLATFORMS[_account(message).kind].picture_and_card:
        return None
    news, first = _first_news(message), next(iter(pictures_of(message)), None)
    small = frozen_picture(first.picture, first.alt, limits_of(_account(message))) if first else None
    return Card(one_line(news.get("title", "")), excerpt(one_line(news.get("lead", "")), CARD_WORDS), small)


def _first_news(message: Message) -> Mapping[str, str]:
    chosen = message.campaign.chosen.order_by("position").select_related("item").first()
    if chosen is None:
        return {"title": message.campaign.title}
    return content_at(chosen.item, chosen.item_revision) or {"title": chosen.item.title, "lead": chosen.item.lead}


def follow_up_of(message: Message, *, key: str, text: str, reply_to: str, thread_root: str) -> Post:
    """What comes after a post: words alone, beneath the part before it. Arguments as the fields of `Post`."""
    return Post(
        text=text,
        key=key,
        planned_at=message.scheduled_at or timezone.now(),
        language=message.language,
        visibility=message.visibility,
        reply_to=reply_to,
        thread_root=thread_root,
        **_place(message),
    )


def _place(message: Message) -> dict[str, Any]:
    return {"campaign": str(message.campaign_id), "revision": message.campaign.approved_revision or 1}


def _account(message: Message) -> Account:
    if message.account is None:
        raise PermanentError(gettext_noop("This message is not a post."), reason=Reason.REJECTED)
    return message.account


def frozen_picture(picture: Picture, alt: str, limits: Limits) -> PictureFile:
    """The best version of a picture that the platform takes. Raises PermanentError if none is small enough."""
    made = made_for(picture, limits)
    return PictureFile(made.content, made.media_type, alt, made.width, made.height, made.focal)


def _shown_picture(picture: Picture, alt: str, account: Account) -> PictureFile:
    """`frozen_picture`, with an address for platforms that fetch it."""
    limits = limits_of(account)
    frozen = frozen_picture(picture, alt, limits)
    if not abilities_of(account).fetches_pictures:
        return frozen
    return replace(frozen, url=address_of(picture, limits, frozen.content, frozen.media_type))
