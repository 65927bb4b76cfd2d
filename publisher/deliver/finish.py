"""Finishing: a message is done when nothing of it waits or is being sent, and rows, counters and frozen count agree."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext_noop

from publisher.deliver.recover import give_up_orphans
from publisher.errors import Explanation
from publisher.models import LOOKED_FOR, Claim, DeliveryCount, Message, waits
from publisher.models.agreement import check_counts
from publisher.models.line import held, hold_briefly
from publisher.models.probe import Moment
from publisher.models.raw import db_value
from publisher.schedule.dispatch import hold
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus, Outlet

_OPEN = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)


def done() -> QuerySet[Message]:
    """Messages in `sending` of which nothing waits."""
    return Message.objects.filter(waits(False), status=MessageStatus.SENDING)


# Posts that are `done` and whose figures agree: one delivery each as a rule, so all of them are asked about together.
_FINISH_POSTS = """
UPDATE publisher_message SET status = 'finished', finished_at = %s
WHERE id IN ({places}) AND status = 'sending'
AND frozen_count = (SELECT count(*) FROM publisher_delivery d WHERE d.message_id = publisher_message.id)
AND NOT EXISTS (SELECT 1 FROM publisher_delivery d
                WHERE d.message_id = publisher_message.id AND d.status IN ('pending', 'sending'))
AND NOT EXISTS (
    SELECT 1 FROM (
        SELECT d.status, 1 AS number FROM publisher_delivery d WHERE d.message_id = publisher_message.id
        UNION ALL
        SELECT c.status, -c.count FROM publisher_deliverycount c WHERE c.message_id = publisher_message.id
    ) figures GROUP BY status HAVING SUM(number) <> 0
)
"""
_AT_ONCE = 500


def finish_posts(now: datetime) -> int:
    """`finish` all posts that are done, as nearly all are, in one UPDATE; answers how many. `finish` has the others."""
    with transaction.atomic():
        hold_briefly()
        # Locked before they are looked at, as in `finish`, and without those that somebody decides about.
        posts = done().filter(outlet=Outlet.POST).select_for_update(no_key=True, skip_locked=True).order_by("pk")
        found = list(posts.values_list("pk", flat=True)[:_AT_ONCE])
        if not found:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_FINISH_POSTS.format(places=", ".join(["%s"] * len(found))), [db_value(now), *found])
            return int(cursor.rowcount)


def to_finish() -> list[int]:
    """Those that are `done`, and of which no claim has anything left."""
    return _out_of_hands(list(done().values_list("pk", flat=True)))


def finish(message_id: int, now: datetime) -> bool:
    """`sending → finished` if all counts agree; otherwise the message is held, and says why."""
    with transaction.atomic():
        # Under the lock that a person's decision takes, too: to send one again must not fall between look and change.
        message = _locked(message_id)
        if message.status != MessageStatus.SENDING or _still_open(message):
            return False
        disagreements = check_counts(message)
        if disagreements:
            hold(message, HoldReason.COUNTS_DISAGREE, disagreements[0].explanation(), frm=MessageStatus.SENDING)
            return False
        if DeliveryCount.objects.filter(message=message, status__in=_OPEN).aggregate(total=Sum("count"))["total"]:
            give_up_orphans(message_id, now)
            return False
        Message.objects.filter(pk=message_id).update(status=MessageStatus.FINISHED, finished_at=now)
    return True


def leftovers(now: Moment) -> QuerySet[Message]:
    """Mails that finished lately and of which something waits all the same: only a lane's journal speaks so late."""
    finished = Message.objects.filter(
        status=MessageStatus.FINISHED, outlet=Outlet.EMAIL, finished_at__gt=now - LOOKED_FOR
    )
    return finished.filter(waits(True))


def reopen_leftovers(now: datetime) -> int:
    """Take up again what a late journal gave back after its message had finished; answers how many messages.

    Such deliveries were never handed over. If the message finished longer ago than the allowed lateness, it is held.
    """
    return sum(_reopen(message_id, now) for message_id in leftovers(now).values_list("pk", flat=True))


def _reopen(message_id: int, now: datetime) -> bool:
    with transaction.atomic():
        message = _locked(message_id)
        if message.status != MessageStatus.FINISHED or not _still_open(message):
            return False
        Message.objects.filter(pk=message_id).update(status=MessageStatus.SENDING, finished_at=None)
        allowed = timedelta(minutes=settings.OPSLAG_ALLOWED_LATENESS_MINUTES)
        if message.finished_at is None or now - message.finished_at > allowed:
            late = Explanation(
                gettext_noop("Some recipients turned out not to have got it. Send it to them, or cancel.")
            )
            hold(message, HoldReason.MISSED, late, frm=MessageStatus.SENDING)
    return True


def _locked(message_id: int) -> Message:
    return Message.objects.select_for_update(no_key=True).get(pk=message_id)


def _still_open(message: Message) -> bool:
    return Message.objects.filter(waits(True), pk=message.pk).exists() or not _out_of_hands([message.pk])


def _out_of_hands(messages: list[int]) -> list[int]:
    """Those of the messages of which no claim has anything left.

    The claims are asked one by one, and each reads its own stretch of the line; in a join PostgreSQL might read all.
    """
    claims = Claim.objects.filter(message__in=messages) if messages else []
    busy = {claim.message_id for claim in claims if held(claim.pk)}
    return [pk for pk in messages if pk not in busy]
