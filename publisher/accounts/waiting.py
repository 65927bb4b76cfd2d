"""What waits because of an account, and until when: a platform that counts our calls wants no more of them for a while.

That is a matter of the account, or of the app that it was connected with, and not of the one post that met it: all its
work waits, and nothing else does. Where the platform says that it counts calls of one kind apart, only that kind waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from publisher.accounts.apps import SIGNED_IN_WITH
from publisher.errors import Explanation, ThrottledError
from publisher.models import Account, Delivery, Message, Operation
from publisher.models.probe import Moment
from publisher.vocabulary import AccountStatus, Calls, DeliveryStatus, MessageStatus, OperationStatus, Reason


def heed(account: Account, error: ThrottledError) -> None:
    """Keep on the row, or on those of all accounts of its app, until when the platform wants no more calls, and why.

    An account keeps one limit, the last that it was told: one that is forgotten is told again by the next call.
    """
    if error.calls == Calls.LOOKS:
        # What only looks waits by itself, and keeps nothing from being published.
        return
    rows, app = Account.objects.filter(pk=account.pk), account.config.get(SIGNED_IN_WITH)
    if error.of_app and app is not None:
        rows = Account.objects.filter(**{f"config__{SIGNED_IN_WITH}": app})
    rows.exclude(status=AccountStatus.DISCONNECTED).update(
        blocked_until=timezone.now() + timedelta(seconds=error.retry_after),
        blocked_calls=error.calls,
        blocked_why=error.explanation.as_json(),
    )


def waiting(now: Moment, *calls: Calls, account: str = "account") -> Q:
    """For a filter over what leads to an `account` (the field's name): it may make no calls of these kinds yet.

    To be used with `exclude`.
    """
    concerned = [Calls.ALL.value, *(each.value for each in calls)]
    return Q(**{f"{account}__blocked_until__gt": now, f"{account}__blocked_calls__in": concerned})


def waits_until(account: Account, *calls: Calls) -> datetime | None:
    """Until when the account may make no calls of these kinds; None if it may. As it was read."""
    until = account.blocked_until
    is_concerned = account.blocked_calls in (Calls.ALL, *calls)
    return until if until is not None and until > timezone.now() and is_concerned else None


@dataclass(frozen=True)
class Wait:
    """Until when a post waits beyond its planned time, and why. `counted`: its platform counts our calls."""

    until: datetime
    why: Explanation
    counted: bool


def wait_of(delivery: Delivery, account: Account | None) -> Wait | None:
    """What a post to the account waits for beyond its planned time, None if for nothing. Rows as they were read."""
    if delivery.status != DeliveryStatus.PENDING or account is None:
        return None
    blocked = waits_until(account, Calls.POSTS)
    put_off = delivery.due_at if delivery.last_error and delivery.due_at > timezone.now() else None
    if blocked is not None and (put_off is None or put_off <= blocked):
        return Wait(blocked, Explanation.from_json(account.blocked_why), counted=True)
    return Wait(put_off, Explanation.from_json(delivery.last_error), counted=False) if put_off else None


def waits_of(messages: Iterable[Message]) -> dict[int, Wait]:
    """By the id of the message: what those of the posts wait for that are under way. Their accounts are fetched."""
    going = {each.pk: each for each in messages if each.status == MessageStatus.SENDING and not each.withdrawn_at}
    if not going:
        return {}
    rows = Delivery.objects.filter(message__in=going, status=DeliveryStatus.PENDING, account__isnull=False)
    found = ((row.message_id, wait_of(row, going[row.message_id].account)) for row in rows)
    return {message_id: wait for message_id, wait in found if wait is not None}


def check_uploads(account: Account) -> None:
    """Raise ThrottledError, as the platform told it, where it takes no more pictures for now."""
    until = waits_until(account, Calls.UPLOADS)
    if until is not None:
        why, wait_s = Explanation.from_json(account.blocked_why), (until - timezone.now()).total_seconds()
        calls = Calls(account.blocked_calls)
        raise ThrottledError(why.msgid, reason=Reason.BUSY, retry_after=wait_s, calls=calls, **why.params)


def let_go(account: Account, now: datetime) -> None:
    """Try now what was put off: posts, uploads ahead of their time, later changes. What is held is released elsewhere.

    To be called in the transaction that stores the new connection.
    """
    Delivery.objects.filter(
        account=account, status=DeliveryStatus.PENDING, due_at__gt=now, message__status=MessageStatus.SENDING
    ).update(due_at=now)
    # Of a message that nobody has in hand this is when its uploads are tried again (deliver.post).
    waits = Message.objects.filter(account=account, status=MessageStatus.SCHEDULED, claim_id=None)
    waits.filter(lease_until__gt=now).update(lease_until=None)
    changes = Operation.objects.filter(part__delivery__account=account, status=OperationStatus.PENDING)
    changes.filter(due_at__gt=now).update(due_at=now)
