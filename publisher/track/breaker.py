"""The circuit breaker: a mail that comes back too often is held, and staff are told why in words.

Going on harms the sender's good name: mailbox providers count what they refuse, and who goes on is blocked for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.errors import Explanation
from publisher.models import Event, Message
from publisher.models.counting import handed_over
from publisher.schedule.dispatch import hold
from publisher.vocabulary import BounceClass, HoldReason, MessageStatus, NoticeKind

# Below so many mails a share says little; above it more than so many in a hundred are too many.
FEWEST, PER_CENT = 200, 5
# A first wave that is smaller is there to be judged by: then at least so many must have come back.
FEWEST_BACK_OF_FEW = 10
_NO_SUCH_ADDRESS = (BounceClass.HARD, BounceClass.NO_ROUTE, BounceClass.DISABLED)
# Status codes with this in the middle are about the conversation (RFC 3463 §3.6): other people mend that.
_PROTOCOL = ".5."

_HARD = gettext_noop(
    "%(back)s of %(handed)s mails came back because the address does not exist. "
    "Check where the list of addresses comes from before you go on."
)
_BLOCKED = gettext_noop(
    "%(back)s of %(handed)s mails were kept out by the receiving servers' rules (%(detail)s). "
    "Have those who run your mail server look at it before you go on."
)
_CONTENT = gettext_noop(
    "%(back)s of %(handed)s mails were refused because of their content or size (%(detail)s). "
    "Make the mail shorter, or check its links, before you go on."
)
_OURS = gettext_noop(
    "A receiving server does not accept us as sender (%(detail)s). Have SPF, DKIM and DMARC of the sender's domain "
    "checked before you go on: otherwise the rest comes back too."
)
_CONVERSATION = gettext_noop(
    "A receiving server does not understand how the mail server speaks to it (%(detail)s). Have those who run the mail "
    "server look at it. If it is one odd server, go on."
)

# Asked by many a tick, so as SQL: building a query costs more than this one. What counts is what `handed_over` counts.
_BEING_SENT = """
SELECT m.id, m.bounces_base, m.wave_size, SUM(c.count)
FROM publisher_message m JOIN publisher_deliverycount c ON c.message_id = m.id
WHERE m.status = 'sending' AND c.status IN ('sent', 'failed', 'uncertain') GROUP BY m.id
"""


def look_at(message_ids: Iterable[int], now: datetime) -> list[int]:
    """Hold what comes back too often; a mail that has been sent already is told of, once. Answers which were held.

    Each in a transaction of its own, since it locks messages: inside another transaction ask for one message only.
    """
    watched = (MessageStatus.SENDING, MessageStatus.PAUSED, MessageStatus.FINISHED)
    messages = Message.objects.filter(pk__in=list(message_ids), status__in=watched, started_at__isnull=False)
    held = []
    for message in messages.defer("composed_html", "composed_text").select_related("campaign__organisation"):
        explanation = _objection(message)
        if explanation is None:
            continue
        status = MessageStatus(message.status)
        if status != MessageStatus.FINISHED and hold(message, HoldReason.BOUNCES, explanation, frm=status):
            held.append(message.pk)
        else:
            # Or it has finished since it was read, and who finished it did not see the last that came back.
            _tell(message, explanation, now)
    return held


def being_sent() -> QuerySet[Message]:
    """All that `look_again` may find."""
    return Message.objects.filter(status=MessageStatus.SENDING)


def look_again(now: datetime) -> list[int]:
    """As `look_at`, for what is being sent and has become enough to be judged since its last bounce; for the tick.

    Who was too few to be judged had fewer bounces than the fewest that are judged. So among twenty times as many mails
    they are at most five in a hundred, and only a further report, which brings its own look, could change that.
    """
    enough = []
    with connection.cursor() as cursor:
        cursor.execute(_BEING_SENT)
        for pk, base, wave, handed in cursor.fetchall():
            fewest = _fewest(wave)
            if fewest <= handed - base < fewest * 100 // PER_CENT:
                enough.append(pk)
    return look_at(enough, now) if enough else []


def _fewest(wave: int | None) -> int:
    """So many mails must have gone before a share of them says something."""
    return min(FEWEST, wave or FEWEST)


def _objection(message: Message) -> Explanation | None:
    """Why the message should not go on; None if nothing speaks against it."""
    events = Event.objects.filter(delivery__message=message, kept_at__gte=message.started_at, is_certain=True).exclude(
        bounce=""
    )
    if message.bounces_from is not None:
        # A person said to go on: what was on its way by then is known and does not count again.
        events = events.filter(delivery__first_started_at__gt=message.bounces_from)
    found = {
        delivery_id: (BounceClass(bounce), detail)
        for delivery_id, bounce, detail in events.order_by("pk").values_list("delivery_id", "bounce", "detail")
    }
    for bounce, detail in found.values():
        if bounce == BounceClass.OUR_FAULT:
            words = _CONVERSATION if _PROTOCOL in detail.get("status", "") else _OURS
            return Explanation(words, {"detail": _words(detail)})
    return _too_many(list(found.values()), handed_over(message.pk) - message.bounces_base, message.wave_size)


def _too_many(found: list[tuple[BounceClass, dict[str, str]]], handed: int, wave: int | None) -> Explanation | None:
    if handed < _fewest(wave):
        return None
    fewest_back = FEWEST_BACK_OF_FEW if handed < FEWEST else 0
    numbers = Counter(bounce for bounce, _detail in found)
    groups = (
        (_HARD, _NO_SUCH_ADDRESS),
        (_BLOCKED, (BounceClass.BLOCKED,)),
        (_CONTENT, (BounceClass.MESSAGE_FAULT,)),
    )
    for words, classes in groups:
        back = sum(numbers[each] for each in classes)
        if back >= fewest_back and back * 100 > handed * PER_CENT:
            detail = next(_words(detail) for bounce, detail in found if bounce in classes)
            return Explanation(words, {"back": str(back), "handed": str(handed), "detail": detail})
    return None


def _words(detail: dict[str, str]) -> str:
    return detail.get("text") or detail.get("status") or detail.get("code") or "–"


def _tell(message: Message, explanation: Explanation, now: datetime) -> None:
    with transaction.atomic():
        finished = Message.objects.filter(pk=message.pk, status=MessageStatus.FINISHED)
        if finished.filter(bounces_told_at=None).update(bounces_told_at=now):
            notify_approvers(message.campaign.organisation, NoticeKind.ALERT, message.campaign, explanation)
