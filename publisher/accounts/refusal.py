"""A platform refuses a channel: it must be connected again, and those who can do that are told once."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from publisher.accounts.alerts import MENDED_THERE, REFUSED, alert
from publisher.errors import Explanation
from publisher.models import Account
from publisher.vocabulary import AccountStatus


def refused(account: Account, words: Explanation) -> bool:
    """Ask for a reconnect; false where the channel was connected or renewed since `account` was read, and works.

    The refusal was about the credentials that were read; it says nothing about newer ones.
    """
    with transaction.atomic():
        stored = Account.objects.select_for_update().filter(pk=account.pk).first()
        if stored is None or stored.status == AccountStatus.DISCONNECTED:
            return True
        was_connected = stored.status == AccountStatus.CONNECTED
        if was_connected and not _same(stored, account):
            return False
        Account.objects.filter(pk=account.pk).update(
            status=AccountStatus.NEEDS_RECONNECT, last_error=words.as_json(), checked_at=timezone.now()
        )
        if was_connected:
            stored.status, stored.last_error = AccountStatus.NEEDS_RECONNECT, words.as_json()
            told = MENDED_THERE if stored.mended_there else REFUSED
            alert(stored, Explanation(told, {"name": str(stored), "why": words}))
    return True


def _same(stored: Account, read: Account) -> bool:
    return (stored.checked_at, stored.config, stored.credentials) == (read.checked_at, read.config, read.credentials)
