"""Turns: which message a lane serves next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet

from publisher.deliver.claim import LEASE, Taken
from publisher.models import Claim, Message, Newsletter, waits
from publisher.models.probe import Moment
from publisher.schedule.stops import not_stopped
from publisher.schedule.warm_up import sender_domain, used_up
from publisher.vocabulary import MessageStatus, Outlet

# A message of which nothing was due is looked at again after this time.
REST_S = 0.5
READ_EVERY_S = 0.5
# A lane renews its claims each second; one that has not for so long is no lane any more.
RENEWED_WITHIN = timedelta(seconds=10)
_NEVER = datetime.min.replace(tzinfo=UTC)


def in_line(now: datetime) -> QuerySet[Message]:
    """Messages in `sending` of which something may be due, the least recently served first."""
    sending = _in_sending(now)
    if settings.OPSLAG_WARMUP_DOMAINS and (tired := used_up(now)):
        senders = [each.pk for each in Newsletter.objects.all() if sender_domain(each) in tired]
        sending = sending.exclude(newsletter__in=senders)
    return not_stopped(sending).order_by(F("served_at").asc(nulls_first=True), "pk")


def due(now: Moment) -> QuerySet[Message]:
    """Messages in `sending` of which something is due, whatever else holds them back: a stop, a warm-up."""
    return _in_sending(now).filter(waits(True, due_at__lte=now))


def anything_due(now: datetime, *, unserved_since: datetime | None = None) -> bool:
    """Whether a lane would find work; of messages that nobody has served since, if a time is given."""
    line = in_line(now).filter(waits(True, due_at__lte=now))
    if unserved_since is not None:
        line = line.filter(Q(served_at__lt=unserved_since) | Q(served_at=None, started_at__lt=unserved_since))
    return line.exists()


def _in_sending(now: Moment) -> QuerySet[Message]:
    return Message.objects.filter(status=MessageStatus.SENDING, outlet=Outlet.EMAIL).exclude(wave_until__gt=now)


class _Waiting(NamedTuple):
    """A message in the line, as far as its turn depends on it."""

    message_id: int
    organisation_id: int
    served_at: datetime | None


class Turns:
    """One lane's memory of whom it served.

    The next is the organisation with the fewest claims in hand, so that none has more than its share of the lanes; of
    those, and of its messages, the one least recently served. `served` holds every message that had its turn, as first
    read: after the first claim its content cannot change.
    """

    def __init__(self) -> None:
        self.served: dict[int, Message] = {}
        self._line: list[_Waiting] = []
        self._line_until_s = 0.0
        self._rests: dict[int, float] = {}
        self._noted_s: dict[int, float] = {}

    def next(self, now: datetime) -> Message | None:
        """The message whose turn it is; None if nothing is due. The line is read again every half second."""
        now_s = time.monotonic()
        if now_s > self._line_until_s:
            columns = ("pk", "campaign__organisation_id", "served_at")
            self._line = [_Waiting(*row) for row in in_line(now).values_list(*columns)]
            self._line_until_s = now_s + READ_EVERY_S
        line = [each for each in self._line if self._rests.get(each.message_id, 0.0) <= now_s]
        if not line:
            return None
        chosen = _fairest(line, now)
        message = self._read(chosen.message_id)
        self._note(chosen, now, now_s, alone=len(line) == 1)
        return message

    def _note(self, chosen: _Waiting, now: datetime, now_s: float, *, alone: bool) -> None:
        """It had its turn: the last of the line now, for this lane and, on the row, for all others."""
        self._line.remove(chosen)
        self._line.append(chosen._replace(served_at=now))
        # Alone in the line it need not be written at every claim.
        if not alone or now_s - self._noted_s.get(chosen.message_id, 0.0) > READ_EVERY_S:
            # Not part of the claim: a message of which there was nothing to claim had its turn, too.
            Message.objects.filter(pk=chosen.message_id).update(served_at=now)
            self._noted_s[chosen.message_id] = now_s

    def _read(self, message_id: int) -> Message:
        if message_id not in self.served:
            related = Message.objects.select_related("campaign__organisation", "newsletter")
            # The whole mail is of no use here.
            self.served[message_id] = related.defer("composed_html", "composed_text").get(pk=message_id)
        return self.served[message_id]

    def took(self, message: Message, taken: Taken) -> None:
        """At the end of its line a message rests."""
        if taken.is_end:
            self._rests[message.pk] = time.monotonic() + REST_S

    def came_back(self, message: Message) -> None:
        """Some of it was handed back, and waits again."""
        self._rests.pop(message.pk, None)


def _fairest(line: Sequence[_Waiting], now: datetime) -> _Waiting:
    """Of a line that stands in the order in which it was served."""
    if len({each.organisation_id for each in line}) < 2:
        return line[0]
    # Claims of a lane that died are not renewed any more, and nobody's share.
    alive = Claim.objects.filter(lease_until__gt=now + LEASE - RENEWED_WITHIN)
    by_organisation = alive.values_list("message__campaign__organisation").annotate(number=Count("pk"))
    in_hand: dict[int, int] = dict(by_organisation.order_by())
    last = {each.organisation_id: each.served_at for each in line if each.served_at is not None}

    def turn(each: _Waiting) -> tuple[int, datetime]:
        return in_hand.get(each.organisation_id, 0), last.get(each.organisation_id, _NEVER)

    return min(line, key=turn)
