"""Turns: which message a lane serves next, and from which place of its line on."""

from __future__ import annotations

import time
from datetime import datetime

from publisher.deliver import claim
from publisher.deliver.claim import Place, Taken
from publisher.models import Message

# A message of which nothing was due is looked at again after this time.
REST_S = 0.5


class Turns:
    """One lane's memory of whom it served. It reads the least recently served first, as all lanes do.

    `served` holds every message that had its turn, as first read: after the first claim its content cannot change.
    """

    def __init__(self) -> None:
        self.served: dict[int, Message] = {}
        self._places: dict[int, Place] = {}
        self._rests: dict[int, float] = {}
        self._noted_s: dict[int, float] = {}

    def next(self, now: datetime) -> Message | None:
        """The message whose turn it is; None if nothing is due."""
        now_s = time.monotonic()
        resting = [pk for pk, until_s in self._rests.items() if until_s > now_s]
        line = list(claim.in_line().exclude(pk__in=resting).values_list("pk", flat=True)[:2])
        if not line:
            return None
        message = self.served.get(line[0]) or claim.read(line[0])
        self.served[message.pk] = message
        # Alone in the line it need not be written at every claim.
        if len(line) > 1 or now_s - self._noted_s.get(message.pk, 0.0) > REST_S:
            claim.serve(message, now)
            self._noted_s[message.pk] = now_s
        return message

    def place(self, message: Message) -> Place | None:
        """Where the last claim ended: what stands before it is taken, and passing over it costs."""
        return self._places.get(message.pk)

    def took(self, message: Message, asked: int, taken: Taken) -> None:
        """Remember how far the claim came: after the end of the line it begins anew, and then the message rests."""
        if taken.last is not None and taken.looked_at == asked:
            self._places[message.pk] = taken.last
        elif self._places.pop(message.pk, None) is None:
            self._rests[message.pk] = time.monotonic() + REST_S
