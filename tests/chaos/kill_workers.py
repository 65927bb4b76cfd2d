"""Kill workers, beat, broker and database in mid-send, stop them past their lease, let the mail server misbehave,
unsubscribe people; then compare the rows with the mail server's own log.

    python -m tests.chaos.kill_workers [--recipients 5000] [--kills 5] [--stops 1] [--faults 0.01] [--database …]

Exit 1 unless nothing is lost, nothing was sent twice, the server's log agrees with the rows (log ⊇ sent and
log ⊆ sent ∪ uncertain), nobody who left was started later than two seconds after, and no more is uncertain than was
in hand: connections × (kills + stops) + drops and stalls after the dot. Mail that the server asked us to send later is
made due at once near the end, so that the run ends. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.engine_room import EngineRoom, engine_room

if TYPE_CHECKING:
    from publisher.models import Message

# Seconds without any progress until it is given up.
PATIENCE_S = 240
LEASE_S = 60
AFTER_THE_DOT = {"drop_after", "stall"}


def main() -> int:
    """Run it; the exit code is the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--stops", type=int, default=0, help="how often lanes stand still for longer than their lease")
    parser.add_argument("--database-restarts", type=int, default=0, help="kill -9 and recovery; PostgreSQL only")
    parser.add_argument("--broker-away-s", type=float, default=10)
    parser.add_argument("--broker-restarts", type=int, default=1)
    parser.add_argument("--faults", type=float, default=0.0, help="share of mails that meet a fault of the mail server")
    parser.add_argument("--sink-delay-s", type=float, default=0.03)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.recipients} recipients on {arguments.database}", flush=True)
    options = {"OPSLAG_SMTP_CONNECTIONS": str(arguments.connections)}
    with engine_room(
        arguments.database, sink_delay_s=arguments.sink_delay_s, sink_faults=arguments.faults, **options
    ) as room:
        return Chaos(room, arguments).run()


class Chaos:
    """One run: its faults in random order, and the reckoning."""

    def __init__(self, room: EngineRoom, arguments: argparse.Namespace) -> None:
        from tests.chaos.mailing import send_out

        self.room, self.wanted = room, arguments
        self.random = random.Random(arguments.seed)
        self.faults: Counter[str] = Counter()
        self.message: Message = send_out(arguments.recipients)
        self.left: dict[str, float] = {}
        self.began = time.monotonic()

    def run(self) -> int:
        """Let it begin, do harm evenly over the sending, wait for the end, reckon."""
        kinds = [self._kill_children, self._kill_parent, self._kill_children, self._kill_beat]
        faults: list[Callable[[], None]] = [kinds[n % len(kinds)] for n in range(self.wanted.kills)]
        faults += [self._stop_lanes] * self.wanted.stops + [self._stop_broker] * self.wanted.broker_restarts
        faults += [self._crash_database] * self.wanted.database_restarts + [self._flush, self._unsubscribe]
        self.random.shuffle(faults)
        for number, fault in enumerate(faults):
            self._wait_for((number + 0.5) / (len(faults) + 1) * self.wanted.recipients)
            fault()
            self.room.revive()
        finished = self._wait_until_finished()
        return self._reckon(finished)

    def _wait_for(self, accepted: float) -> None:
        seen, deadline = -1, time.monotonic() + PATIENCE_S
        while (now := self.room.sink.count()) < accepted and time.monotonic() < deadline:
            if now > seen:
                seen, deadline = now, time.monotonic() + PATIENCE_S
            self.room.revive()
            time.sleep(0.1)

    def _note(self, fault: str, detail: str = "") -> None:
        self.faults[fault] += 1
        print(f"{self.room.sink.count():6} accepted: {fault} {detail}", flush=True)

    def _kill_children(self) -> None:
        """Those of the lanes, when there are any to kill."""
        deadline = time.monotonic() + 30
        while not self.room.children("bulk") and time.monotonic() < deadline:
            time.sleep(0.1)
        self._note("children killed", str(self.room.kill_children("bulk")))

    def _kill_parent(self) -> None:
        """Its children are orphans now; they hold their journals and go on until they notice."""
        self._note("parent killed")
        self.room.kill("bulk")

    def _kill_beat(self) -> None:
        self._note("beat killed")
        self.room.kill("beat")

    def _stop_lanes(self) -> None:
        """Zombies: they wake up when others have long taken over."""
        stopped = self.room.stop_children("bulk")
        self._note("lanes stopped", f"{len(stopped)} for {LEASE_S + 5} s")
        time.sleep(LEASE_S + 5)
        self.room.go_on(stopped)

    def _crash_database(self) -> None:
        from django.db import connection

        assert self.room.database is not None
        self._note("database killed")
        connection.close()
        self.room.database.crash()
        time.sleep(2)
        self.room.database.start_again()

    def _flush(self) -> None:
        self._note("FLUSHALL")
        self.room.flush_broker()

    def _stop_broker(self) -> None:
        self._note("broker killed", f"for {self.wanted.broker_away_s} s")
        self.room.kill("broker")
        time.sleep(self.wanted.broker_away_s)

    def _unsubscribe(self) -> None:
        from django.utils import timezone

        from publisher.models import Delivery, Subscription

        waiting = Delivery.objects.filter(message=self.message, status="pending").order_by("due_at", "pk")
        chosen = list(waiting.values_list("subscription_id", "subscriber__address")[:50])
        Subscription.objects.filter(pk__in=[pk for pk, _ in chosen]).update(unsubscribed_at=timezone.now())
        self.left = {address: time.time() for _, address in chosen}
        self._note("unsubscribed", str(len(chosen)))

    def _wait_until_finished(self) -> bool:
        from django.utils import timezone

        seen, deadline = -1, time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.message.refresh_from_db()
            if self.message.status not in ("scheduled", "sending"):
                break
            self.message.deliveries.filter(status="pending", due_at__gt=timezone.now()).update(due_at=timezone.now())
            if (now := self.room.sink.count()) > seen:
                seen, deadline = now, time.monotonic() + PATIENCE_S
            self.room.revive()
            time.sleep(1.0)
        return self.message.status == "finished"

    def _reckon(self, finished: bool) -> int:
        from publisher.models import Delivery

        rows = Delivery.objects.filter(message=self.message)
        named = {
            f"<d{pk}.{self.message.public_id.hex}@opslag.test>": status
            for pk, status in rows.values_list("pk", "status")
        }
        log = Counter(message_id for message_id, _, _ in self.room.sink.entries())
        by_status = Counter(named.values())
        too_late = [a for _, a, at in self.room.sink.entries() if a in self.left and at > self.left[a] + 2]
        server_faults = Counter(self.room.sink.faults())
        ends = self.faults["children killed"] + self.faults["parent killed"] + self.faults["lanes stopped"]
        in_hand = 2 * self.wanted.connections * ends
        bound = in_hand + sum(server_faults[fault] for fault in AFTER_THE_DOT)
        figures = {
            "recipients": self.wanted.recipients,
            "kills": sum(number for fault, number in self.faults.items() if fault.endswith("killed")),
            "faults": dict(self.faults),
            "server_faults": dict(server_faults),
            "by_status": dict(by_status),
            "lost": self.wanted.recipients - sum(n for s, n in by_status.items() if s not in ("pending", "sending")),
            "sent_twice": sum(1 for count in log.values() if count > 1),
            "uncertain": by_status["uncertain"],
            "uncertain_bound": bound,
            "seconds": round(time.monotonic() - self.began),
            "sent_but_not_at_the_server": sum(1 for m, s in named.items() if s == "sent" and m not in log),
            "at_the_server_but_not_sent": sum(1 for m in log if named.get(m) not in ("sent", "uncertain")),
            "started_after_leaving": len(too_late),
            "finished": finished,
        }
        good = (
            finished
            and by_status["uncertain"] <= bound
            and not any(
                figures[name]
                for name in (
                    "lost",
                    "sent_twice",
                    "sent_but_not_at_the_server",
                    "at_the_server_but_not_sent",
                    "started_after_leaving",
                )
            )
        )
        if not good:
            print(f"message: {self.message.status} {self.message.hold_reason} {self.message.last_error}", flush=True)
        print(json.dumps(figures), flush=True)
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
