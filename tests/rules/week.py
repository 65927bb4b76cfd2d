"""A week of a website at the wire, on a fake clock: its feeds as they change, and the workers' ticks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import time_machine

from publisher.items.collect import collect_source
from publisher.items.polling import due_sources
from publisher.models import Campaign, Source
from publisher.models.probe import Probe
from publisher.rules.matching import apply_rules
from publisher.rules.wanted import with_work
from publisher.vocabulary import CampaignStatus
from tests.items.website import HOST, Story, Website

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
QUARTER = timedelta(minutes=15)
LOOKS_AT = 15
_IS_TIME = Probe({"rules": with_work})
OTHER_FEED = "https://kommunen.example.org/nyt.xml"


def wall(day: int, clock: str) -> datetime:
    """An instant by the clocks in Copenhagen, in March 2027 (32 is the first of April)."""
    hour, minute = map(int, clock.split(":"))
    return (datetime(2027, 3, 1, hour, minute) + timedelta(days=day - 1)).replace(tzinfo=COPENHAGEN)


def story(name: str, published: datetime | None, **fields: str) -> Story:
    return Story(
        name, f"{HOST}/nyheder/{name}", f"guid-{name}", lead="Alle er velkomne.", body=f"<p>Kom til {name}.</p>",
        published=published, **fields,
    )  # fmt: skip


@dataclass
class Week:
    """The website's feeds as they change, and the worker's ticks."""

    site: Website
    clock: time_machine.Traveller
    feed: dict[str, Story] = field(default_factory=dict)
    other: dict[str, Story] = field(default_factory=dict)
    sent: list[tuple[str, datetime]] = field(default_factory=list)

    def until(self, end: datetime, change: Callable[[Week], object] | None = None) -> None:
        """Let the time pass, tick by tick; then the website changes."""
        while self.now < end:
            self.clock.shift(QUARTER)
            self.tick()
        if change:
            change(self)
            self.show()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def show(self) -> None:
        self.site.show(*self.feed.values())
        self.site.show(*self.other.values(), url=OTHER_FEED)

    def tick(self) -> None:
        """What the workers do: rules, when there is work for one; each source once an hour, however often else."""
        if self.now.minute == LOOKS_AT:
            Source.objects.update(next_poll_at=self.now)
            for source_id in due_sources(self.now):
                collect_source(source_id)
        for pk in apply_rules(self.now) if _IS_TIME.ask(self.now) else ():
            campaign = Campaign.objects.get(pk=pk)
            assert campaign.status == CampaignStatus.APPROVED and campaign.scheduled_at is not None
            self.sent.append((campaign.title, campaign.scheduled_at))

    def publish(self, name: str, ago: timedelta = timedelta(0)) -> None:
        """A new story, on top."""
        self.feed = {name: story(name, self.now - ago), **self.feed}

    def change(self, name: str, **fields: object) -> None:
        self.feed[name] = replace(self.feed[name], **fields)  # type: ignore[arg-type]
