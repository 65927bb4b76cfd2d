"""A courier over a connection that sends one message at a time, for transports without an event loop of their own."""

from __future__ import annotations

import asyncio

from publisher.errors import OpslagError, TransientError, UncertainError
from publisher.transports.contract import Accepted, Connection, Letter, Mailbag
from publisher.vocabulary import Reason

# How often in a row it does as it is told when it is told to slow down, and for how long at most (seconds).
RESTS_ALLOWED = 5
LONGEST_REST_S = 5.0


class PlainCourier:
    """Sends in a thread, one letter after the other.

    Its connection raises TransientError only for what is no letter's fault: the other side is not there, or wants us
    slower (reason “busy”). Such a letter goes back into the bag.
    """

    def __init__(self, connection: Connection, mailbag: Mailbag) -> None:
        self._connection, self._mailbag = connection, mailbag
        self._work: asyncio.Task[None] | None = None
        self._closing = False
        self.answered = 0

    def wake(self) -> None:
        """Begin to work through the bag, unless it does already."""
        if self.is_idle() and not self._closing:
            self._work = asyncio.get_running_loop().create_task(self._empty_the_bag())

    def is_idle(self) -> bool:
        """Whether it has come to the end of the bag."""
        return self._work is None or self._work.done()

    async def _empty_the_bag(self) -> None:
        rests = 0
        while not self._closing and (letter := self._mailbag.take()) is not None:
            if not self._mailbag.starting(letter):
                continue
            result = await asyncio.to_thread(self._send, letter)
            if not isinstance(result, TransientError):
                self.answered += not isinstance(result, UncertainError)
                self._tell(letter, result)
                rests = 0
                if not self._connection.is_open():
                    self._end(None)
                continue
            # Nobody there, or we are too fast: neither is this letter's fault, and no attempt of its.
            self._mailbag.brought_back(letter)
            rests += 1
            if result.reason != Reason.BUSY or rests > RESTS_ALLOWED:
                self._end(result)
            else:
                await asyncio.sleep(min(result.retry_after or 2.0 ** (rests - 1), LONGEST_REST_S))

    def _tell(self, letter: Letter, result: Accepted | OpslagError) -> None:
        if isinstance(result, Accepted):
            self._mailbag.accepted(letter, result.code)
        else:
            self._mailbag.ended(letter, result)

    def _end(self, error: OpslagError | None) -> None:
        self._closing = True
        self._mailbag.lost(self, error)

    def _send(self, letter: Letter) -> Accepted | OpslagError:
        try:
            return self._connection.send(letter.sender, letter.recipient, letter.content)
        except OpslagError as error:
            return error

    def look_after(self) -> None:
        """Nothing: the connection has time limits of its own."""

    def close(self) -> None:
        """Take no more letters; the one in hand still gets its answer."""
        self._closing = True
        if self.is_idle():
            self._connection.close()
