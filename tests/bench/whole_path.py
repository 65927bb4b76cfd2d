"""Deliveries per second through the whole path: approved, composed, frozen, claimed, sent over SMTP, receipt complete.

    python -m tests.bench.whole_path [--recipients 5000] [--database sqlite]

Real workers and beat, the ledger included, against our own recording mail server on the same machine (whose cost is
in the figure). Exit 1 unless every recipient's mail arrived exactly once. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from tests.engine_room import EngineRoom, engine_room

PATIENCE_S = 600


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=5000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {arguments.recipients} recipients on {arguments.database}", flush=True)
    with engine_room(arguments.database) as room:
        return measure(room, arguments.recipients, arguments.database)


def measure(room: EngineRoom, recipients: int, database: str) -> int:
    """Send once and count at both ends."""
    from tests.chaos.mailing import send_out

    room.wait_until_ready()
    message = send_out(recipients)
    approved = time.time()
    deadline = time.monotonic() + PATIENCE_S
    while message.status in ("scheduled", "sending") and time.monotonic() < deadline:
        time.sleep(0.2)
        message.refresh_from_db()
    entries = room.sink.entries()
    times = [at for _, _, at in entries]
    seconds = times[-1] - times[0] if len(times) > 1 else 0.0
    figures = {
        "recipients": recipients,
        "database": database,
        "arrived": len(entries),
        "deliveries_per_s": round(len(entries) / seconds) if seconds else 0,
        "seconds_sending": round(seconds, 2),
        "first_message_s": round(times[0] - approved, 2) if times else None,
        "status": message.status,
    }
    print(json.dumps(figures), flush=True)
    once = len({message_id for message_id, _, _ in entries}) == len(entries) == recipients
    return 0 if once and message.status == "finished" else 1


if __name__ == "__main__":
    sys.exit(main())
