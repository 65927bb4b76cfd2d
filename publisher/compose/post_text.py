"""What Opslag writes in a post by itself: an item's words, cut so that the post fits as it will be published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone, translation

from publisher.compose.event_words import event_words
from publisher.compose.links import item_url, news_url
from publisher.compose.post_words import with_values
from publisher.compose.social import abilities_of, counted
from publisher.compose.threads import cut_marks
from publisher.compose.values import many_lines, one_line, shorten
from publisher.items.content import excerpt
from publisher.items.events import Facts, facts_of
from publisher.models import Account, Item
from publisher.platforms import PLATFORMS

MAX_HASHTAGS = 5
# A headline cut to less says too little: rather the link's card without the picture, or our own short address.
LEAST_TITLE = 60
# What somebody will still write of a picture that has no description.
ROOM_FOR_ALT = "x" * 200
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class News:
    """What a post is made of. `links`: the item's address, and others for where that is too long. `event`: its day and
    place in a line. `alt` is what its picture shows, None without one. With `cuts_lead` a lead may be cut between words
    instead of at a sentence."""

    title: str
    lead: str
    links: Sequence[str]
    topics: Sequence[str] = ()
    event: str = ""
    alt: str | None = None
    cuts_lead: bool = False


@dataclass(frozen=True)
class Made:
    """What a post gets: its text, its link, and whether the link's card is shown instead of a picture."""

    text: str
    link: str
    prefers_card: bool = False


def hashtag(name: str) -> str:
    """“Børn og unge” → “#BørnOgUnge”: capitals let a screen reader find the words. "" if nothing but digits is left."""
    words = _WORD.findall(one_line(name))
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return f"#{joined}" if joined and not joined.isdigit() else ""


def news_of(item: Item, account: Account) -> News:
    """An item's words as they are now."""
    return News(
        title=item.title,
        lead=item.lead,
        links=links_of(item),
        topics=[topic.name for topic in item.topics.all()],
        event=event_line(facts_of(item), account),
        alt=item.alt if item.picture else None,
    )


def links_of(item: Item) -> tuple[str, ...]:
    """The item's address, and our own page of it, which is short."""
    return (item_url(item), news_url(item.pk))


def event_line(facts: Facts, account: Account) -> str:
    """“torsdag den 26. november kl. 19.00, Kulturhuset”, in the account's language; "" for facts of no event."""
    zone = account.organisation.timezone
    with translation.override(account.language):
        words = event_words(facts, zone, timezone.localtime(timezone.now(), ZoneInfo(zone)).year)
    if words is None:
        return ""
    line = f"{words.status}: {words.line}" if words.status else words.line
    return line[:1].upper() + line[1:]


def made_of(news: News, account: Account, campaign_title: str) -> Made:
    """A post about the news: its title, as many whole sentences of the lead as fit, hashtags of its topics.

    An event's day and place come before the lead, if there is room for them. It fits as it will be published: with the
    link and the parameters that the account puts behind it, with what is said of the picture, with partners by their
    names there. Where a title has no room beside all that, the link's card stands in for the picture, else a shorter
    link for the link; where nothing helps, the post has no link.
    """
    for least in (LEAST_TITLE, 1):
        for link, alts in _ways(news, account):
            over = _over(account, with_values(link, account, campaign_title), alts)
            text = _fitting(news, over, least)
            if text is not None:
                return Made(text, link, prefers_card=bool(link and news.alt is not None and not alts))
    return Made("", "")


def _ways(news: News, account: Account) -> Iterator[tuple[str, Sequence[str]]]:
    """Links, each with the descriptions of the pictures that the post shows.

    As if with a picture also where there is none: one may be chosen later, and takes the link's card away.
    """
    beside = (ROOM_FOR_ALT if news.alt == "" else news.alt or "",)
    has_card = abilities_of(account).link_card and not PLATFORMS[account.kind].picture_and_card
    for link in dict.fromkeys((*news.links, "")):
        yield link, beside
        if has_card and link:
            yield link, ()


def _over(account: Account, link: str, alts: Sequence[str]) -> Callable[[str], int]:
    """By how much a text is too long."""

    def over(text: str) -> int:
        used, limit = counted(account, text, link, alts=alts, language=account.language)
        return used - limit

    return over


def _fitting(news: News, over: Callable[[str], int], least: int) -> str | None:
    """The text that fits; None where of a longer title not even `least` characters do."""
    tags = [tag for name in news.topics if (tag := hashtag(name))][:MAX_HASHTAGS]
    title, lead = _line(news.title) or "–", " ".join(_line(news.lead).split())
    if news.event and over(_text(f"{title}\n\n{news.event}", "", [])) <= 0:
        title = f"{title}\n\n{news.event}"
    while tags and over(_text(title, "", tags)) > 0:
        tags.pop()
    title = _cut(title, lambda title: over(_text(title, "", tags)), least)
    if not title:
        return None
    room = len(lead)
    while room > 0:
        part = excerpt(lead, room)
        too_much = over(_text(title, part, tags))
        if too_much <= 0 and (news.cuts_lead or lead.startswith(part)):
            return _text(title, part, tags)
        room = min(room, len(part)) - max(too_much, 1)
    return _text(title, "", tags)


def _cut(title: str, over: Callable[[str], int], least: int) -> str:
    """The title as far as it fits, "" if that is less than `least` characters of a longer one."""
    cut = title
    while (too_much := over(cut)) > 0:
        if len(cut) <= 1:
            return ""
        cut = shorten(cut, max(1, len(cut) - too_much))
    return cut if cut == title or len(cut) >= least else ""


def _line(text: str) -> str:
    """The text as one line, "" for a line of hyphens: in a post that would say where a thread is cut."""
    line = one_line(text)
    return "" if cut_marks(line) else line


def _text(title: str, lead: str, tags: Sequence[str]) -> str:
    rendered = render_to_string("social/default.txt", {"title": title, "lead": lead, "hashtags": " ".join(tags)})
    return re.sub(r"\n{3,}", "\n\n", many_lines(rendered))
