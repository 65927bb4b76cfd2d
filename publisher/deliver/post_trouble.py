"""Posts in trouble: what becomes of one that could not be made public, and who is told of it by mail, each thing once.

A channel that refuses us altogether is told elsewhere (accounts.refusal): that mail says that its posts wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.accounts.settings import platform_of
from publisher.accounts.waiting import waiting
from publisher.deliver import outcome
from publisher.errors import Explanation, OpslagError, PermanentError, ThrottledError, TransientError
from publisher.models import Account, Delivery
from publisher.models.probe import Moment
from publisher.schedule import dispatch
from publisher.vocabulary import Calls, DeliveryStatus, HoldReason, MessageStatus, NoticeKind, Outlet, Reason

# A post that is so late is worth a mail; one that a channel has not taken for so long is worth a decision.
TOLD_AFTER = timedelta(minutes=30)
WAITS_FOR = timedelta(hours=24)
FIRST_LOOK = timedelta(seconds=5)
_AT_ONCE = 100

FAILED = gettext_noop(
    "“%(title)s” was not published on %(channel)s: %(why)s Once the cause is removed, it can be sent again on the "
    "send-out’s page."
)
UNCONFIRMED = gettext_noop(
    "Nobody knows whether “%(title)s” is public on %(channel)s: %(why)s Look at the channel, and say on the send-out’s "
    "page whether it is there."
)
LATE = gettext_noop(
    "“%(title)s” is late on %(channel)s: %(why)s It is tried again by itself; whoever wants something else "
    "can cancel it on the send-out’s page."
)
WAITED_IN_VAIN = gettext_noop(
    "The channel has taken no post for a day: %(why)s Release it to try once more, or cancel it."
)


def outcome_of(delivery: Delivery, error: OpslagError, now: datetime) -> outcome.Outcome:
    """What `error` means for the row. To be asked to wait is no try that failed: it waits, however often."""
    if isinstance(error, ThrottledError):
        due_at, words = now + timedelta(seconds=error.retry_after), error.explanation.as_json()
        return outcome.Outcome(delivery.pk, DeliveryStatus.PENDING, now, error=words, due_at=due_at, started=False)
    result = outcome.of_error(delivery.pk, error, delivery.attempts, now)
    if result.status == DeliveryStatus.UNCERTAIN:
        # Reconciling begins soon: the same key may still be repeated, or the post read back.
        return replace(result, due_at=now + FIRST_LOOK)
    return result


def heed_delay(delivery: Delivery, error: TransientError, next_at: datetime, now: datetime) -> None:
    """It waits until `next_at`: hold it if that goes on for too long, or tell once that it is late.

    `delivery` as it was before the try. One that a person sent again or released later than that has one more wait.
    """
    planned = delivery.message.scheduled_at or delivery.message.started_at
    if planned is None:
        return
    if isinstance(error, ThrottledError) and now > planned + WAITS_FOR and delivery.last_error:
        _hold_throttled(delivery, error, now)
    elif delivery.due_at <= planned + TOLD_AFTER < next_at:
        _tell(delivery, LATE, error.explanation)


def refused_as_same(account: Account) -> PermanentError:
    """What to raise where the platform compared the words, and has them from another send-out of ours."""
    words = gettext_noop(
        "%(platform)s does not take the same post twice, and has this one from another send-out. Make a new send-out "
        "with other words."
    )
    return PermanentError(words, reason=Reason.REJECTED, platform=platform_of(account).called)


def _hold_throttled(delivery: Delivery, error: ThrottledError, now: datetime) -> None:
    """Whoever releases it wants a try at once, and one more wait if that is asked for again."""
    words = Explanation(WAITED_IN_VAIN, {"why": error.explanation})
    with transaction.atomic():
        if dispatch.hold(delivery.message, HoldReason.THROTTLED, words, frm=MessageStatus.SENDING):
            waits = Delivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.PENDING)
            waits.update(due_at=now, last_error={})


def delayed(now: Moment) -> QuerySet[Delivery]:
    """Posts that wait for their account, which was told to wait by another call, and will be late for that."""
    going = {"status": DeliveryStatus.PENDING, "account__isnull": False, "due_at__lte": now}
    found = Delivery.objects.filter(**going, message__status=MessageStatus.SENDING, message__outlet=Outlet.POST)
    late = Q(account__blocked_until__gt=F("message__scheduled_at") + TOLD_AFTER)
    return found.filter(waiting(now, Calls.POSTS), late)


def tell_of_delays(now: datetime) -> int:
    """Tell once of each of the `delayed`; gives of how many. Its row then says why, too."""
    untold = delayed(now).filter(last_error={}).select_related("message__campaign__organisation", "account")
    return sum(_tell_delayed(delivery) for delivery in untold.order_by("due_at", "pk")[:_AT_ONCE])


def _tell_delayed(delivery: Delivery) -> bool:
    assert delivery.account is not None and delivery.message.scheduled_at is not None
    why, told_at = delivery.account.blocked_why, delivery.message.scheduled_at + TOLD_AFTER
    with transaction.atomic():
        mine = Delivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.PENDING, last_error={})
        # Due no sooner than that, it is not told again (`heed_delay`); among the others it keeps its place.
        if not mine.update(last_error=why, due_at=told_at + timedelta(seconds=1)):
            return False
        _tell(delivery, LATE, Explanation.from_json(why))
    return True


def tell_failed(delivery: Delivery, why: Mapping[str, Any]) -> None:
    """It is not public and will not be by itself; `why` is an Explanation as JSON."""
    _tell(delivery, FAILED, Explanation.from_json(why))


def tell_unconfirmed(delivery: Delivery) -> None:
    """All looks were in vain: only a person can tell."""
    _tell(delivery, UNCONFIRMED, Explanation.from_json(delivery.last_error))


def _tell(delivery: Delivery, msgid: str, why: Explanation) -> None:
    campaign, account = delivery.message.campaign, delivery.account
    values = {"title": campaign.title, "channel": str(account) if account is not None else "", "why": why}
    notify_approvers(campaign.organisation, NoticeKind.ALERT, campaign, Explanation(msgid, values))
