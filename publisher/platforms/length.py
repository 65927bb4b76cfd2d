"""How texts are counted, how a link joins a text, and whether a post fits: what several platforms share."""

from __future__ import annotations

from collections.abc import Iterable

import regex
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from publisher.errors import PermanentError
from publisher.platforms.abilities import Limits
from publisher.platforms.contract import PictureFile, Platform, Post
from publisher.vocabulary import Reason

_GRAPHEME = regex.compile(r"\X")
# Looking for where a flag begins, the engine goes back through all flags before it, at each one.
_FLAG = regex.compile(r"[\U0001F1E6-\U0001F1FF]{2}")
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?"
_IN_PATH = r"[^\s<>()?]"
_ENDS_PATH = r"[^\s()?!*\"'「」<>;:=,.$%\[\]~&|@]"
_IN_BRACKETS = rf"\({_IN_PATH}+\)"
# Where Mastodon would see an address (config/initializers/twitter_regex.rb), so that what we shorten it shortens too.
_URL = regex.compile(
    r"(?<![A-Za-z0-9@＠$#＃])"
    rf"https?://(?:{_LABEL}\.)+(?:xn--[a-z0-9-]+|\p{{L}}{{2,}})(?![\p{{L}}\p{{N}}_-])(?::\d+)?"
    rf"(?:/(?:(?:{_IN_PATH}|{_IN_BRACKETS})*(?:{_ENDS_PATH}|{_IN_BRACKETS}))?)?"
    r"(?:\?[^\s<>\"{}\\`]*[\p{L}\p{N}_&=#/-])?",
    regex.IGNORECASE,
)
# Account::MENTION_RE of Mastodon: the domain of a mention is not counted.
_USER = r"[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*"
_MENTION = regex.compile(rf"(?<![=/\w])@({_USER})@\w+(?:[.-]+\w+)*", regex.IGNORECASE)


def graphemes(text: str) -> int:
    """Characters as a reader sees them: a flag or a family emoji is one (Unicode UAX #29)."""
    return sum(1 for _ in _GRAPHEME.finditer(_FLAG.sub("a", text)))


def utf16_units(text: str) -> int:
    """Characters as Telegram counts them: most emoji are two, a family of four is eleven."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def addresses(text: str) -> list[str]:
    """The http(s) addresses in `text`, without the full stop or bracket after them."""
    return [match.group() for match in _URL.finditer(text)]


def without_mention_hosts(text: str) -> str:
    """`text` with @user@host shortened to @user, as Mastodon counts and shows it."""
    return str(_MENTION.sub(r"@\1", text))


def mastodon_length(text: str, reserved_per_url: int = 23) -> int:
    """Length in graphemes after each http(s) address is counted as `reserved_per_url` and @user@host as @user.

    An address without http(s) counts in full. With `reserved_per_url` 0 (Pleroma) nothing is shortened.
    Source: Mastodon app/validators/status_length_validator.rb.
    """
    if not reserved_per_url:
        return graphemes(text)
    found = list(_URL.finditer(text))
    shortened, end = [], 0
    for match in found:
        shortened.append(without_mention_hosts(text[end : match.start()]))
        end = match.end()
    shortened.append(without_mention_hosts(text[end:]))
    return graphemes("".join(shortened)) + reserved_per_url * len(found)


def with_link(text: str, link: str) -> str:
    """The text as it is published where a platform has no field for a link: the link on its own line at the end.

    A link that the text already contains is not added again.
    """
    if not link or link in addresses(text) or link in text.split():
        return text
    return f"{text}\n{link}" if text else link


def published_text(platform: Platform, text: str, link: str, *, pictures: bool) -> str:
    """The text as it stands in the public post: with the link where that has no place of its own beside `pictures`."""
    in_text = platform.link_in_text or (pictures and not platform.picture_and_card)
    return with_link(text, link) if in_text else text


def with_alts(text: str, alts: Iterable[str], language: str) -> str:
    """The text as it is published where pictures have no description of their own: each description a line at its end.

    `language` is the post's; a text or a description that is empty adds no line.
    """
    with translation.override(language or settings.LANGUAGE_CODE):
        lines = [gettext("Picture: %(alt)s") % {"alt": alt} for alt in alts if alt]
    return "\n\n".join(part for part in (text, "\n".join(lines)) if part)


def check_fits(post: Post, *, length: int, limits: Limits) -> None:
    """Refuse what the platform would refuse or, worse, cut without a word. Raises PermanentError.

    `length` is the text's as this platform counts it.
    """
    most = limits.text_beside(len(post.pictures))
    if length > most:
        raise PermanentError(
            gettext_noop("The text is %(length)s characters long; this channel takes %(limit)s. Shorten it."),
            reason=Reason.REJECTED,
            length=length,
            limit=most,
        )
    if not length and not post.pictures:
        raise PermanentError(gettext_noop("The post has neither text nor picture."), reason=Reason.REJECTED)
    if len(post.pictures) > limits.pictures:
        raise PermanentError(
            gettext_noop("The post has %(count)s pictures; this channel takes %(limit)s. Remove some."),
            reason=Reason.REJECTED,
            count=len(post.pictures),
            limit=limits.pictures,
        )
    for picture in post.pictures:
        _check_picture(picture, limits)


def _check_picture(picture: PictureFile, limits: Limits) -> None:
    if len(picture.alt) > limits.alt_text:
        raise PermanentError(
            gettext_noop(
                "The picture's description is %(length)s characters long; this channel takes %(limit)s. Shorten it."
            ),
            reason=Reason.REJECTED,
            length=len(picture.alt),
            limit=limits.alt_text,
        )
    if len(picture.content) > limits.picture_bytes or picture.media_type not in limits.picture_types:
        raise PermanentError(
            gettext_noop(
                "This channel does not take the picture (%(kind)s, %(size)s kB). It takes %(kinds)s up to %(limit)s kB."
            ),
            reason=Reason.REJECTED,
            kind=picture.media_type,
            size=-(-len(picture.content) // 1000),
            limit=limits.picture_bytes // 1000,
            kinds=", ".join(limits.picture_types),
        )
