"""Whether a channel can still publish: its platform is asked, and the answer is on the row in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from publisher.accounts.lasting import has_ended, times_of
from publisher.accounts.refusal import refused
from publisher.accounts.renewal import with_access
from publisher.accounts.settings import config_of, platform_of
from publisher.errors import AccountError, OpslagError
from publisher.models import Account
from publisher.vocabulary import AccountStatus, Calls

# Each channel is asked once a day; those that were connected together not all in the same minute.
EVERY = timedelta(hours=22)
_SPREAD_MINUTES = 240
_AT_ONCE = 20


def check(account: Account) -> bool:
    """Ask the platform who we are there; true if it knows us. Never raises for what the platform answers.

    Refused: `needs_reconnect`. Not reached: the status stays, since that says nothing about the channel. A channel
    that was disconnected stays so, and is not asked; nor is one whose access was refused and has ended, for what it
    still opens says nothing about publishing.
    """
    if account.status == AccountStatus.DISCONNECTED or has_ended(account, timezone.now()):
        return False
    changes: dict[str, object] = {"checked_at": timezone.now()}
    try:
        profile = with_access(account, platform_of(account).verify)
        changes |= {"status": AccountStatus.CONNECTED, "last_error": {}, "facts": dict(profile.facts)}
        changes |= {"warnings": [warning.as_json() for warning in profile.warnings]}
        changes |= _ends(account)
    except AccountError as error:
        refused(account, error.explanation)
        changes = {}
    except OpslagError as error:
        changes |= {"last_error": error.explanation.as_json()}
    if changes:
        # As it was read: the answer is about the old credentials, and must not overwrite a connection made meanwhile.
        as_read = Account.objects.filter(pk=account.pk, status=account.status, checked_at=account.checked_at)
        as_read.update(**changes)
    account.refresh_from_db()
    return account.status == AccountStatus.CONNECTED and not account.last_error


def _ends(account: Account) -> dict[str, object]:
    """The time at which the connection ends, where it was not known or is another now."""
    times = times_of(platform_of(account), config_of(account))
    return (
        {} if times["lasts_until"] == account.lasts_until else {"lasts_until": times["lasts_until"], "told_days": None}
    )


def to_check(now: datetime) -> list[int]:
    """Channels that were not asked for a day, each at its own time of the day; the longest unasked first."""
    ended = Q(status=AccountStatus.NEEDS_RECONNECT, lasts_until__lte=now)
    blocked = Q(blocked_until__gt=now, blocked_calls=Calls.ALL)
    open_ones = Account.objects.exclude(status=AccountStatus.DISCONNECTED).exclude(ended | blocked)
    rows = open_ones.exclude(checked_at__gt=now - EVERY)
    found = rows.order_by("checked_at", "pk").values_list("pk", "checked_at")
    return [pk for pk, at in found if at is None or at + EVERY + _own_delay(pk) <= now][:_AT_ONCE]


def check_one(account_id: int) -> bool:
    """`check` a channel if it is still there."""
    account = Account.objects.select_related("organisation").filter(pk=account_id).first()
    return account is not None and check(account)


def _own_delay(pk: int) -> timedelta:
    return timedelta(minutes=pk * 97 % _SPREAD_MINUTES)
