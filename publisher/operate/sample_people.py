"""The sample readers: invented people at example addresses, the same in every installation."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime

from publisher.audience.subscribe import SubscriberRow
from publisher.models import Area, Topic
from publisher.operate.sample_news import SAMPLES
from publisher.operate.slugs import slug_of


def readers(number: int, areas: Sequence[Area], topics: Sequence[Topic], since: datetime) -> Iterator[SubscriberRow]:
    """`number` people who confirmed at `since`: most chose one area, some more, some none; topics likewise."""
    names = json.loads((SAMPLES / "people.json").read_text())
    chance = random.Random("readers")  # noqa: S311 -- invented people, no secret
    for count in range(number):
        first, last = chance.choice(names["first_names"]), chance.choice(names["last_names"])
        yield SubscriberRow(
            address=f"{slug_of(first)}.{slug_of(last)}{count + 1}@{chance.choice(names['domains'])}",
            name=f"{first} {last}",
            areas=tuple(chance.sample(areas, _how_many(chance, len(areas)))),
            topics=tuple(chance.sample(topics, _how_many(chance, len(topics)))),
            source="samples",
            confirmed_at=since,
        )


def _how_many(chance: random.Random, most: int) -> int:
    return min(chance.choices((0, 1, 2, 3), weights=(25, 50, 18, 7))[0], most)
