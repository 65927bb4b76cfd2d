"""News for rules: items that were first seen and published so long ago."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from publisher.models import Item, Organisation

HOUR = timedelta(hours=1)


def news(
    organisation: Organisation,
    title: str,
    *,
    seen: timedelta = HOUR,
    published: timedelta | None = HOUR,
    body: str = "Kom og hør.",
) -> Item:
    """An item that was first seen and published so long ago."""
    now = timezone.now()
    item = Item.objects.create(
        organisation=organisation, title=title, lead="Alle er velkomne.", body_text=body,
        link=f"https://kultur.example.org/{title.replace(' ', '-')}", link_key=f"kultur.example.org/{title}",
        published_at=None if published is None else now - published,
    )  # fmt: skip
    Item.objects.filter(pk=item.pk).update(first_seen_at=now - seen)
    item.refresh_from_db()
    return item
