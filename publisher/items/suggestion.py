"""What a source says of an item that a person has worded: kept beside the item, which stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from publisher.models import Item

# What of an item a source may suggest, and a person may take.
SUGGESTED = ("title", "lead", "body_html", "body_text", "author")


def suggest(item: Item, content_hash: str, said: Mapping[str, str]) -> None:
    """Keep what the source says now (every name in SUGGESTED) and that it has been heard; the caller saves the item."""
    item.suggestion = {**said, "at": timezone.now().isoformat()}
    item.content_hash = content_hash
