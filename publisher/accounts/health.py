"""Whether a channel can still publish: its platform is asked, and the answer is on the row in words."""

from __future__ import annotations

from django.utils import timezone

from publisher.accounts.settings import config_of, platform_of
from publisher.errors import AccountError, OpslagError
from publisher.models import Account
from publisher.vocabulary import AccountStatus


def check(account: Account) -> bool:
    """Ask the platform who we are there; true if it knows us. Never raises for what the platform answers.

    Refused: `needs_reconnect`. Not reached: the status stays, since that says nothing about the channel. A channel
    that was disconnected stays so, and is not asked.
    """
    if account.status == AccountStatus.DISCONNECTED:
        return False
    changes: dict[str, object] = {"checked_at": timezone.now()}
    try:
        profile = platform_of(account).verify(config_of(account))
        changes |= {"status": AccountStatus.CONNECTED, "last_error": {}, "facts": dict(profile.facts)}
    except AccountError as error:
        changes |= {"status": AccountStatus.NEEDS_RECONNECT, "last_error": error.explanation.as_json()}
    except OpslagError as error:
        changes |= {"last_error": error.explanation.as_json()}
    # As it was read: the answer is about the old credentials, and must not overwrite a connection made meanwhile.
    as_read = Account.objects.filter(pk=account.pk, status=account.status, checked_at=account.checked_at)
    as_read.update(**changes)
    account.refresh_from_db()
    return account.status == AccountStatus.CONNECTED and not account.last_error
