"""Who may push: the tokens of a source, of which we keep no more than their hashes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from publisher.models.news import Source
from publisher.models.organisation import User
from publisher.models.scoped import ScopedModel


class SourceToken(ScopedModel):
    """A token with which a website pushes news to a source. `digest`: SHA-256 of it; `ending`: its last letters.

    `counted_from` and `calls`: how many calls were made since then, for the limit by the minute.
    """

    organisation_path = "source__organisation"
    source = models.ForeignKey(Source, models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    ending = models.CharField(max_length=8)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    counted_from = models.DateTimeField(null=True)
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-pk"]
