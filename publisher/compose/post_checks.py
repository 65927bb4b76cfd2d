"""The checks of what a post says: its own text, what follows it, whom it mentions, and whether it has its picture."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_noop

from publisher.compose.findings import Finding, say
from publisher.compose.post_words import unknown_partners
from publisher.compose.social import abilities_of, follow_up_length, length, most_follow_ups, thread_of
from publisher.compose.threads import cut_marks, has_empty_part
from publisher.errors import Explanation
from publisher.models import Account, Message
from publisher.platforms.contract import FollowUp


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
    if abilities_of(account).needs_picture and not message.picture:
        words = gettext_noop("“%(name)s” takes no post without a picture. Choose one.")
        yield Finding("error", say(words, name=str(account)))
    named = unknown_partners("\n".join((message.text, *message.follow_ups)), account)
    for name in dict.fromkeys(named):
        words = gettext_noop("“%(name)s” is none of your partners, so the plain name is shown.")
        yield Finding("warning", say(words, name=name), "text")


def _text(message: Message) -> Iterator[Finding]:
    used, limit = length(message)
    if used > limit:
        words = gettext_noop("The text is %(length)s characters long; this channel takes %(limit)s. Shorten it.")
        yield Finding("error", say(words, length=used, limit=limit), "text")
    if not message.text.strip() and not message.picture:
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
