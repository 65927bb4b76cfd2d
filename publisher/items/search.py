"""Looking for news: words in the language's own forms where the database can, and what else narrows the list.

PostgreSQL looks for Danish stems (“kulturaftalen” finds “kulturaftaler”), the last word also as a beginning. SQLite
knows no stems: there each word is found as it is written, inside other words too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import BooleanField, Exists, OuterRef, Q, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from publisher.items.words import spellings
from publisher.models import Area, Item, Sighting, Source, Topic
from publisher.models.scoped import ScopedQuerySet

MOST_WORDS = 10
LONGEST_WORD = 100
WITH_PICTURE, WITHOUT_PICTURE, UNDESCRIBED = "with", "without", "undescribed"
PICTURES = {
    WITH_PICTURE: Q(picture__isnull=False),
    WITHOUT_PICTURE: Q(picture=None),
    UNDESCRIBED: Q(picture__isnull=False, picture__alt=""),
}


@dataclass(frozen=True)
class Wanted:
    """What is looked for; everything left out means any. `picture`: a key of PICTURES; `by_hand`: from no source."""

    words: str = ""
    source: Source | None = None
    by_hand: bool = False
    topic: Topic | None = None
    area: Area | None = None
    days: int | None = None
    picture: str = ""
    events: bool = False


def narrowed(items: ScopedQuerySet[Item], wanted: Wanted) -> ScopedQuerySet[Item]:
    """Those of `items` that are wanted, in the same order."""
    if wanted.words.strip():
        items = saying(items, wanted.words)
    if wanted.source:
        items = items.filter(pk__in=Sighting.objects.filter(source=wanted.source).values("item"))
    if wanted.by_hand:
        items = items.filter(~Exists(Sighting.objects.filter(item=OuterRef("pk"))))
    if wanted.topic:
        items = items.filter(topics=wanted.topic)
    if wanted.area:
        items = items.filter(areas=wanted.area)
    if wanted.days:
        since = timezone.now() - timedelta(days=wanted.days)
        items = items.alias(known_at=Coalesce("published_at", "first_seen_at")).filter(known_at__gte=since)
    if wanted.picture in PICTURES:
        items = items.filter(PICTURES[wanted.picture])
    return items.filter(event_starts_at__isnull=False) if wanted.events else items


def saying(items: ScopedQuerySet[Item], query: str) -> ScopedQuerySet[Item]:
    """Those of `items` with all words of `query` in headline, lead, text, author or tags."""
    words = [word[:LONGEST_WORD] for word in query.replace("\x00", " ").split()[:MOST_WORDS]]
    if connection.vendor == "postgresql":
        return items.filter(_by_stems(words)) if words else items
    items = items.alias(tags_written=Cast("tags", TextField()))
    for word in words:
        items = items.filter(_written(word))
    return items


def _by_stems(words: list[str]) -> RawSQL:
    """Whether the stored stems hold them all. Words that Danish has no stem for (og, i, det) ask for nothing."""
    quoted = ["'" + word.replace("\\", " ").replace("'", " ") + "'" for word in words]
    asked = "to_tsquery('pg_catalog.danish', %s)"
    return RawSQL(  # noqa: S611 - constant SQL, the words travel as a parameter
        f"(numnode({asked}) = 0 OR publisher_item.search_words @@ {asked})",
        [" & ".join(quoted) + ":*"] * 2,
        output_field=BooleanField(),
    )


def _written(word: str) -> Q:
    """As SQLite can be asked; it holds tags as JSON in ASCII."""
    found = Q()
    for form in spellings(word):
        for column in ("title", "lead", "body_text", "author"):
            found |= Q(**{f"{column}__icontains": form})
        found |= Q(tags_written__icontains=json.dumps(form)[1:-1])
    return found
