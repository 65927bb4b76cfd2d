"""Kill everything in mid-send, stop lanes past their lease, let the mail server misbehave; then compare the rows with
the mail server's own log.

    python -m tests.chaos.kill_workers [--recipients 3000] [--kills 10] [--database sqlite] [--seed 7] …

100 000 recipients on PostgreSQL unless told otherwise. Exit 1 unless nothing is lost, nothing was sent twice, the
server's log agrees with the rows (log ⊇ sent and log ⊆ sent ∪ uncertain), nobody who left was started later than a few
seconds after, each uncertain delivery has a START without END in its journal (or the END says that the server never
answered, or the row names its journal as lost), and no more is uncertain than was in hand: connections × (lanes
killed, with their parents too, + lanes stopped) + conversations that ended unanswered after the final dot. Also exit 1
if the harm was less than asked for: each kill, stop (past the lease, and gone on) and restart, each fault of the server
at least once. Mail that the server asked us to send later is made due at once near the end. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.chaos.harm import Harm
from tests.chaos.witness import JournalKeeper, Visitor
from tests.engine_room import EngineRoom, engine_room
from tests.smtp_sink import AFTER_THE_DOT, FAULTS, STALL_S, UNANSWERED

# Seconds without any progress until it is given up.
PATIENCE_S = 240
# Among so many faults of the server, each kind comes up.
ENOUGH_FAULTS = 200


def main() -> int:
    """Run it; the exit code is the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=100, help="kill -9 of lanes, worker parents, beat, web and others")
    parser.add_argument("--stops", type=int, default=6, help="how often a lane stands still for longer than its lease")
    parser.add_argument("--database-restarts", type=int, default=3, help="kill -9 and recovery; none on SQLite")
    parser.add_argument("--broker-restarts", type=int, default=3)
    parser.add_argument("--broker-away-s", type=float, default=5)
    parser.add_argument("--faults", type=float, default=0.003, help="share of mails that meet a fault of the server")
    parser.add_argument("--sink-delay-s", type=float, default=0.03, help="before each final dot is answered")
    parser.add_argument("--stall-s", type=float, default=STALL_S, help="longer than our own patience: 40 s")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    wanted = parser.parse_args()
    if wanted.database == "sqlite":
        wanted.database_restarts = 0
    print(f"seed {wanted.seed}, {wanted.recipients} recipients on {wanted.database}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}", flush=True)
    server = {"delay_s": wanted.sink_delay_s, "faults": wanted.faults, "seed": wanted.seed, "stall_s": wanted.stall_s}
    options = {"OPSLAG_BULK_LANES": "2", "OPSLAG_SMTP_CONNECTIONS": str(wanted.connections)}
    with engine_room(wanted.database, web=True, sink=server | {"keeping": False}, **options) as room:
        return run(room, wanted)


def run(room: EngineRoom, wanted: argparse.Namespace) -> int:
    """Let it begin, do harm evenly over the sending, wait for the end, reckon."""
    from tests.chaos.mailing import send_out, staff_cookie

    began = time.monotonic()
    message = send_out(wanted.recipients)
    harm = Harm(room, wanted, message)
    keeper = JournalKeeper(room.folder / "journals", room.folder / "kept")
    page = f"/sendouts/{message.campaign_id}"
    pages = ["/", page, f"{page}/live", "/calendar", f"/m/{message.public_id.hex}", "/healthz"]
    visitor = Visitor(room.web_port, staff_cookie(message), pages)
    with keeper, visitor:
        planned = harm.plan()
        asked = len(planned)
        for number in range(asked):
            wait_for((number + 0.5) / (asked + 1) * wanted.recipients, room, harm)
            while (fault := harm.next_of(planned)) is None:
                harm.look_after()
                time.sleep(0.1)
            fault()
            harm.look_after()
        finished = wait_until_finished(harm)
    figures = reckon(harm, keeper, visitor)
    figures |= {
        "finished": finished,
        "seconds": round(time.monotonic() - began),
        "recovered_s": round(time.monotonic() - harm.last_at, 1),
        "load": round(os.getloadavg()[0], 1),
    }
    return verdict(figures, harm)


def wait_for(accepted: float, room: EngineRoom, harm: Harm) -> None:
    """Until the server has taken so many, or nothing has moved for long."""
    until_still(room.sink.count, lambda now: now >= accepted, harm, every_s=0.1)


def until_still(count: Callable[[], int], is_enough: Callable[[int], bool], harm: Harm, *, every_s: float) -> None:
    """Look after everything until the count is enough, or has stood still for PATIENCE_S."""
    seen, deadline = -1, time.monotonic() + PATIENCE_S
    while not is_enough(now := count()) and time.monotonic() < deadline:
        if now > seen:
            seen, deadline = now, time.monotonic() + PATIENCE_S
        harm.look_after()
        time.sleep(every_s)


def wait_until_finished(harm: Harm) -> bool:
    """Whether the message came to `finished`; what was put off is made due, and who stands still goes on first."""
    from django.db import OperationalError, close_old_connections, transaction
    from django.utils import timezone

    from publisher.models import place_again, waiting_of

    message = harm.message

    def has_ended(_accepted: int) -> bool:
        try:
            message.refresh_from_db()
            now = timezone.now()
            with transaction.atomic():
                put_off = waiting_of(message.pk).filter(due_at__gt=now)
                put_off.update(due_at=max(now, place_again(message.pk)))
        except OperationalError:
            # A database that was killed a moment ago.
            close_old_connections()
            return False
        return harm.is_over and message.status not in ("scheduled", "sending")

    until_still(harm.room.sink.count, has_ended, harm, every_s=0.5)
    return bool(message.status == "finished")


def reckon(harm: Harm, keeper: JournalKeeper, visitor: Visitor) -> dict[str, Any]:
    """All figures of the run."""
    from tests.chaos.reckoning import against_the_server, explained

    wanted = harm.wanted
    why = explained(harm.message, keeper.kept())
    server = Counter(harm.room.sink.faults())
    unanswered, after_the_dot = (sum(server[fault] for fault in faults) for faults in (UNANSWERED, AFTER_THE_DOT))
    ends = harm.killed["lanes"] + harm.faults["a lane stopped"]
    return {
        "seed": wanted.seed,
        "recipients": wanted.recipients,
        "database": wanted.database,
        "kills": harm.killed.total(),
        "killed": dict(harm.killed),
        "faults": dict(harm.faults),
        "stops_outlasted": harm.outlasted,
        "server_faults": {fault: server[fault] for fault in FAULTS},
        **against_the_server(harm.message, wanted.recipients, harm.room.sink, harm.left),
        "uncertain_bound": wanted.connections * ends + after_the_dot,
        "uncertain_why": why,
        "uncertain_unexplained": why["unexplained"] + max(0, why["unanswered"] - unanswered),
        "pages_served": visitor.served,
        "pages_failed": visitor.failed,
    }


def short_of(figures: dict[str, Any], wanted: argparse.Namespace) -> list[str]:
    """Of which harm less was done than was asked for."""
    done = {
        "kills": (figures["kills"], wanted.kills),
        "stops": (figures["stops_outlasted"], max(0, wanted.stops - 1)),
        "database restarts": (figures["faults"].get("database killed", 0), wanted.database_restarts),
        "broker restarts": (figures["faults"].get("broker killed", 0), wanted.broker_restarts),
    }
    short = [f"{name}: {number} of {asked}" for name, (number, asked) in done.items() if number < asked]
    if wanted.faults * wanted.recipients >= ENOUGH_FAULTS:
        short += [f"no {fault}" for fault in FAULTS if not figures["server_faults"][fault]]
    return short


def verdict(figures: dict[str, Any], harm: Harm) -> int:
    """Print it, as a table and as JSON; 0 if every promise was kept."""
    from tests.chaos.reckoning import MUST_BE_NOUGHT

    broken = [name for name in MUST_BE_NOUGHT if figures[name]]
    broken += [] if figures["finished"] else ["not finished"]
    broken += ["uncertain"] if figures["uncertain"] > figures["uncertain_bound"] else []
    broken += [] if figures["pages_served"] else ["no page was served"]
    broken += short_of(figures, harm.wanted)
    for name, value in figures.items():
        shown = ", ".join(f"{key} {number}" for key, number in value.items()) if isinstance(value, dict) else value
        print(f"{name.replace('_', ' '):28} {shown}")
    if broken:
        message = harm.message
        print(f"BROKEN: {', '.join(broken)}")
        print(f"message: {message.status} {message.hold_reason} {message.last_error}")
        for log in sorted(harm.room.logs.glob("*.log")):
            with contextlib.suppress(OSError):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}")
    print(json.dumps(figures), flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
