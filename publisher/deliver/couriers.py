"""The couriers of a lane: connections in an event loop on a thread of its own, which never waits for the ledger."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType

import uvloop

from publisher.deliver.bag import Bag, Batch
from publisher.errors import OpslagError
from publisher.transports.contract import Courier, Transport

LOOK_EVERY_S = 1.0
START_TIMEOUT_S = 10.0
# Longer than any answer may take (transports.smtp_courier); whoever is not back by then is lost.
HOME_TIMEOUT_S = 70.0
USELESS_ALLOWED = 3


class Couriers:
    """Opens up to `most` connections while there are letters, replaces those that are lost, brings all home at the end.

    A server that hangs up after some letters is taken at its word and called again. One that no longer lets anybody
    in has `failure` set, and what nobody has taken is handed back.
    """

    def __init__(self, transport: Transport, bag: Bag, most: int) -> None:
        self._transport, self._bag, self._most = transport, bag, most
        self._thread = threading.Thread(target=self._run, name="couriers", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None
        self._out: list[Courier] = []
        self._useless = 0
        self._ending = False
        self.failure: OpslagError | None = None
        self.crash: BaseException | None = None
        bag.on_lost = self._lost

    # What the lane calls, from its own thread.

    def __enter__(self) -> Couriers:
        self._thread.start()
        self._ready.wait(START_TIMEOUT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let everybody come home: no letter is taken any more, those on their way get their answer."""
        self._ending = True
        self._call(self._end)
        self._thread.join(HOME_TIMEOUT_S)

    def take_in(self, batch: Batch) -> None:
        """New letters."""
        self._call(self._put_in, batch)

    def hand_back(self) -> None:
        """No more letters for now: what nobody has taken comes out of the bag again."""
        self._call(self._bag.hand_back_all)

    def _call(self, *what: object) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(*what)  # type: ignore[arg-type]

    # In the event loop.

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self.crash = error
            raise
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        while not (self._ending and self._bag.is_empty):
            await self._open_missing()
            try:
                await asyncio.wait_for(self._changed.wait(), LOOK_EVERY_S)
            except TimeoutError:
                for courier in list(self._out):
                    courier.look_after()
            self._changed.clear()
            if self._ending:
                # Whatever a lost courier brought back meanwhile.
                self._bag.hand_back_all()
        for courier in list(self._out):
            courier.close()
        # Once round the loop, so that the farewells leave.
        await asyncio.sleep(0)

    def _put_in(self, batch: Batch) -> None:
        self._bag.put_in(batch)
        self._wake()

    def _end(self) -> None:
        self._bag.hand_back_all()
        if self._changed is not None:
            self._changed.set()

    def _wake(self) -> None:
        for courier in list(self._out):
            courier.wake()
        if self._changed is not None:
            self._changed.set()

    async def _open_missing(self) -> None:
        missing = min(self._most, self._bag.waiting + len(self._out)) - len(self._out)
        if missing <= 0 or self._ending or self.failure is not None:
            return
        if not self._out:
            # The first one tells whether anybody answers at all.
            await self._open(1)
            missing -= 1
        if self._out:
            await self._open(missing)

    async def _open(self, number: int) -> None:
        """So many more, or as many as the server lets in."""
        opened = await asyncio.gather(*(self._open_one() for _ in range(number)))
        fresh = [courier for courier in opened if courier is not None]
        if len(fresh) < number and self._out:
            # It lets in no more than these, and notices need one, too: none of the fresh ones has taken a letter yet.
            if fresh and len(self._out) > 1:
                last = fresh.pop()
                self._out.remove(last)
                last.close()
            self._most = max(1, len(self._out))
        for courier in fresh:
            courier.wake()

    async def _open_one(self) -> Courier | None:
        try:
            courier = await self._transport.courier(self._bag)
        except OpslagError as error:
            if not self._out:
                self._give_up(error)
            return None
        self._out.append(courier)
        return courier

    def _lost(self, courier: Courier, error: OpslagError | None) -> None:
        if courier in self._out:
            self._out.remove(courier)
        if error is not None:
            # Let in and thrown out again without an answer to a single letter.
            self._useless = 0 if courier.answered else self._useless + 1
            if self._useless >= USELESS_ALLOWED:
                self._give_up(error)
        if self._changed is not None:
            self._changed.set()

    def _give_up(self, error: OpslagError) -> None:
        self.failure = error
        self._bag.hand_back_all()
