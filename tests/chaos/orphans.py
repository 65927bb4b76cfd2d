"""The parent of a bulk worker is killed in mid-send: what becomes of its children, and of the mail in their hands.

    python -m tests.chaos.orphans [--recipients 700]

Celery has the kernel kill the children of a worker that dies (prctl(2), PR_SET_PDEATHSIG). Exit 1 unless they are gone
soon, a new worker finishes the send-out, nobody got two mails, and no more is uncertain than was in the children's
hands: one letter for each connection. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter

from tests.bench import cpu
from tests.engine_room import EngineRoom, engine_room

CONNECTIONS = 4
PATIENCE_S = 120


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=700)
    wanted = parser.parse_args()
    server = {"delay_s": 0.03, "keeping": False}
    lanes = {"OPSLAG_BULK_LANES": "2", "OPSLAG_SMTP_CONNECTIONS": str(CONNECTIONS)}
    with engine_room("sqlite", sink=server, **lanes) as room:
        return run(room, wanted.recipients)


def run(room: EngineRoom, recipients: int) -> int:
    """Kill the parent, start another, wait for the end."""
    from tests.chaos.mailing import send_out

    message = send_out(recipients)
    deadline = time.monotonic() + PATIENCE_S
    while room.sink.count() < recipients // 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    orphans = room.children("bulk")
    room.kill("bulk")
    time.sleep(0.5)
    left = [pid for pid in orphans if cpu.is_running(pid)]
    while message.status in ("scheduled", "sending") and time.monotonic() < deadline:
        room.revive()
        time.sleep(0.3)
        message.refresh_from_db()
    log = Counter(message_id for message_id, _, _ in room.sink.entries())
    statuses = Counter(message.deliveries.values_list("status", flat=True))
    figures = {
        "orphans": len(orphans),
        "orphans_left": len(left),
        "status": message.status,
        "sent_twice": sum(1 for count in log.values() if count > 1),
        "uncertain": statuses["uncertain"],
        "uncertain_bound": CONNECTIONS * len(orphans),
        "by_status": dict(statuses),
    }
    print(json.dumps(figures), flush=True)
    whole = statuses["sent"] + statuses["uncertain"] == recipients and message.status == "finished"
    few = statuses["uncertain"] <= figures["uncertain_bound"]
    return 0 if orphans and not left and whole and few and not figures["sent_twice"] else 1


if __name__ == "__main__":
    sys.exit(main())
