"""Posts as they will be published, picture bytes and all, and how long that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.compose.post_pictures import first_of, pictures_of
from publisher.compose.post_words import with_partners, with_profile_line, with_values
from publisher.compose.public_pictures import address_of, made_for
from publisher.compose.threads import split
from publisher.compose.values import one_line
from publisher.errors import PermanentError
from publisher.items.content import excerpt
from publisher.items.history import content_at
from publisher.models import Account, Message, Picture, PostPicture
from publisher.platforms import PLATFORMS
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.platforms.contract import Card, PictureFile, Post
from publisher.platforms.length import published_text, with_alts
from publisher.vocabulary import Reason

# Longer threads are read by nobody; the platforms themselves take more.
MAX_THREAD = 24
CARD_WORDS = 200


def as_published(account: Account, text: str, link: str, *, alts: Sequence[str], language: str) -> str:
    """A post's own text as the platform publishes it: partners by their names there, with its link and with what its
    pictures show where these become part of it. `alts`: the pictures' descriptions, one for each that is shown;
    `language` is the post's."""
    words, link = handed_over(account, text, link, language)
    shown = published_text(PLATFORMS[account.kind], words, link, pictures=bool(alts))
    return with_alts(shown, alts, language) if limits_of(account).alt_in_text else shown


def counted(account: Account, text: str, link: str, *, alts: Sequence[str], language: str) -> tuple[int, int]:
    """How long a text is as it is published (arguments as for `as_published`), and how long it may be."""
    shown = as_published(account, text, link, alts=alts, language=language)
    return PLATFORMS[account.kind].length(shown, account.facts), limits_of(account).text_beside(len(alts))


def handed_over(account: Account, text: str, link: str, language: str) -> tuple[str, str]:
    """A post's own text and its link as the platform gets them.

    Where nobody can click a link in a text, the text says that it is in the profile, unless the account writes it out.
    """
    words = with_partners(text, account)
    if not link or account.writes_link or abilities_of(account).clickable_links:
        return words, link
    return with_profile_line(words, language), ""


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
    account, link = _account(message), _link(message)
    return counted(account, text, link, alts=_alts(message), language=_language(message))


def follow_up_length(message: Message, text: str) -> tuple[int, int]:
    """The same of something that follows the post, which may have a limit of its own."""
    account = _account(message)
    words = with_partners(text, account)
    return PLATFORMS[account.kind].follow_up_length(words, account.facts), limits_of(account).follow_up


def thread_of(message: Message, text: str) -> list[str]:
    """`text` as the posts of a thread on the message's account: the first has its link to carry."""
    account, link, alts = _account(message), _link(message), _alts(message)

    def fits(words: str, first: bool) -> bool:
        # What the first post carries besides its words.
        carried = (link, alts) if first else ("", ())
        used, limit = counted(account, words, carried[0], alts=carried[1], language=_language(message))
        return used <= limit

    return split(text, fits)


def link_of(message: Message) -> str:
    """A post's link as its platform gets it, with the account's own parameters."""
    return _handed_over(message)[1]


def _link(message: Message) -> str:
    return with_values(message.link, _account(message), message.campaign.title)


def _language(message: Message) -> str:
    return message.language or _account(message).language


def _handed_over(message: Message) -> tuple[str, str]:
    return handed_over(_account(message), message.text, _link(message), _language(message))


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
    has_card = bool(abilities_of(account).link_card and message.link)
    text = as_published(account, message.text, _link(message), alts=_alts(message), language=_language(message))
    return PublishedPost(
        text=platform.as_read(text),
        follow_ups=tuple(platform.as_read(text) for text in parts_of(message)[1:]),
        pictures=pictures,
        card=has_card and (platform.picture_and_card or not pictures),
    )


def parts_of(message: Message) -> list[str]:
    """The texts of a post's public calls, in order: its own, then what follows it; partners by their names there."""
    return [_handed_over(message)[0], *(with_partners(text, _account(message)) for text in message.follow_ups)]


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
        language=_language(message),
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
        language=_language(message),
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
