"""How long a channel's connection lasts, and when a person must connect it again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from publisher.models import Account
from publisher.platforms.contract import Platform
from publisher.vocabulary import AccountStatus

# From here on staff are told.
HEEDED = timedelta(days=14)
# A connection that renews itself is long renewed by then; if it is not, renewing has failed for days.
NOT_RENEWED = timedelta(days=7)


def times_of(platform: Platform, config: Any) -> dict[str, datetime | None]:
    """What the row keeps of a connection that was made or renewed just now."""
    return {"renew_at": platform.renew_at(config), "lasts_until": platform.lasts_until(config), "told_days": None}


def has_ended(account: Account, now: datetime) -> bool:
    """Whether the platform has refused the channel and its access is over, so that only connecting it anew helps."""
    return (
        account.status == AccountStatus.NEEDS_RECONNECT
        and account.lasts_until is not None
        and (account.lasts_until <= now)
    )


def days_left(account: Account, now: datetime) -> int | None:
    """In how many days at the latest a person must connect the channel again; None while staff need not heed it."""
    until = must_reconnect_by(account, now)
    if until is None or until - now > HEEDED:
        return None
    return max(-((now - until) // timedelta(days=1)), 0)


def must_reconnect_by(account: Account, now: datetime) -> datetime | None:
    """When a person must connect the channel again at the latest; None while that is not known to come."""
    if account.status != AccountStatus.CONNECTED or account.lasts_until is None:
        return None
    if account.renew_at is not None and account.lasts_until - now > NOT_RENEWED:
        return None
    return account.lasts_until
