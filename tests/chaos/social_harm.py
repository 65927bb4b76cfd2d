"""The harm that `make chaos-social` does to our own side: workers, beat, web server, broker and database killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from tests.bench import cpu
from tests.chaos.platforms_served import wait_until
from tests.engine_room import EngineRoom, kill_process

# What the kills are spread over, in turn: most of them meet a worker that has a post in hand.
KILLS = ("social", "social", "parent", "social", "tick", "social", "web", "social", "beat", "social", "broker")
BROKER_AWAY_S = 2.0
READY_S = 60.0


class SocialHarm:
    """Does it and counts it by what was `killed`. `outlasted`: workers that stood still past a claim and went on."""

    def __init__(self, room: EngineRoom, seed: int) -> None:
        self.room, self.random = room, random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.outlasted = 0
        self._standing: dict[int, float] = {}

    def plan(self, kills: int, database_restarts: int) -> list[Callable[[], None]]:
        """All that is to be killed, in the order that the seed gives."""
        kinds: dict[str, Callable[[], None]] = {
            "social": self._kill_a_worker,
            "parent": self._kill_parent,
            "tick": lambda: self._kill_children("tick"),
            "web": self._kill_web,
            "beat": self._kill_beat,
            "broker": self._kill_broker,
        }
        planned = [kinds[KILLS[n % len(KILLS)]] for n in range(kills)]
        planned += [self._crash_database] * database_restarts
        self.random.shuffle(planned)
        return planned

    def next_of(self, planned: list[Callable[[], None]]) -> Callable[[], None] | None:
        """Take the next of the plan that leaves alone who stands still; None while there is none."""
        for number, kill in enumerate(planned):
            if kill != self._kill_parent or not self._standing:
                return planned.pop(number)
        return None

    def look_after(self) -> None:
        """Bring back what is missing, and let those go on that stood still long enough."""
        self.room.revive()
        for pid, until_s in list(self._standing.items()):
            if until_s <= time.monotonic() or not cpu.parent(pid):
                del self._standing[pid]
                self.outlasted += self._go_on(pid)

    def stop_a_worker(self, seconds: float) -> None:
        """One of the workers of posts stands still for so long; until then no other is killed (`is_over`)."""
        if children := self.room.children("social"):
            pid = self.random.choice(children)
            os.kill(pid, signal.SIGSTOP)
            self._standing[pid] = time.monotonic() + seconds
            print(f"a worker stands still for {seconds:.0f} s", flush=True)

    @property
    def is_over(self) -> bool:
        """Whether nobody stands still any more."""
        return not self._standing

    def let_pauses_end(self) -> None:
        """As if time had passed: what was put off, by up to a day, and what is to be looked at again, is due."""
        from django.utils import timezone

        from publisher.models import Account, Claim, Delivery

        now = timezone.now()
        put_off = Delivery.objects.filter(status__in=("pending", "uncertain"), due_at__gt=now)
        # Who is being asked about is in somebody's hands; only the end of that claim may change it.
        put_off.exclude(claim_id__in=Claim.objects.values("pk")).update(due_at=now)
        Account.objects.filter(blocked_until__gt=now).update(blocked_until=None)

    def let_leases_end(self) -> None:
        """The same for claims of two to ten minutes: all who could hold one are killed first."""
        from django.utils import timezone

        from publisher.models import Account, Claim, Message

        for name in ("social", "rest"):
            self.room.kill_children(name)
            self.room.kill(name)
        now = timezone.now()
        for model in (Claim, Message, Account):
            model.objects.filter(lease_until__gt=now).update(lease_until=now - timedelta(seconds=1))
        self.room.revive()
        wait_until(lambda: self.room.children("social") and self.room.children("rest"), READY_S)

    def _kill_a_worker(self) -> None:
        children = [pid for pid in self.room.children("social") if pid not in self._standing]
        if children and kill_process(self.random.choice(children)):
            self.killed["social"] += 1

    def _kill_parent(self) -> None:
        """Its children end with it."""
        self.room.kill("social")
        self.killed["parent"] += 1

    def _kill_children(self, name: str) -> None:
        self.killed[name] += bool(self.room.kill_children(name))

    def _kill_web(self) -> None:
        self.room.kill_group("web")
        self.killed["web"] += 1

    def _kill_beat(self) -> None:
        self.room.kill("beat")
        self.killed["beat"] += 1

    def _kill_broker(self) -> None:
        """All that was queued is gone with it."""
        self.room.flush_broker()
        self.room.kill("broker")
        self.killed["broker"] += 1
        time.sleep(BROKER_AWAY_S)

    def _crash_database(self) -> None:
        from django.db import connection

        assert self.room.database is not None, "only PostgreSQL is restarted"
        connection.close()
        self.room.database.crash()
        self.killed["database"] += 1
        time.sleep(1)
        self.room.database.start_again()

    def _go_on(self, pid: int) -> bool:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return False
        return True
