"""Channels of one organisation that have the same name on the same platform: what tells each from the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from urllib.parse import urlsplit

from publisher.models import Account, Organisation


def tell_apart(organisation: Organisation) -> None:
    """Write `apart` on its channels: the handle, else the host or the number there, of those that need it.

    Call it where a channel has got its name, with the organisation locked.
    """
    alike: defaultdict[tuple[str, str], list[Account]] = defaultdict(list)
    for account in Account.objects.filter(organisation=organisation).order_by("pk"):
        alike[account.name.casefold(), account.called].append(account)
    for accounts in alike.values():
        marks = _marks(accounts) if len(accounts) > 1 else [""]
        for account, mark in zip(accounts, marks, strict=True):
            if account.apart != mark:
                Account.objects.filter(pk=account.pk).update(apart=mark)


def _marks(accounts: list[Account]) -> list[str]:
    """For each the first of its signs that none of the others has."""
    signs = [_signs(account) for account in accounts]
    shared = Counter(sign for own in signs for sign in set(own))
    return [next((sign for sign in own if shared[sign] == 1), "") for own in signs]


def _signs(account: Account) -> list[str]:
    found = (account.handle, urlsplit(account.url).hostname or "", account.url, account.remote_id)
    return [sign[:200] for sign in found if sign]
