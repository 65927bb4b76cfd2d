"""The couriers of a lane: connections in an event loop on a thread of its own, which never waits for the ledger."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
        # Of those that are being let in, the first has no letter until it is known whether the others are, too.
        self._spare: Courier | None = None
        self._opening: asyncio.Task[None] | None = None
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
        # A letter that was started must not wait for a thread: nobody would look again whether it may still go.
        self._loop.set_default_executor(ThreadPoolExecutor(self._most))
        self._ready.set()
        look_s = time.monotonic() + LOOK_EVERY_S
        while not (self._ending and self._bag.is_empty):
            self._open_missing()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(0.0, look_s - time.monotonic()))
            self._changed.clear()
            if time.monotonic() >= look_s:
                look_s = time.monotonic() + LOOK_EVERY_S
                for courier in list(self._out):
                    courier.look_after()
            if self._ending:
                # Whatever a lost courier brought back meanwhile.
                self._bag.hand_back_all()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        for courier in list(self._out):
            courier.close()
        # Once round the loop, so that the farewells leave.
        await asyncio.sleep(0)

    def _put_in(self, batch: Batch) -> None:
        self._bag.put_in(batch)
        self._wake()

    def _end(self) -> None:
        self._bag.hand_back_all()
        self._look()

    def _wake(self) -> None:
        for courier in list(self._out):
            if courier is not self._spare:
                courier.wake()
        self._look()

    def _look(self) -> None:
        if self._changed is not None:
            self._changed.set()

    def _open_missing(self) -> None:
        """Begin to open as many as are missing: a server that lets one wait must not keep the others waiting."""
        if self._opening is not None:
            if not self._opening.done():
                return
            self._opening.result()
            self._opening = None
        missing = min(self._most, self._bag.waiting + len(self._out)) - len(self._out)
        if missing > 0 and not self._ending and self.failure is None:
            self._opening = asyncio.get_running_loop().create_task(self._opened(missing))
            self._opening.add_done_callback(lambda _opening: self._look())

    async def _opened(self, missing: int) -> None:
        if not self._out:
            # The first one tells whether anybody answers at all.
            await self._open(1)
            missing -= 1
        if self._out and missing:
            await self._open(missing)

    async def _open(self, number: int) -> None:
        """So many more, or as many as the server lets in."""
        let_in = await asyncio.gather(*(self._open_one() for _ in range(number)))
        spare, self._spare = self._spare, None
        is_full = not all(let_in) and bool(self._out)
        if spare is not None and is_full and len(self._out) > 1:
            # It lets in no more than these, and notices need one, too.
            self._out.remove(spare)
            spare.close()
        elif spare is not None:
            spare.wake()
        if is_full:
            self._most = max(1, len(self._out))

    async def _open_one(self) -> bool:
        """Whether one more was let in; it begins at once, unless it is to be the spare one."""
        try:
            courier = await self._transport.courier(self._bag)
        except OpslagError as error:
            if not self._out:
                self._give_up(error)
            return False
        self._out.append(courier)
        if self._spare is None:
            self._spare = courier
        else:
            courier.wake()
        return True

    def _lost(self, courier: Courier, error: OpslagError | None) -> None:
        if courier in self._out:
            self._out.remove(courier)
        if courier is self._spare:
            self._spare = None
        if error is not None:
            # Let in and thrown out again without an answer to a single letter.
            self._useless = 0 if courier.answered else self._useless + 1
            if self._useless >= USELESS_ALLOWED:
                self._give_up(error)
        self._look()

    def _give_up(self, error: OpslagError) -> None:
        self.failure = error
        self._bag.hand_back_all()
