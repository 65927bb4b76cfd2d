"""The registry of sources: to add one, write its module and add one line here."""

from publisher.sources.contract import Source
from publisher.sources.database import DatabaseSource
from publisher.sources.feed import FeedSource
from publisher.sources.ical import CalendarSource
from publisher.sources.push import PushSource

_ALL: tuple[Source, ...] = (FeedSource(), CalendarSource(), DatabaseSource(), PushSource())
SOURCES: dict[str, Source] = {source.kind: source for source in _ALL}


def source_choices() -> list[tuple[str, str]]:
    """Kinds and labels, for fields with callable choices (so a new plug-in needs no migration)."""
    return [(kind, str(source.label)) for kind, source in SOURCES.items()]
