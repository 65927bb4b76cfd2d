"""Posts: a text that fits from the items, and the post as it will be published, picture bytes and all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from publisher.compose.event_words import event_words
from publisher.compose.values import many_lines, one_line, shorten
from publisher.errors import PermanentError
from publisher.items.content import excerpt
from publisher.items.events import Facts, facts_of
from publisher.items.renditions import rendition
from publisher.models import Account, Item, Message, Picture
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Limits, PictureFile, Post
from publisher.platforms.length import with_link
from publisher.vocabulary import Reason

MAX_HASHTAGS = 5
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
    return text_about(account, title=first.title, lead=first.lead, link=first.link, topics=topics, event=event)


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
    used, limit = _count(account, _text(title, lead, tags), link)
    return used - limit


def _count(account: Account, text: str, link: str) -> tuple[int, int]:
    """How long a text is on the account's platform with the link as it will stand there, and how long it may be."""
    platform = PLATFORMS[account.kind]
    published = with_link(text, link) if platform.link_in_text else text
    return platform.length(published, account.facts), platform.limits(account.facts).text


def limits_of(account: Account) -> Limits:
    """What one post on this account may be."""
    return PLATFORMS[account.kind].limits(account.facts)


def length(message: Message) -> tuple[int, int]:
    """How long a post's text is (as its platform counts, with the link where that is part of it), and the limit."""
    return _count(_account(message), message.text, message.link)


def parts_of(message: Message) -> list[str]:
    """The texts of a post's public calls, in order: its own, then what follows it."""
    return [message.text, *message.follow_ups]


def post_of(message: Message, *, key: str, text: str | None = None) -> Post:
    """The post as it will be published, its picture's bytes included; `text` is a frozen one, else the message's.

    `key` is the idempotency key, the same on every attempt. Raises PermanentError if the picture cannot be made to fit.
    """
    account = _account(message)
    picture = message.picture
    pictures = (frozen_picture(picture, message.picture_alt, limits_of(account)),) if picture else ()
    return Post(
        text=message.text if text is None else text,
        key=key,
        planned_at=message.scheduled_at or timezone.now(),
        link=message.link,
        language=message.language,
        visibility=message.visibility,
        pictures=pictures,
    )


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
    )


def _account(message: Message) -> Account:
    if message.account is None:
        raise PermanentError(gettext_noop("This message is not a post."), reason=Reason.REJECTED)
    return message.account


def frozen_picture(picture: Picture, alt: str, limits: Limits) -> PictureFile:
    """The best version of a picture that the platform takes. Raises PermanentError if none is small enough."""
    made = rendition(
        picture,
        max_side=limits.picture_side,
        max_bytes=limits.picture_bytes,
        aspects=limits.picture_aspects,
        media_types=limits.picture_types,
    )
    return PictureFile(made.content, made.media_type, alt, made.width, made.height, made.focal)
