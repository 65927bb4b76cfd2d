"""Newsletters as administrators set them up."""

from __future__ import annotations

import secrets

from django.db import transaction

from publisher.models import Newsletter, Organisation

_SLUG_LENGTH = 40


def add_newsletter(newsletter: Newsletter, organisation: Organisation, short_name: str) -> Newsletter:
    """Keep a new newsletter of the organisation; its public address is `short_name`, with letters added if taken."""
    newsletter.organisation = organisation
    with transaction.atomic():
        # Two people who add one at once wait for each other here.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        newsletter.slug = _free_slug(short_name[:_SLUG_LENGTH] or organisation.slug)
        newsletter.save()
    return newsletter


def _free_slug(wanted: str) -> str:
    slug = wanted
    while Newsletter.objects.filter(slug=slug).exists():
        slug = f"{wanted}-{secrets.token_hex(2)}"
    return slug
