"""What a source says of an item that a person has worded: kept beside the item, which stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from publisher.items.identity import text_key, title_key
from publisher.models import Item

# What of an item a source may suggest, and a person may take.
SUGGESTED = ("title", "lead", "body_html", "body_text", "author")
_SAID = ("title", "lead", "body_text")


def suggest(item: Item, content_hash: str, said: Mapping[str, str]) -> None:
    """Keep what the source says now (every name in SUGGESTED) and that it has been heard; the caller saves the item."""
    item.suggestion = {**said, "at": timezone.now().isoformat()}
    item.content_hash = content_hash
    item.title_key, item.text_key = title_key(said["title"]), text_key(said["body_text"])
    item.said = {name: said[name] for name in _SAID}


def keep_said(item: Item) -> None:
    """Before a colleague words an item: keep by what it will be known again; the caller saves the item."""
    if item.content_hash and item.worded_at is None:
        item.said = {name: getattr(item, name) for name in _SAID}
