"""The harm that chaos does: kills, stops longer than a lease, broker and database taken away, people who leave."""

from __future__ import annotations

import argparse
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.bench import cpu
from tests.engine_room import EngineRoom, kill_process

if TYPE_CHECKING:
    from publisher.models import Message

LEASE_S = 60
# So many that leave at once while mail is on its way.
LEAVERS = 50
# What the kills are spread over, in turn: half of them meet a single lane in mid-send.
KILLS = (
    *("lane", "parent", "web", "beat", "lane", "lanes", "lane", "rest", "lane", "parent"),
    *("lane", "lane", "beat", "lane", "web", "lane", "parent", "lane", "lanes", "lane"),
)


class Harm:
    """Does it and counts it: `faults` by name, `killed` processes by what they were, who has `left` and when.

    `outlasted`: lanes that stood still for longer than their lease and then went on.
    """

    def __init__(self, room: EngineRoom, wanted: argparse.Namespace, message: Message) -> None:
        self.room, self.wanted, self.message = room, wanted, message
        self.random = random.Random(wanted.seed)
        self.faults: Counter[str] = Counter()
        self.killed: Counter[str] = Counter()
        self.left: dict[str, float] = {}
        self.outlasted = 0
        self.last_at = time.monotonic()
        self._standing: dict[int, float] = {}

    def plan(self) -> list[Callable[[], None]]:
        """All that is to be done, in the order that the seed gives."""
        kinds: dict[str, Callable[[], None]] = {
            "lane": self._kill_lane,
            "lanes": self._kill_lanes,
            "parent": self._kill_parent,
            "beat": self._kill_beat,
            "web": self._kill_web,
            "rest": self._kill_rest,
        }
        planned = [kinds[KILLS[n % len(KILLS)]] for n in range(self.wanted.kills)]
        planned += [self._stop_lane] * self.wanted.stops
        planned += [self._stop_broker] * self.wanted.broker_restarts
        planned += [self._crash_database] * self.wanted.database_restarts
        planned += [self._flush, self._unsubscribe]
        self.random.shuffle(planned)
        return planned

    def next_of(self, planned: list[Callable[[], None]]) -> Callable[[], None] | None:
        """Take the next of the plan that leaves alone who stands still; None while there is none."""
        not_now = (self._kill_parent, self._kill_lanes, self._stop_lane) if self._standing else ()
        for number, fault in enumerate(planned):
            if fault not in not_now:
                return planned.pop(number)
        return None

    def look_after(self) -> None:
        """Bring back what is missing, and let those go on that stood still long enough."""
        self.room.revive()
        now = time.monotonic()
        for pid, until in list(self._standing.items()):
            # Some end as they stand: with a parent that a lost broker has ended.
            if until <= now or not cpu.parent(pid):
                del self._standing[pid]
                self.outlasted += self._let_go_on(pid)

    @property
    def is_over(self) -> bool:
        """Whether nobody stands still any more."""
        return not self._standing

    def _note(self, fault: str, detail: str = "") -> None:
        self.faults[fault] += 1
        self.last_at = time.monotonic()
        print(f"{self.room.sink.count():6} accepted: {fault} {detail}", flush=True)

    def _lanes(self) -> list[int]:
        """Those that do not stand still."""
        deadline = time.monotonic() + 30
        while not (found := self._moving()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def _moving(self) -> list[int]:
        return [pid for pid in self.room.children("bulk") if pid not in self._standing]

    def _kill_lane(self) -> None:
        lanes = self._lanes()
        if lanes and kill_process(self.random.choice(lanes)):
            self.killed["lanes"] += 1
        self._note("a lane killed")

    def _kill_lanes(self) -> None:
        self._lanes()
        killed = self.room.kill_children("bulk")
        self.killed["lanes"] += killed
        self._note("all lanes killed", str(killed))

    def _kill_parent(self) -> None:
        """Its children end with it: Celery has the kernel kill them (prctl(2), PR_SET_PDEATHSIG)."""
        orphans = self.room.children("bulk")
        self.room.kill("bulk")
        self.killed["parents"] += 1
        self.killed["lanes"] += len(orphans)
        self._note("a parent killed", f"with {len(orphans)} lanes")

    def _kill_beat(self) -> None:
        self.room.kill("beat")
        self.killed["beat"] += 1
        self._note("beat killed")

    def _kill_web(self) -> None:
        if not self.room.web_port:
            return
        self.room.kill_group("web")
        self.killed["web"] += 1
        self._note("web killed")

    def _kill_rest(self) -> None:
        """A worker of ticks, freezing, notices and tracking."""
        self.killed["rest"] += self.room.kill_children("rest")
        self._note("other workers killed")

    def _stop_lane(self) -> None:
        """A zombie: it wakes up when others have long taken over."""
        lanes = self._lanes()
        if not lanes:
            return
        pid, seconds = self.random.choice(lanes), LEASE_S + self.random.uniform(3, 12)
        os.kill(pid, signal.SIGSTOP)
        self._standing[pid] = time.monotonic() + seconds
        self._note("a lane stopped", f"for {seconds:.0f} s")

    def _let_go_on(self, pid: int) -> bool:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return False
        self.last_at = time.monotonic()
        return True

    def _crash_database(self) -> None:
        from django.db import connection

        assert self.room.database is not None, "only PostgreSQL is restarted"
        self._note("database killed")
        connection.close()
        self.room.database.crash()
        time.sleep(2)
        self.room.database.start_again()

    def _flush(self) -> None:
        self.room.flush_broker()
        self._note("FLUSHALL")

    def _stop_broker(self) -> None:
        self._note("broker killed", f"for {self.wanted.broker_away_s} s")
        self.room.kill("broker")
        time.sleep(self.wanted.broker_away_s)

    def _unsubscribe(self) -> None:
        from django.db import transaction
        from django.utils import timezone

        from publisher.models import Subscription, waiting_of

        with transaction.atomic():
            waiting = waiting_of(self.message.pk).order_by("due_at", "pk")
            chosen = list(waiting.values_list("subscription_id", "subscriber__address")[:LEAVERS])
        Subscription.objects.filter(pk__in=[pk for pk, _ in chosen]).update(unsubscribed_at=timezone.now())
        self.left = {address: time.time() for _, address in chosen}
        self._note("people left", str(len(chosen)))
