"""Practice channels: opened and connected in one go, since nobody has to fetch a token from elsewhere."""

from __future__ import annotations

import secrets

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.accounts.connect import connect_account
from publisher.errors import InputError, OpslagError
from publisher.models import Account, Organisation, PracticeChannel, User
from publisher.platforms.practice import PracticePlatform

KIND = PracticePlatform.kind
_NAME_LENGTH = 120


def open_practice_channel(organisation: Organisation, name: str, user: User | None = None) -> Account:
    """Make a practice channel called `name` and connect it; if it cannot be connected, none is left behind.

    Raises what `connect_account` raises: our own web server is asked who the channel is, as any platform would be.
    """
    with transaction.atomic():
        # Two people who open one at once wait for each other here, and get two short names.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        channel = PracticeChannel.objects.create(
            organisation=organisation, slug=_free_slug(organisation), name=name[:_NAME_LENGTH]
        )
    try:
        return connect_account(organisation, KIND, _fields(channel), user)
    except OpslagError:
        channel.delete()
        raise


def connect_practice_again(account: Account, user: User | None = None) -> Account:
    """Connect a practice channel that was disconnected.

    Raises what `connect_account` raises, and InputError if the channel is gone.
    """
    slug = str(account.config.get("channel", ""))
    channel = PracticeChannel.objects.filter(organisation=account.organisation, slug=slug).first()
    if channel is None:
        raise InputError(gettext_noop("This practice channel no longer exists. Open a new one."))
    return connect_account(account.organisation, KIND, _fields(channel), user)


def _fields(channel: PracticeChannel) -> dict[str, str]:
    return {"channel": channel.slug, "token": channel.token}


def _free_slug(organisation: Organisation) -> str:
    """The organisation's own short name while that is free, then with a few letters that nobody can guess from it."""
    slug = organisation.slug
    while PracticeChannel.objects.filter(slug=slug).exists():
        slug = f"{organisation.slug[:40]}-{secrets.token_hex(3)}"
    return slug
