"""A source whose looks are made by hand: what it gives is said by the test, without any feed around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from publisher.items.collect import Collected, collect_source
from publisher.items.recording import content_of, revise
from publisher.models import Item, Organisation
from publisher.models import Source as SourceRow
from publisher.sources import SOURCES
from publisher.sources.contract import Candidate, Poll, Source

SITE = "https://kultur.example.org"
DAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class HandConfig:
    """It needs none."""

    name: str = ""


class HandSource(Source):
    """Gives what `polls` says for the source of that name."""

    kind: ClassVar[str] = "hand"
    label: ClassVar[str] = "By hand"
    config_class: ClassVar[type] = HandConfig

    def __init__(self) -> None:
        self.polls: dict[str, Poll] = {}

    def poll(self, config: HandConfig, state: Mapping[str, Any]) -> Poll:
        return self.polls[config.name]


@dataclass
class Hand:
    """One source, in hand."""

    plugin: HandSource
    row: SourceRow

    def gives(self, *candidates: Candidate, **more: Any) -> Collected:
        """Look at it once while it gives these."""
        self.plugin.polls[self.row.config["name"]] = Poll(candidates, **more)
        SourceRow.objects.filter(pk=self.row.pk).update(next_poll_at=None)
        return collect_source(self.row.pk)

    def again(self, name: str) -> Hand:
        """Another source of the same organisation."""
        return Hand(self.plugin, _row(self.row.organisation, name))


def _row(organisation: Organisation, name: str) -> SourceRow:
    return SourceRow.objects.create(organisation=organisation, kind="hand", name=name, config={"name": name})


@pytest.fixture
def hand(secretariat: Organisation, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """The secretariat's source that is looked at by hand."""
    plugin = HandSource()
    monkeypatch.setitem(SOURCES, "hand", plugin)
    return Hand(plugin, _row(secretariat, "Nyheder"))


def story(number: int, **changes: Any) -> Candidate:
    """A piece of news unlike the others; each a day after the one before."""
    words = " ".join(f"ord{number}x{place}" for place in range(30))
    given: dict[str, Any] = {
        "external_key": f"guid-{number}",
        "title": f"Nyhed nummer {number}",
        "link": f"{SITE}/nyheder/{number}",
        "body_html": f"<p>{words}</p>",
        "published_at": DAY + timedelta(days=number),
    }
    return Candidate(**(given | changes))


def edit(item: Item, **words: object) -> None:
    """What collecting does when the source says something else."""
    stored = Item.objects.get(pk=item.pk)
    before = content_of(stored)
    for name, value in words.items():
        setattr(stored, name, value)
    assert revise(stored, before)
    stored.save()
