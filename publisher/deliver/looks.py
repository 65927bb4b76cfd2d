"""Looks at unconfirmed posts: the pauses between them, when a person is asked, and channels that let nobody look."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from publisher.accounts.health import check
from publisher.accounts.settings import platform_of
from publisher.errors import AccountError, OpslagError
from publisher.models import Account
from publisher.vocabulary import AccountStatus

# Nobody is left without a word for longer than this (seconds).
_LONG_S = 3600
# Posts whose channel need not be connected again; others wait for that, with the looks that they have left.
LET_IN = Q(account__isnull=False) & ~Q(account__status=AccountStatus.NEEDS_RECONNECT)


def pauses_of(account: Account) -> Sequence[float]:
    """The pauses (seconds) after each look at a post of this account, as many as usual; () for the usual ones."""
    return platform_of(account).looks_s


def asked_after(pauses_s: Sequence[float]) -> int:
    """After how many looks in vain a person is asked: the last one, or that before the first long pause."""
    return next((n for n, pause_s in enumerate(pauses_s, 1) if pause_s > _LONG_S), len(pauses_s) + 1)


def is_barred(account: Account, error: OpslagError) -> bool:
    """Whether a look failed with `error` since the channel must be connected again, which is said where it is so.

    The permission to read may be missing alone, so the channel itself is checked.
    """
    if isinstance(error, AccountError):
        check(account)
    return isinstance(error, AccountError) and account.status == AccountStatus.NEEDS_RECONNECT
