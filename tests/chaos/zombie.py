"""A lane that stands still for longer than its lease and wakes up again: it must start nothing more.

    python -m tests.chaos.zombie [--recipients 250]

The lane runs in a process of its own with a short lease (its margin of ten seconds is the real one). Its journal says
what it started before and after. Then another lane sends the rest. Exit 1 unless the zombie started nothing after it
woke up, and everybody got exactly one mail. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.engine_room import REPOSITORY, EngineRoom, engine_room

# Of these a lane may use all but its margin of 10 s.
LEASE_S = 12.0
STARTED_FIRST = 20


def main() -> int:
    """Run it; with --lane, be the lane."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=250)
    parser.add_argument("--lane", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.lane:
        return be_the_lane()
    with engine_room("sqlite", start=False, sink={"delay_s": 0.05, "keeping": False}) as room:
        return run(room, wanted.recipients)


def be_the_lane() -> int:
    """One slice of sending under a short lease."""
    import django

    django.setup()
    from publisher.deliver import claim, slots
    from publisher.deliver.lane import run_lane

    claim.LEASE = slots.LEASE = timedelta(seconds=LEASE_S)
    run_lane()
    return 0


def run(room: EngineRoom, recipients: int) -> int:
    """Let it begin, stop it for longer than its lease, wake it up, send the rest."""
    from django.utils import timezone

    from publisher.deliver.lane import run_lane
    from publisher.schedule import dispatch
    from tests.chaos.mailing import send_out

    message = send_out(recipients)
    assert dispatch.prepare(message.pk, timezone.now())
    assert dispatch.start(message.pk, timezone.now())
    zombie = subprocess.Popen([sys.executable, "-m", "tests.chaos.zombie", "--lane"], cwd=REPOSITORY)
    wait_until(lambda: room.sink.count() >= STARTED_FIRST)
    os.kill(zombie.pid, signal.SIGSTOP)
    # The signal is sent; only now does each of its threads stand still.
    os.waitpid(zombie.pid, os.WUNTRACED)
    [journal] = (room.folder / "journals").glob("*.journal")
    kept = room.folder / "kept"
    kept.hardlink_to(journal)
    before = starts(kept)
    time.sleep(LEASE_S + 1)
    meanwhile = run_lane()
    os.kill(zombie.pid, signal.SIGCONT)
    zombie.wait(60)
    after = starts(kept) - before
    while run_lane():
        pass
    log = Counter(message_id for message_id, _, _ in room.sink.entries())
    statuses = Counter(message.deliveries.values_list("status", flat=True))
    figures = {
        "started_before": before,
        "started_after": after,
        "sent_by_another_meanwhile": meanwhile,
        "sent_twice": sum(1 for count in log.values() if count > 1),
        "accepted": len(log),
        "by_status": dict(statuses),
    }
    print(json.dumps(figures), flush=True)
    good = before and not after and not figures["sent_twice"]
    return 0 if good and statuses == {"sent": recipients} and len(log) == recipients else 1


def starts(journal: Path) -> int:
    """How many deliveries a journal says were started."""
    written = journal.read_bytes().partition(b"\0")[0]
    return sum(line.startswith(b"S ") for line in written.splitlines())


def wait_until(is_so: Callable[[], bool], patience_s: float = 60) -> None:
    """Until it is so. Raises TimeoutError."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
