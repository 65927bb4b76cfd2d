"""The sample news: what the sample website has published, and when. A file in OPSLAG_HOME remembers it across runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from django.utils import timezone

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
AT_FIRST = 5


@dataclass(frozen=True)
class SamplePicture:
    """A picture of the sample website; `drawing` is one of `sample_pictures.DRAWINGS`."""

    drawing: str
    caption: str
    alt: str
    credit: str


@dataclass(frozen=True)
class SampleStory:
    """One story of the sample website; published `days_before` the day on which it all began."""

    slug: str
    title: str
    lead: str
    paragraphs: tuple[str, ...]
    picture: SamplePicture
    author: str
    topics: tuple[str, ...]
    areas: tuple[str, ...]
    days_before: int


@dataclass(frozen=True)
class Published:
    """A story and the moment at which it was published."""

    story: SampleStory
    at: datetime


@cache
def stories() -> tuple[SampleStory, ...]:
    """All stories, in the order in which they are published."""
    written = json.loads((SAMPLES / "news.json").read_text())
    return tuple(
        SampleStory(
            **{
                **story,
                "paragraphs": tuple(story["paragraphs"]),
                "topics": tuple(story["topics"]),
                "areas": tuple(story["areas"]),
                "picture": SamplePicture(**story["picture"]),
            }
        )
        for story in written
    )


class SampleNews:
    """What is published so far. `path` keeps the moments: a second run publishes nothing anew by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def published(self) -> list[Published]:
        """The published stories, newest first."""
        by_slug = {story.slug: story for story in stories()}
        moments = [
            (by_slug[slug], datetime.fromisoformat(at)) for slug, at in self._moments().items() if slug in by_slug
        ]
        return sorted((Published(story, at) for story, at in moments), key=lambda one: one.at, reverse=True)

    def publish_next(self, now: datetime | None = None) -> SampleStory | None:
        """Publish one more story now; None if all are out."""
        moments = self._moments()
        waiting = [story for story in stories() if story.slug not in moments]
        if not waiting:
            return None
        moments[waiting[0].slug] = (now or timezone.now()).isoformat()
        self._write(moments)
        return waiting[0]

    def _moments(self) -> dict[str, str]:
        try:
            return dict(json.loads(self.path.read_text()))
        except FileNotFoundError:
            began = timezone.now().replace(hour=7, minute=0, second=0, microsecond=0)
            moments = {s.slug: (began - timedelta(days=s.days_before)).isoformat() for s in stories()[:AT_FIRST]}
            self._write(moments)
            return moments

    def _write(self, moments: dict[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        half = self.path.with_suffix(".new")
        half.write_text(json.dumps(moments, indent=2))
        half.replace(self.path)
