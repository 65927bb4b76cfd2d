"""Connecting a channel: its platform is asked who we are there before anything is stored."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import copy
from dataclasses import fields
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.apps import SIGNED_IN_WITH, app_of
from publisher.accounts.lasting import times_of
from publisher.accounts.settings import config_of, split_values
from publisher.accounts.telling_apart import tell_apart
from publisher.accounts.waiting import let_go
from publisher.errors import InputError, OpslagError
from publisher.models import Account, AuditEntry, Organisation, PlatformApp, User
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Platform, Profile
from publisher.vocabulary import AccountStatus

log = logging.getLogger(__name__)


def connect_account(
    organisation: Organisation,
    kind: str,
    values: Mapping[str, Any],
    user: User | None = None,
    *,
    app: PlatformApp | None = None,
    again: Account | None = None,
) -> Account:
    """Check the given connection fields with the platform and store the channel, secrets encrypted.

    The same profile connected again becomes the same row with the new fields, surely so if it is that of `again`. `app`
    is what a person signed in with. Raises InputError for a field that is missing or a platform that is unknown, and
    what the platform's `verify` raises: AccountError (refused), TransientError (not reached), PermanentError.
    """
    if kind not in PLATFORMS:
        raise InputError(gettext_noop("This installation cannot publish to “%(kind)s”."), kind=kind)
    platform = PLATFORMS[kind]
    values = _with_session(platform, values)
    config, secrets = split_values(platform.config_class, values)
    typed_config = platform.config_class(**config, **secrets)
    profile = platform.verify(typed_config)
    with transaction.atomic():
        # Two people who connect the same profile at once wait for each other here, and get one row.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        account = _known(organisation, kind, config, profile, again) or Account(organisation=organisation, kind=kind)
        account.config, account.credentials = config | ({SIGNED_IN_WITH: app.pk} if app else {}), secrets
        # Whoever renews the old credentials at this moment must not put theirs over these.
        account.claim_id = account.lease_until = None
        for name, value in times_of(platform, typed_config).items():
            setattr(account, name, value)
        account.status, account.last_error = AccountStatus.CONNECTED, {}
        account.blocked_until, account.blocked_why = None, {}
        account.checked_at = timezone.now()
        _describe(account, profile)
        account.save()
        let_go(account, account.checked_at)
        tell_apart(organisation)
        account.refresh_from_db(fields=["apart"])
        _note(account, user, "account_connected", gettext_noop("%(name)s: connected"))
    return account


def disconnect_account(account: Account, user: User | None = None) -> None:
    """Forget the channel's secrets and publish nothing more to it; what was published stays in its receipts.

    Where the platform can, what a person gave us by signing in is taken back there as well.
    """
    forgotten = copy(account)
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(
            status=AccountStatus.DISCONNECTED,
            credentials={},
            last_error={},
            warnings=[],
            renew_at=None,
            lasts_until=None,
            claim_id=None,
            lease_until=None,
        )
        _note(account, user, "account_disconnected", gettext_noop("%(name)s: disconnected"))
    account.refresh_from_db()
    _revoke(forgotten)


def _revoke(forgotten: Account) -> None:
    """A platform that does not answer changes nothing: our copy is gone, and the person can take it back there."""
    platform = PLATFORMS.get(forgotten.kind)
    if platform is None or platform.sign_in is None or SIGNED_IN_WITH not in forgotten.config:
        return
    try:
        platform.sign_in.revoke(app_of(forgotten), config_of(forgotten))
    except OpslagError as error:
        log.info("account %d: its access was not taken back at the platform: %s", forgotten.pk, error.reason)


def _known(
    organisation: Organisation, kind: str, config: dict[str, Any], profile: Profile, again: Account | None
) -> Account | None:
    """The row of this profile; an id is unique on its server only, and the public address tells servers apart."""
    for account in Account.objects.filter(organisation=organisation, kind=kind).order_by("pk"):
        same_server = (
            account.url == profile.url if profile.url else _typed(account, account.config) == _typed(account, config)
        )
        same_server = same_server or (again is not None and account.pk == again.pk)
        if account.remote_id == profile.remote_id and same_server:
            return account
    return None


def _typed(account: Account, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a person filled in: the rest changes with each connection."""
    typed = {each.name for each in fields(PLATFORMS[account.kind].config_class) if not each.metadata.get("hidden")}
    return {name: value for name, value in config.items() if name in typed}


def _describe(account: Account, profile: Profile) -> None:
    """Take over what the platform says; a column's length is no reason to refuse a profile."""
    account.remote_id = profile.remote_id[:200]
    account.name = (profile.name or profile.handle or account.kind)[:120]
    account.handle = profile.handle[:200]
    account.url = profile.url if len(profile.url) <= 500 else ""
    account.avatar_url = profile.avatar_url if len(profile.avatar_url) <= 500 else ""
    account.facts = dict(profile.facts)
    account.warnings = [warning.as_json() for warning in profile.warnings]


def _with_session(platform: Platform, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values, and those of a first session where the platform opens one with what a person filled in."""
    config, secrets = split_values(platform.config_class, values)
    filled_in = platform.config_class(**config, **secrets)
    due = platform.renew_at(filled_in)
    return values if due is None or due > timezone.now() else {**values, **(platform.renew(filled_in, None) or {})}


def _note(account: Account, user: User | None, action: str, msgid: str) -> None:
    AuditEntry.objects.create(
        organisation=account.organisation,
        user=user,
        action=action,
        subject_kind="account",
        subject_id=account.pk,
        explanation={"msgid": msgid, "params": {"name": str(account)}},
    )
