"""News in a colleague's words: written by hand, or corrected after its source. What people word, no source overwrites.

`Item.worded_at` marks it. What the source says from then on waits in `Item.suggestion` (items.suggestion), until a
person takes it, and the source speaks again, or leaves it.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.items.content import clean_html, excerpt, one_line, plain_text, tidy
from publisher.items.entries import LEAD_FROM_BODY, LONGEST_LEAD, TITLE_LENGTH
from publisher.items.events import heed_headline
from publisher.items.hosts import sites_of
from publisher.items.identity import at_site, normalise_link, text_key, title_key, web_address
from publisher.items.recording import content_of, revise
from publisher.items.suggestion import SUGGESTED, keep_said
from publisher.models import Area, Item, ItemRevision, Organisation, Picture, Topic, User
from publisher.vocabulary import ItemState

# What the editor gives begins with a block; what is typed into the plain field does not.
_MARKUP = re.compile(r"\s*<(?:p|h2|h3|ul|ol|blockquote)\b", re.IGNORECASE)
_HEADING = re.compile(r"<h([1-6])>.*?</h\1>", re.DOTALL)  # as `clean_html` leaves them: without attributes
_BULLET = re.compile(r"\s*[-*•]\s+")


@dataclass(frozen=True)
class Words:
    """What a colleague gives an item. `body` as `body_of` reads it; `published_at` aware; an empty lead is made.

    `picture_alt` as Item has it: only what the picture itself does not say.
    """

    title: str
    lead: str = ""
    body: str = ""
    author: str = ""
    link: str = ""
    published_at: datetime | None = None
    picture: Picture | None = None
    picture_alt: str = ""
    topics: Sequence[Topic] = ()
    areas: Sequence[Area] = ()


def is_markup(typed: str) -> bool:
    """Whether the editor wrote it, and not a person in the plain field."""
    return bool(_MARKUP.match(typed))


def body_of(typed: str) -> str:
    """Safe HTML from what the editor gives, or from plain text: an empty line ends a paragraph, “- ” begins a list."""
    return clean_html(typed if is_markup(typed) else _as_html(tidy(typed)))


def write(organisation: Organisation, words: Words, by: User) -> Item:
    """A new item that comes from no source. Raises InputError if an item with its link is there already."""
    now = timezone.now()
    item = Item(organisation=organisation, state=ItemState.NEW, written_by=by, worded_at=now, published_at=now)
    with transaction.atomic():
        _say(item, words)
        item.save()
        _label(item, words)
        ItemRevision.objects.create(item=item, number=item.revision, content=content_of(item), by=by)
    return item


def correct(item: Item, words: Words, by: User, *, revision: int) -> Item:
    """Give an item a colleague's words; gives it as stored now.

    Raises InputError if it has changed since its `revision` was read, or another item has the link.
    """
    with transaction.atomic():
        stored = Item.objects.select_for_update().get(pk=item.pk)
        if stored.revision != revision:
            raise InputError(
                gettext_noop(
                    "The news item was changed while you wrote. Your words are still here: compare them with what it "
                    "says now, then save again."
                ),
                reason="changed_meanwhile",
            )
        before = content_of(stored)
        keep_said(stored)
        _say(stored, words)
        stored.worded_at = timezone.now()
        heed_headline(stored, stored.title, before["title"])
        _label(stored, words)
        _keep(stored, before, by)
    return stored


def take_suggestion(item: Item, by: User) -> bool:
    """Let the item say what its source says, now and from now on; False if there was nothing to take."""
    with transaction.atomic():
        stored = Item.objects.select_for_update().get(pk=item.pk)
        if not stored.suggestion:
            return False
        before = content_of(stored)
        for name in SUGGESTED:
            setattr(stored, name, stored.suggestion[name] or (stored.author if name == "author" else ""))
        stored.worded_at, stored.suggestion, stored.said = None, {}, {}
        _keep(stored, before, by)
    return True


def leave_suggestion(item: Item) -> bool:
    """Keep the colleague's words as they are; False if there was nothing to leave."""
    return bool(Item.objects.filter(pk=item.pk).exclude(suggestion={}).update(suggestion={}))


def _as_html(text: str) -> str:
    return "".join(_block(part) for part in re.split(r"\n\s*\n", text) if part.strip())


def _block(part: str) -> str:
    lines = [line for line in part.strip().split("\n") if line.strip()]
    if all(_BULLET.match(line) for line in lines):
        entries = [entities.escape(_BULLET.sub("", line, count=1)) for line in lines]
        return "<ul>" + "".join(f"<li>{entry}</li>" for entry in entries) + "</ul>"
    return "<p>" + "<br>".join(entities.escape(line) for line in lines) + "</p>"


def _say(item: Item, words: Words) -> None:
    item.title = excerpt(one_line(words.title), TITLE_LENGTH)
    item.body_html = body_of(words.body)
    item.body_text = plain_text(item.body_html)
    if not item.content_hash:
        # No source has said anything by which it would be known again.
        item.title_key, item.text_key = title_key(item.title), text_key(item.body_text)
    # A heading announces what the text says; the lead is to say it.
    below = plain_text(_HEADING.sub("", item.body_html)) or item.body_text
    first = below.partition("\n\n")[0].removeprefix("- ")
    item.lead = tidy(words.lead).strip()[:LONGEST_LEAD] or excerpt(first, LEAD_FROM_BODY)
    item.author = one_line(words.author)[:200]
    if words.published_at and words.published_at != item.published_at:
        item.dated_at = item.dated_at or (item.published_at if item.content_hash else None)
        item.published_at = words.published_at
    item.picture, item.picture_alt, item.picture_error = words.picture, words.picture_alt, {}
    _link(item, words.link.strip())


def _link(item: Item, link: str) -> None:
    link = web_address(at_site(link, sites_of(item.organisation_id)))
    if link == item.link:
        return
    key = normalise_link(link)
    other = Item.objects.filter(organisation_id=item.organisation_id, link_key=key).exclude(pk=item.pk).first()
    if key and other:
        raise InputError(
            gettext_noop("There is a news item with this link already: “%(title)s”."),
            reason="link_taken",
            title=other.title,
        )
    item.link, item.link_key = link, key


def _label(item: Item, words: Words) -> None:
    item.topics.set(words.topics)
    item.areas.set(words.areas)


def _keep(item: Item, before: dict[str, Any], by: User) -> None:
    """Store the item, and a revision by `by` if it now says something else."""
    revise(item, before, by)
    item.save()
