"""What changed between two versions of a news item: word by word, in parts that a page can show safely."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, Literal

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy

from publisher.items.content import lead_before
from publisher.models import Picture
from publisher.vocabulary import EventStatus

Kind = Literal["same", "added", "removed"]

# Of what did not change so much is shown before and after a change, in characters.
AROUND = 60
# Paragraphs with more words than this are shown as replaced, not word by word: comparing costs the square.
MOST_WORDS = 1_500
_WORD = re.compile(r"\s+|[^\s]+")
_TEXTS = ("title", "lead", "body_text", "author", "event_place", "event_price", "event_booking_url")
_LABELS = {
    "title": gettext_lazy("Headline"),
    "lead": gettext_lazy("Lead"),
    "body_text": gettext_lazy("Text"),
    "author": gettext_lazy("Author"),
    "event_starts_at": gettext_lazy("Begins"),
    "event_ends_at": gettext_lazy("Ends"),
    "event_place": gettext_lazy("Place"),
    "event_price": gettext_lazy("Price"),
    "event_booking_url": gettext_lazy("Booking link"),
    "event_status": gettext_lazy("Event"),
    "topics": gettext_lazy("Topics"),
    "areas": gettext_lazy("Areas"),
    "picture_id": gettext_lazy("Picture"),
}


@dataclass(frozen=True)
class Part:
    """A piece of text as it was before and after: plain text, which the page escapes."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Difference:
    """One field that changed. Of a text `parts`, of a picture `before` and `after` (None: there is none)."""

    name: str
    label: str
    parts: tuple[Part, ...] = ()
    before: Picture | None = None
    after: Picture | None = None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What two contents of an item (`ItemRevision.content`) say differently, in the order of a page.

    What an older revision did not keep counts as unchanged.
    """
    found = [
        Difference(name, str(_LABELS[name]), tuple(parts))
        for name in _LABELS
        if name != "picture_id" and name in before and name in after
        if (parts := _changed(name, before[name], after[name]))
        and not (name == "lead" and _begins_text(before) and _begins_text(after))
    ]
    if before.get("picture_id") != after.get("picture_id"):
        ids = [pk for pk in (before.get("picture_id"), after.get("picture_id")) if pk]
        pictures = Picture.objects.in_bulk(ids)
        one, other = pictures.get(before.get("picture_id")), pictures.get(after.get("picture_id"))
        found.append(Difference("picture_id", str(_LABELS["picture_id"]), before=one, after=other))
    return found


def _begins_text(content: Mapping[str, Any]) -> bool:
    """Whether the lead is but the beginning of the text, which shows what changed in it."""
    return not lead_before(str(content["lead"] or ""), str(content.get("body_text") or ""))


def _changed(name: str, before: Any, after: Any) -> list[Part]:
    if before == after:
        return []
    if name in _TEXTS:
        return words_changed(str(before or ""), str(after or ""))
    one, other = _shown(name, before), _shown(name, after)
    return [part for part in (Part("removed", one), Part("added", other)) if part.text]


def _shown(name: str, value: Any) -> str:
    """A value that is no running text, in the reader's language."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if name == "event_status":
        return str(EventStatus(value).label) if value in EventStatus.values else ""
    if value and name in {"event_starts_at", "event_ends_at"}:
        return date_format(localtime(datetime.fromisoformat(str(value))), "DATETIME_FORMAT")
    return str(value or "")


def words_changed(before: str, after: str) -> list[Part]:
    """Two texts as one, with what was removed and added; long stretches without a change are cut to what is around.

    Compared by paragraphs first, then by the words of those that differ.
    """
    one, other = before.split("\n"), after.split("\n")
    parts: list[Part] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        old, new = "\n".join(one[i1:i2]), "\n".join(other[j1:j2])
        if parts:
            parts.append(Part("same", "\n"))
        parts += [Part("same", old)] if tag == "equal" else _by_words(old, new)
    return _shortened(_joined(parts))


def _by_words(old: str, new: str) -> list[Part]:
    one, other = _WORD.findall(old), _WORD.findall(new)
    if len(one) > MOST_WORDS or len(other) > MOST_WORDS:
        return [Part("removed", old), Part("added", new)]
    parts: list[Part] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(Part("same", "".join(one[i1:i2])))
        else:
            parts += [Part("removed", "".join(one[i1:i2])), Part("added", "".join(other[j1:j2]))]
    return parts


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Without empty parts; a space between two changes belongs to them, so that a changed phrase reads as one."""
    filled = [part for part in parts if part.text]
    done: list[Part] = []
    for run in _runs(filled):
        if run[0].kind == "same":
            done.append(Part("same", "".join(part.text for part in run)))
            continue
        removed = "".join(part.text for part in run if part.kind != "added")
        added = "".join(part.text for part in run if part.kind != "removed")
        done += [part for part in (Part("removed", removed), Part("added", added)) if part.text]
    return done


def _runs(parts: Sequence[Part]) -> Iterator[list[Part]]:
    run: list[Part] = []
    for number, part in enumerate(parts):
        between = part.kind == "same" and part.text == " " and 0 < number < len(parts) - 1
        calm = part.kind == "same" and not between
        if run and calm != (run[0].kind == "same"):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _shortened(parts: Sequence[Part]) -> list[Part]:
    shown = []
    for number, part in enumerate(parts):
        text = part.text
        if part.kind == "same" and len(text) > 3 * AROUND:
            head = text[:AROUND].rpartition(" ")[0] + " " if number else ""
            tail = " " + text[-AROUND:].partition(" ")[2] if number < len(parts) - 1 else ""
            text = f"{head}…{tail}"
        shown.append(Part(part.kind, text))
    return shown
