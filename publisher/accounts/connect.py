"""Connecting a channel: its platform is asked who we are there before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.settings import split_values
from publisher.errors import InputError
from publisher.models import Account, AuditEntry, Organisation, User
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Profile
from publisher.vocabulary import AccountStatus


def connect_account(
    organisation: Organisation, kind: str, values: Mapping[str, Any], user: User | None = None
) -> Account:
    """Check the given connection fields with the platform and store the channel, secrets encrypted.

    The same profile connected again becomes the same row with the new fields. Raises InputError for a field that is
    missing or a platform that is unknown, and what the platform's `verify` raises: AccountError (refused),
    TransientError (not reached), PermanentError.
    """
    if kind not in PLATFORMS:
        raise InputError(gettext_noop("This installation cannot publish to “%(kind)s”."), kind=kind)
    platform = PLATFORMS[kind]
    config, secrets = split_values(platform.config_class, values)
    profile = platform.verify(platform.config_class(**config, **secrets))
    with transaction.atomic():
        # Two people who connect the same profile at once wait for each other here, and get one row.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        account = _known(organisation, kind, config, profile) or Account(organisation=organisation, kind=kind)
        account.config, account.credentials = config, secrets
        account.status, account.last_error, account.blocked_until = AccountStatus.CONNECTED, {}, None
        account.checked_at = timezone.now()
        _describe(account, profile)
        account.save()
        _note(account, user, "account_connected", gettext_noop("%(name)s: connected"))
    return account


def disconnect_account(account: Account, user: User | None = None) -> None:
    """Forget the channel's secrets and publish nothing more to it; what was published stays in its receipts."""
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(status=AccountStatus.DISCONNECTED, credentials={}, last_error={})
        _note(account, user, "account_disconnected", gettext_noop("%(name)s: disconnected"))
    account.refresh_from_db()


def _known(organisation: Organisation, kind: str, config: dict[str, Any], profile: Profile) -> Account | None:
    """The row of this profile; an id is unique on its server only, and the public address tells servers apart."""
    for account in Account.objects.filter(organisation=organisation, kind=kind).order_by("pk"):
        same_server = account.url == profile.url if profile.url else account.config == config
        if account.remote_id == profile.remote_id and same_server:
            return account
    return None


def _describe(account: Account, profile: Profile) -> None:
    """Take over what the platform says; a column's length is no reason to refuse a profile."""
    account.remote_id = profile.remote_id[:200]
    account.name = (profile.name or profile.handle or account.kind)[:120]
    account.handle = profile.handle[:200]
    account.url = profile.url if len(profile.url) <= 500 else ""
    account.avatar_url = profile.avatar_url if len(profile.avatar_url) <= 500 else ""
    account.facts = dict(profile.facts)


def _note(account: Account, user: User | None, action: str, msgid: str) -> None:
    AuditEntry.objects.create(
        organisation=account.organisation,
        user=user,
        action=action,
        subject_kind="account",
        subject_id=account.pk,
        explanation={"msgid": msgid, "params": {"name": account.name}},
    )
