"""Later changes to published posts: each is claimed, its call stored before it is made, and tried again by itself.

`edit` and `delete` may be repeated (platforms.contract), so a lost answer is no riddle: the call is made again.
Only after the last try a person has to look, and is told so.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.refusal import refused
from publisher.accounts.renewal import with_access
from publisher.accounts.settings import platform_of
from publisher.accounts.waiting import heed, waiting
from publisher.address_guard import time_limit
from publisher.compose.social import follow_up_of, post_of
from publisher.deliver.clock import boot_clock_s
from publisher.deliver.outcome import BACK_OFF_MINUTES
from publisher.deliver.post_claim import MARGIN
from publisher.deliver.post_trouble import WAITS_FOR
from publisher.deliver.server_room import first_of_each
from publisher.errors import AccountError, Explanation, OpslagError, PermanentError, ThrottledError, TransientError
from publisher.life_cycles import check_transition
from publisher.models import Message, Operation, PostPart
from publisher.models.line import hold_briefly
from publisher.models.probe import Moment
from publisher.platforms.contract import Post, Published
from publisher.review.by_hand import NEEDS_PERSON, tell, why_by_hand
from publisher.schedule.dispatch import STRIKES_ALLOWED
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import PUBLIC_STEPS, AccountStatus, Calls, OperationKind, OperationStatus

LEASE = timedelta(minutes=3)
_AFTER_RECONNECT = timedelta(minutes=1)
CALL_S = 60
_WITH = ("part__delivery__message__campaign__organisation", "part__delivery__account__organisation")
_AT_ONCE = 50


def due(now: Moment) -> QuerySet[Operation]:
    """Changes to be made now, stopped or not, and those whose worker died.

    What was asked for while nobody knew whether the post is public waits until that is known; while its channel refuses
    us, until that is connected again; while the platform wants no more such calls, until it does.
    """
    pending = Q(status=OperationStatus.PENDING, due_at__lte=now)
    abandoned = Q(status=OperationStatus.WORKING, lease_until__lt=now)
    connected = Q(part__delivery__account__status=AccountStatus.CONNECTED) | Q(part__delivery__account=None)
    found = Operation.objects.filter(pending | abandoned, connected, part__step__in=PUBLIC_STEPS)
    account, deletes = "part__delivery__account", Q(kind=OperationKind.DELETE)
    return found.exclude(waiting(now, account=account) | (deletes & waiting(now, Calls.DELETIONS, account=account)))


def to_carry_out(now: datetime) -> list[int]:
    """Some of the `due`, oldest first."""
    return first_of_each(_allowed(now), "part__delivery__account", "due_at", "pk", most=_AT_ONCE)


def _allowed(now: datetime) -> QuerySet[Operation]:
    """The `due` that no stop concerns: a restored copy must not take down what the original has published."""
    return due(now).filter(part__delivery__message__in=not_stopped(Message.objects.all()))


def carry_out(operation_id: int) -> OperationStatus | None:
    """Make one change; gives its status then, None if it was not to be had or somebody else took it over."""
    asked_s = boot_clock_s()
    operation = _claim(operation_id, timezone.now())
    if operation is None:
        return None
    if operation.strikes > STRIKES_ALLOWED:
        words = Explanation(
            gettext_noop("Changing this post stopped the worker three times. Look at it on its platform.")
        )
        return _end(operation, OperationStatus.UNCERTAIN, last_error=words.as_json())
    try:
        # The limit begins before the look at the clock, as for a post (post_claim): whoever stood still between claim
        # and call for so long that another may have the change by now makes no call, for it might undo a newer one.
        with time_limit(CALL_S):
            if boot_clock_s() + CALL_S + MARGIN.total_seconds() > asked_s + LEASE.total_seconds():
                return None
            changes = _call(operation)
    except OpslagError as error:
        return _failed(operation, error)
    return _end(operation, OperationStatus.DONE, part_changes=changes, done_at=timezone.now(), last_error={})


def _claim(operation_id: int, now: datetime) -> Operation | None:
    claim_id = uuid.uuid4()
    taken = _allowed(now).filter(pk=operation_id)
    claimed = {"status": OperationStatus.WORKING, "claim_id": claim_id, "lease_until": now + LEASE, "begun_at": now}
    with transaction.atomic():
        hold_briefly()
        # Whoever waits here for another one's claim then asks anew: the condition below reads other tables, too, and
        # PostgreSQL would not look at it again for a row that changed while the statement waited for it.
        Operation.objects.select_for_update().filter(pk=operation_id).first()
        if not taken.update(**claimed, attempts=F("attempts") + 1, strikes=F("strikes") + 1):
            return None
    return Operation.objects.select_related(*_WITH).get(pk=operation_id)


def _call(operation: Operation) -> Mapping[str, str]:
    """The call itself; gives what changes on the part."""
    part = operation.part
    account = part.delivery.account
    by_hand = why_by_hand(part) if operation.kind == OperationKind.DELETE else None
    if by_hand is not None:
        raise PermanentError(by_hand.msgid, reason="by_hand", **by_hand.params)
    if account is None or not part.remote_id:
        words = gettext_noop("It is not known where this post is. Change it on the platform itself.")
        raise PermanentError(words, reason="unknown_post")
    platform, published = platform_of(account), Published(part.remote_id, part.permalink)
    if operation.kind == OperationKind.DELETE:
        with_access(account, lambda config: platform.delete(config, account.facts, published))
        return {}
    post = _as_it_should_be(operation)
    changed = with_access(account, lambda config: platform.edit(config, account.facts, published, post))
    permalink = changed.permalink or part.permalink
    return {"text": operation.text, "remote_id": changed.remote_id, "permalink": permalink}


def _as_it_should_be(operation: Operation) -> Post:
    part, message = operation.part, operation.part.delivery.message
    key = f"{part.key}-{operation.pk}"
    if not part.position:
        post = post_of(message, key=key, text=operation.text, link=part.link)
    else:
        post = follow_up_of(message, key=key, text=operation.text, reply_to="", thread_root="")
    changes = part.operations.filter(kind=OperationKind.EDIT, pk__lte=operation.pk).count()
    return replace(post, revision=post.revision + changes)


def _failed(operation: Operation, error: OpslagError) -> OperationStatus | None:
    words, now = error.explanation.as_json(), timezone.now()
    account = operation.part.delivery.account
    if isinstance(error, ThrottledError) and account is not None:
        heed(account, error)
    if isinstance(error, AccountError) and account is not None:
        # It waits for the channel, as posts do. Where that was connected anew meanwhile, another try comes soon.
        pause = timedelta() if refused(account, error.explanation) else _AFTER_RECONNECT
        again = OperationStatus.PENDING
        return _end(operation, again, last_error=words, due_at=now + pause, attempts=F("attempts") - 1)
    if isinstance(error, (AccountError, PermanentError)):
        return _end(operation, OperationStatus.FAILED, last_error=words)
    if isinstance(error, ThrottledError) and now < operation.created_at + WAITS_FOR:
        # To be asked to wait is no try that failed: a platform may take so many changes an hour, and there are more.
        later, tries = now + timedelta(seconds=error.retry_after), F("attempts") - 1
        return _end(operation, OperationStatus.PENDING, last_error=words, due_at=later, attempts=tries)
    if operation.attempts >= settings.OPSLAG_MAX_ATTEMPTS:
        last = OperationStatus.FAILED if isinstance(error, TransientError) else OperationStatus.UNCERTAIN
        return _end(operation, last, last_error=words)
    pause = timedelta(minutes=BACK_OFF_MINUTES[min(operation.attempts, len(BACK_OFF_MINUTES)) - 1])
    if isinstance(error, TransientError) and error.retry_after is not None:
        pause = timedelta(seconds=max(error.retry_after, 1))
    return _end(operation, OperationStatus.PENDING, last_error=words, due_at=now + pause)


def _end(
    operation: Operation, status: OperationStatus, *, part_changes: Mapping[str, str] | None = None, **fields: object
) -> OperationStatus | None:
    """Store what became of it, if this worker still has it; what a person must look at is told."""
    check_transition(OperationStatus, OperationStatus.WORKING, status)
    with transaction.atomic():
        hold_briefly()
        if part_changes:
            # The part first, as whoever asks for a newer change takes it: two that meet wait instead of deadlocking.
            PostPart.objects.select_for_update().get(pk=operation.part_id)
        mine = Operation.objects.filter(pk=operation.pk, claim_id=operation.claim_id, status=OperationStatus.WORKING)
        if not mine.update(status=status, claim_id=None, lease_until=None, strikes=0, **fields):
            return None
        if part_changes:
            PostPart.objects.filter(pk=operation.part_id).update(**part_changes)
        if status in NEEDS_PERSON:
            tell(Operation.objects.select_related(*_WITH).get(pk=operation.pk))
    return status
