"""A concert for tests: an item that is an event, and what its source says of it next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from publisher.items.events import put_event
from publisher.items.recording import content_of, revise
from publisher.models import Item, Organisation
from publisher.sources.contract import Event


def evening(days: int, hour: int = 19) -> datetime:
    """An hour (UTC) so many days from now."""
    day = timezone.now().astimezone(UTC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def concert(organisation: Organisation, event: Event, title: str = "Julekoncert", **columns: object) -> Item:
    """A news item about `event`."""
    slug = title.lower().replace(" ", "-")
    item = Item(
        organisation=organisation,
        title=title,
        lead="Koret synger julen ind.",
        body_html="<p>Koret synger julen ind.</p>",
        body_text="Koret synger julen ind.",
        link=f"https://kultur.example.org/det-sker/{slug}",
        link_key=f"kultur.example.org/det-sker/{slug}",
        **columns,
    )
    put_event(item, event, organisation.timezone)
    item.save()
    return item


def say(item: Item, event: Event) -> Item:
    """What a look at the source does with an item when its event has changed; gives it as stored now."""
    stored = Item.objects.select_related("organisation").get(pk=item.pk)
    before = content_of(stored)
    put_event(stored, event, stored.organisation.timezone)
    revise(stored, before)
    stored.save()
    return stored
