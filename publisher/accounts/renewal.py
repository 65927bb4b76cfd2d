"""Renewing a channel's credentials: by one at a time, and what comes back is stored before anybody uses it.

At some platforms the old credentials are worthless from the call on, and using them twice takes the access away.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.apps import app_of
from publisher.accounts.lasting import times_of
from publisher.accounts.refusal import refused
from publisher.accounts.settings import changed, config_of, platform_of, typed
from publisher.address_guard import time_limit
from publisher.errors import AccountError, Explanation, NotYetError, PermanentError, TokenExpiredError, TransientError
from publisher.models import Account
from publisher.models.probe import Moment
from publisher.vocabulary import AccountStatus, Reason

_T = TypeVar("_T")

# All calls of one renewal together; whoever holds a lease for longer than LEASE is dead.
CALL_S = 60.0
LEASE = timedelta(minutes=3)
# How long others wait for it, and between two looks.
PATIENCE_S, LOOK_S = 75.0, 0.2
# After a failure that may pass, where the platform does not ask for longer.
PAUSE = timedelta(minutes=5)
_AT_ONCE = 50

INTERRUPTED = gettext_noop(
    "Opslag was interrupted while it renewed its access, and the platform no longer takes the old one. Connect the "
    "channel again."
)
CONNECT = gettext_noop("The channel must be connected again.")
_NOT_HERE = gettext_noop("This installation never sends, so it does not renew the access to its channels either.")
_BUSY = gettext_noop("The access to this channel is being renewed at this moment.")


def due(now: Moment) -> QuerySet[Account]:
    """Channels whose credentials should be renewed now."""
    return Account.objects.filter(status=AccountStatus.CONNECTED, renew_at__lte=now)


def to_renew(now: datetime) -> list[int]:
    """Those of the `due` that nobody renews at this moment; none where nothing may leave."""
    if settings.OPSLAG_NEVER_SEND:
        return []
    free = due(now).filter(Q(lease_until=None) | Q(lease_until__lt=now))
    return list(free.order_by("renew_at").values_list("pk", flat=True)[:_AT_ONCE])


def renew_ahead(account_id: int) -> bool:
    """Renew one of the `due`; false if that failed, with the reason on the row or another try in some minutes."""
    account = due(timezone.now()).select_related("organisation").filter(pk=account_id).first()
    if account is None:
        return False
    try:
        renewed(account)
    except (TransientError, AccountError):
        return False
    return True


def with_access(account: Account, call: Callable[[Any], _T]) -> _T:
    """`call` with the account's config, renewed first where its time has come, and again where the platform says so.

    For calls that may be made again after a TokenExpiredError. Raises what `call` and `renewed` raise.
    """
    config = fresh_config(account)
    try:
        return call(config)
    except TokenExpiredError as error:
        return call(renewed(account, error))


def fresh_config(account: Account) -> Any:
    """The account's config, renewed first where its time has come; `account` then is as stored.

    A renewal that fails for the moment leaves the old credentials, which may still do. Raises AccountError.
    """
    if not wants_renewal(account):
        return config_of(account)
    try:
        return renewed(account)
    except TransientError:
        return config_of(account)


def wants_renewal(account: Account) -> bool:
    """Whether its credentials should be renewed before they are used."""
    due_at = account.renew_at if account.status == AccountStatus.CONNECTED else None
    return due_at is not None and due_at <= timezone.now()


def renewed(account: Account, expired: TokenExpiredError | None = None) -> Any:
    """The config with credentials newer than those that `account` was read with; `account` then is as stored.

    Only one renews, others wait for what it stores. `expired`: how the platform refused the old ones, so that there is
    no waiting until they may be renewed. Raises AccountError (the channel must be connected again, as its row then
    says) and TransientError. Not to be called within a transaction.
    """
    if settings.OPSLAG_NEVER_SEND:
        # A copy of an installation would take the access away from the one that it is a copy of.
        raise TransientError(_NOT_HERE, reason=Reason.BUSY)
    read, was = (account.config, account.credentials), account.status
    patient_until = time.monotonic() + PATIENCE_S
    while True:
        interrupted = Account.objects.filter(pk=account.pk, lease_until__lt=timezone.now()).exists()
        lease = _take_lease(account)
        account.refresh_from_db()
        if account.status not in {was, AccountStatus.CONNECTED}:
            _end_lease(account, lease)
            raise _refusal(Explanation.from_json(account.last_error) if account.last_error else Explanation(CONNECT))
        if (account.config, account.credentials) != read:
            _end_lease(account, lease)
            return config_of(account)
        if lease is not None:
            return _renew(account, lease, expired, interrupted=interrupted)
        if time.monotonic() > patient_until:
            raise TransientError(_BUSY, reason=Reason.BUSY, retry_after=PATIENCE_S)
        time.sleep(LOOK_S)


def _take_lease(account: Account) -> uuid.UUID | None:
    lease, now = uuid.uuid4(), timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = Account.objects.filter(free, pk=account.pk).exclude(status=AccountStatus.DISCONNECTED)
    return lease if rows.update(claim_id=lease, lease_until=now + LEASE) else None


def _end_lease(account: Account, lease: uuid.UUID | None, **changes: object) -> None:
    if lease is not None:
        Account.objects.filter(pk=account.pk, claim_id=lease).update(claim_id=None, lease_until=None, **changes)


def _renew(account: Account, lease: uuid.UUID, expired: TokenExpiredError | None, *, interrupted: bool) -> Any:
    try:
        platform, config = platform_of(account), config_of(account)
        with time_limit(CALL_S):
            values = platform.renew(config, app_of(account))
    except TransientError as error:
        if expired is not None and isinstance(error, NotYetError):
            # It ended before its time, whatever else it still opens.
            _end_lease(account, lease, lasts_until=timezone.now())
            refused(account, expired.explanation)
            raise expired from error
        pause = max(PAUSE, timedelta(seconds=error.retry_after or 0))
        later = {"renew_at": timezone.now() + pause} if account.renew_at else {}
        _end_lease(account, lease, **later)
        raise
    except (AccountError, PermanentError) as error:
        raise _given_up(account, lease, Explanation(INTERRUPTED) if interrupted else error.explanation) from error
    if values is None:
        raise _given_up(account, lease, expired.explanation if expired else Explanation(CONNECT)) from expired
    return _store(account, lease, values)


def _given_up(account: Account, lease: uuid.UUID, words: Explanation) -> AccountError:
    """What to raise once it is known that only a person can renew the access; its row says why."""
    _end_lease(account, lease)
    refused(account, words)
    return _refusal(words)


def _refusal(words: Explanation) -> AccountError:
    return AccountError(words.msgid, reason=Reason.ACCOUNT, **words.params)


def _store(account: Account, lease: uuid.UUID, values: Mapping[str, Any]) -> Any:
    """Keep what came back, unless the channel was connected anew or disconnected meanwhile: then that holds."""
    platform = platform_of(account)
    config, credentials = changed(account, platform.config_class, values)
    times = times_of(platform, typed(platform.config_class, config | credentials))
    # Durable: it is committed when this block ends, before anybody uses it.
    with transaction.atomic(durable=True):
        _end_lease(account, lease, config=config, credentials=credentials, **times)
    account.refresh_from_db()
    return config_of(account)
