"""How like an entry is to what its source said last of an item: in headline, text and date.

There are three answers. Surely the same, and it is an edit of the item. Surely another. Or something in between: then
a person says which, since one mistake sends news twice and the other never sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.utils.translation import gettext_noop

from publisher.items.entries import Entry
from publisher.items.identity import TELLING
from publisher.models import Item
from publisher.vocabulary import ItemState

# Why something like what is known is held; `params` name that: its `title`, and its id as `item`.
LIKE = gettext_noop("It is like “%(title)s”, which is known already.")
# Two times so far apart are one time that was written in two zones, or rounded; a daily headline comes after more.
SAME_TIME = timedelta(hours=12)
TO_THE_MINUTE = timedelta(minutes=1)
# Dates so far apart are those of two pieces, where a headline or a text is known to come back.
APART = timedelta(days=3)
# Of two texts with so many words in common (of all their words) one may be an edit of the other.
EDITED_SHARE = 0.5
# Fewer words in common than these say nothing.
_FEWEST_COMMON = 5
# A text's beginning is enough to see what may be an edit of it.
BEGINNING = 400


@dataclass(frozen=True)
class Said:
    """What the source said last of an item, whatever a colleague has made of it. `at` is the date as it was given.

    `recurs`: a person has said of it that it is new, although it was like something known: they are a series.
    """

    pk: int
    title: str
    title_key: str
    text: str
    at: datetime | None
    recurs: bool = False

    @cached_property
    def words(self) -> frozenset[str]:
        """Those of the headline and of the text's beginning."""
        return _words(f"{self.title} {self.text[:BEGINNING]}")


def said_of(item: Item) -> Said:
    """What the source said last of an item. Where a colleague's words stand, the source's are kept beside them."""
    said = item.said
    title, lead, body = (
        (said["title"], said["lead"], said["body_text"]) if said else (item.title, item.lead, item.body_text)
    )
    recurs = item.state == ItemState.NEW and item.held_why.get("msgid") == LIKE
    return Said(item.pk, title, item.title_key, body or lead, item.dated_at or item.published_at, recurs)


def said_by(entry: Entry) -> Said:
    """An entry in the same form."""
    return Said(0, entry.title, entry.title_key, entry.body_text or entry.lead, entry.dated_at)


def likeness(one: Said, other: Said) -> float:
    """How well two fit: headline, date and text, each up to 1."""
    return (one.title_key == other.title_key) + _at_same_time(one, other, TO_THE_MINUTE) + _share(one.text, other.text)


def is_another(one: Said, other: Said) -> bool:
    """Whether nothing but an identifier or an address is common to both: headline, date and text all differ."""
    if one.title_key == other.title_key or _at_same_time(one, other, TO_THE_MINUTE):
        return False
    return _share(one.text, other.text) < EDITED_SHARE


def is_surely_same(one: Said, other: Said) -> bool:
    """Whether two with neither key nor address in common are one: two of headline, text and date to the letter."""
    same_text, share = one.text == other.text, _share(one.text, other.text)
    to_the_minute = _at_same_time(one, other, TO_THE_MINUTE)
    if one.title_key and one.title_key == other.title_key:
        if same_text and len(one.text) >= TELLING:
            return _at_same_time(one, other)
        return to_the_minute and (same_text or share >= EDITED_SHARE)
    return to_the_minute and bool(one.text) and same_text and _share(one.title, other.title) >= EDITED_SHARE


def may_be_same(one: Said, other: Said) -> bool:
    """Whether a person should say if two with neither key nor address in common are one."""
    if (one.title_key and one.title_key == other.title_key) or (len(one.text) >= TELLING and one.text == other.text):
        return True
    if one.at and one.at == other.at and (one.at.minute or one.at.second or one.at.microsecond):
        # On the full hour many a website publishes several, or it gives days only.
        return True
    common = len(one.words & other.words)
    return common >= _FEWEST_COMMON and common >= EDITED_SHARE * (len(one.words) + len(other.words) - common)


def are_apart(one: Said, other: Said) -> bool:
    """Whether their dates are those of two pieces of a series."""
    return one.at is not None and other.at is not None and abs(one.at - other.at) >= APART


def _at_same_time(one: Said, other: Said, within: timedelta = SAME_TIME) -> bool:
    return one.at is not None and other.at is not None and abs(one.at - other.at) < within


def _share(one: str, other: str) -> float:
    """How much of the words of both is in both; 0 to 1."""
    first, second = _words(one), _words(other)
    return len(first & second) / len(first | second) if first and second else 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())
