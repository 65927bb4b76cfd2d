"""Finding an organisation by the name in a public address."""

from __future__ import annotations

from publisher.models import Organisation


def organisation_of(slug: str) -> Organisation | None:
    """The organisation behind a public address."""
    return Organisation.objects.filter(slug=slug).first()
