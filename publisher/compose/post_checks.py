"""The checks of what a post says: its own text, what follows it, whom it mentions, and whether it has its picture."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_noop

from publisher.compose.findings import Finding, say
from publisher.compose.post_pictures import first_of, pictures_of
from publisher.compose.post_words import unknown_partners
from publisher.compose.social import (
    abilities_of,
    follow_up_length,
    length,
    limits_of,
    most_follow_ups,
    shown_pictures,
    thread_of,
)
from publisher.compose.threads import cut_marks, has_empty_part
from publisher.errors import Explanation
from publisher.models import Account, Message
from publisher.platforms import PLATFORMS
from publisher.platforms.abilities import FollowUp


def part_name(account: Account, number: int) -> Explanation:
    """What the text is called that follows a post as the `number`th, in the checks and above its field alike."""
    if abilities_of(account).follow_up == FollowUp.COMMENT and number == 1:
        return Explanation(gettext_noop("First comment"))
    return Explanation(gettext_noop("Post %(number)s of the thread"), {"number": str(number + 1)})


def words_findings(message: Message, account: Account) -> Iterator[Finding]:
    """What is wrong with a post's words and their order."""
    yield from _text(message)
    yield from _cuts(message, account)
    yield from _follow_ups(message, account)
    if abilities_of(account).needs_picture and not pictures_of(message):
        words = gettext_noop("“%(name)s” takes no post without a picture. Choose one.")
        yield Finding("error", say(words, name=str(account)))
    named = unknown_partners("\n".join((message.text, *message.follow_ups)), account)
    for name in dict.fromkeys(named):
        words = gettext_noop("“%(name)s” is none of your partners, so the plain name is shown.")
        yield Finding("warning", say(words, name=name), "text")


def pictures_findings(message: Message, account: Account) -> Iterator[Finding]:
    """How many of its pictures the post shows, and whether each is described in words that fit."""
    fewer, limits = fewer_pictures(message), limits_of(account)
    if fewer is not None:
        yield Finding("warning", fewer)
    shown = first_of(message, limits.pictures)
    for number, each in enumerate(shown, 1):
        which = number if len(shown) > 1 else 0
        if not each.alt.strip():
            yield not_described(message.campaign.title, which)
        elif len(each.alt) > limits.alt_text:
            yield _too_long(len(each.alt), limits.alt_text, which)


def fewer_pictures(message: Message) -> Explanation | None:
    """What to say of a post whose channel shows fewer pictures than were chosen."""
    shown, chosen = len(shown_pictures(message)), len(pictures_of(message))
    if message.account is None or not 0 < shown < chosen:
        return None
    words = gettext_noop("%(name)s shows the first %(shown)s of the %(chosen)s pictures.")
    return say(words, name=PLATFORMS[message.account.kind].called, shown=shown, chosen=chosen)


def not_described(title: str, number: int = 0) -> Finding:
    """A picture of “title” is not described; `number` says which, where there are several."""
    words = (
        gettext_noop("Picture %(number)s of “%(title)s” has no description for those who cannot see it.")
        if number
        else gettext_noop("The picture of “%(title)s” has no description for those who cannot see it.")
    )
    return Finding("error", say(words, title=title, number=number), "picture")


def _too_long(length: int, limit: int, number: int) -> Finding:
    words = (
        gettext_noop(
            "The description of picture %(number)s is %(length)s characters long; this channel takes %(limit)s. "
            "Shorten it."
        )
        if number
        else gettext_noop(
            "The picture's description is %(length)s characters long; this channel takes %(limit)s. Shorten it."
        )
    )
    return Finding("error", say(words, length=length, limit=limit, number=number), "picture")


def _text(message: Message) -> Iterator[Finding]:
    used, limit = length(message)
    if used > limit:
        words = gettext_noop("The text is %(length)s characters long; this channel takes %(limit)s. Shorten it.")
        yield Finding("error", say(words, length=used, limit=limit), "text")
    if not message.text.strip() and not pictures_of(message):
        yield Finding("error", say(gettext_noop("The post has neither text nor picture.")), "text")


def _cuts(message: Message, account: Account) -> Iterator[Finding]:
    """Lines of hyphens that would be published as they stand, since nobody has cut the text there."""
    has_threads = abilities_of(account).follow_up == FollowUp.THREAD
    if cut_marks(message.text) and not has_threads:
        words = gettext_noop(
            "A line --- says where a thread is cut, and “%(name)s” has no threads: the line would be published. Take "
            "it out, or write a text for this channel alone."
        )
        yield Finding("error", say(words, name=str(account)), "text")
    elif cut_marks(message.text):
        makes_thread = len(thread_of(message, message.text)) > 1
        if makes_thread:
            words = gettext_noop(
                "A line --- says where the text for “%(name)s” is cut, and it is not cut yet. Press “Cut into a "
                "thread”, or take the line out."
            )
            yield Finding("error", say(words, name=str(account)), "text")
        if has_empty_part(message.text):
            words = gettext_noop(
                "A line --- has no text on one side of it, so it makes no post. Write one, or take it out."
            )
            yield Finding("warning" if makes_thread else "error", say(words), "text")
    for number, text in enumerate(message.follow_ups, 1):
        if cut_marks(text):
            words = gettext_noop("“%(part)s” has a line ---, which would be published. Take it out.")
            yield Finding("error", Explanation(words, {"part": part_name(account, number)}), "follow_up")


def _follow_ups(message: Message, account: Account) -> Iterator[Finding]:
    most = most_follow_ups(account)
    if len(message.follow_ups) > most:
        words = gettext_noop("Texts that follow the post: %(number)s. This channel takes %(most)s. Remove the rest.")
        yield Finding("error", say(words, number=len(message.follow_ups), most=most), "follow_up")
    for number, text in enumerate(message.follow_ups, 1):
        used, limit = follow_up_length(message, text)
        if not text.strip():
            words = gettext_noop("“%(part)s” is empty. Write it, or remove it.")
            yield Finding("error", Explanation(words, {"part": part_name(account, number)}), "follow_up")
        elif used > limit:
            words = gettext_noop("“%(part)s” has %(length)s characters; this channel takes %(limit)s. Shorten it.")
            counted = {"length": str(used), "limit": str(limit)}
            yield Finding("error", Explanation(words, {"part": part_name(account, number), **counted}), "follow_up")
