"""Sources as people set them up: find or make one for an address, start a stopped one again."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.items.identity import normalise_link, web_address
from publisher.models import Organisation, Source
from publisher.vocabulary import SourceStatus


def feed_source(organisation: Organisation, url: str) -> Source:
    """The organisation's source for a feed's address, made if there is none.

    Raises InputError if `url` is no web address.
    """
    address = web_address(url)
    if not address:
        raise InputError(
            gettext_noop("“%(url)s” is not a web address. It must begin with https:// or http://."),
            reason="bad_address",
            url=url[:200],
        )
    with transaction.atomic():
        # Two people who add the same feed at once wait for each other here.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        for source in Source.objects.filter(organisation=organisation, kind="feed").order_by("pk"):
            if normalise_link(str(source.config.get("url", ""))) == normalise_link(address):
                return source
        name = urlsplit(address).hostname or address
        return Source.objects.create(organisation=organisation, kind="feed", name=name[:120], config={"url": address})


def resume(source: Source) -> None:
    """Start a paused or broken source again, at once and with a clean record."""
    Source.objects.filter(pk=source.pk).update(
        status=SourceStatus.ACTIVE, failures=0, strikes=0, last_error={}, next_poll_at=None
    )
    source.refresh_from_db()


def organisation_named(slug: str = "") -> Organisation:
    """The organisation with this slug; without one, the only organisation there is.

    Raises InputError, naming the slugs that exist.
    """
    organisations = Organisation.objects.order_by("slug")
    if not slug and len(organisations) == 1:
        return organisations[0]
    found = organisations.filter(slug=slug).first()
    if found is None:
        known = ", ".join(organisation.slug for organisation in organisations[:20]) or "–"
        raise InputError(
            gettext_noop("Say which organisation with --organisation. There are: %(known)s"),
            reason="which_organisation",
            known=known,
        )
    return found
