"""`opslag workers` in mid-send: a fork is killed and comes back, the parent is killed and takes its forks along, and at
the end SIGTERM stops all of it.

    python -m tests.chaos.together [--recipients 900]

Exit 1 unless the parent had no connection and one thread, the killed worker was forked again, the forks of the killed
parent ended by themselves, a new one finished the send-out from what their journals say, nobody got two mails, no more
is uncertain than was in the lanes' hands, and it ended with exit code 0, leaving nobody behind. Ends with a JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import cpu
from tests.engine_room import EngineRoom, engine_room, kill_process

CONNECTIONS = 4
PATIENCE_S = 120
# A worker that was asked to stop lets the letters that are on their way come to their answers.
WARM_S = 30


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=900)
    wanted = parser.parse_args()
    server = {"delay_s": 0.03, "keeping": False}
    with engine_room("sqlite", together=True, sink=server, OPSLAG_SMTP_CONNECTIONS=str(CONNECTIONS)) as room:
        figures = run(room, wanted.recipients)
        good = is_good(figures, wanted.recipients)
        for log in [] if good else sorted((room.folder / "log").glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}")
    print(json.dumps(figures), flush=True)
    return 0 if good else 1


def run(room: EngineRoom, recipients: int) -> dict[str, Any]:
    """Do the harm, wait for the end, stop."""
    from tests.chaos.mailing import send_out

    message = send_out(recipients)
    until(lambda: room.sink.count() > recipients // 10)
    bulk, lanes = room.pid("bulk"), room.children("bulk")
    sockets, threads = shared_by_forking(room.processes["workers"].pid)
    kill_process(bulk)
    came_back = until(lambda: room.pid("bulk") not in (0, bulk) and len(room.children("bulk")) == len(lanes))
    lanes_left = [pid for pid in lanes if cpu.is_running(pid)]
    until(lambda: room.sink.count() > recipients // 2)
    forks = cpu.tree(room.processes["workers"].pid)[1:]
    room.kill("workers")
    all_ended = until(lambda: not any(map(cpu.is_running, forks)), WARM_S)
    room.revive()
    finished = until(lambda: has_ended(message))
    workers = room.processes["workers"]
    workers.terminate()
    ended_with = workers.wait(timeout=PATIENCE_S)
    log = Counter(message_id for message_id, _, _ in room.sink.entries())
    return {
        "came_back": came_back,
        "sockets": sockets,
        "threads": threads,
        "lanes_left": len(lanes_left),
        "forks": len(forks),
        "forks_ended": all_ended,
        "finished": finished and message.status == "finished",
        "sent_twice": sum(1 for count in log.values() if count > 1),
        "uncertain_bound": CONNECTIONS * 2 * len(lanes),
        "exit_code": ended_with,
        "left": len(room.processes_of_ours()),
        "by_status": dict(Counter(message.deliveries.values_list("status", flat=True))),
    }


def shared_by_forking(pid: int) -> tuple[int, int]:
    """The sockets and threads of a process: a fork would share the ones and break the others."""
    opened = [path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(name.startswith("socket:") for name in opened), len(list(Path(f"/proc/{pid}/task").iterdir()))


def is_good(figures: dict[str, Any], recipients: int) -> bool:
    """Whether all of it is as it should be."""
    statuses = Counter(figures["by_status"])
    whole = statuses["sent"] + statuses["uncertain"] == recipients and figures["finished"]
    few = statuses["uncertain"] <= figures["uncertain_bound"]
    nobody = not any(figures[name] for name in ("lanes_left", "sent_twice", "exit_code", "left"))
    alone = (figures["sockets"], figures["threads"]) == (0, 1)
    return bool(
        whole and few and nobody and alone and figures["came_back"] and figures["forks"] and figures["forks_ended"]
    )


def has_ended(message: Any) -> bool:
    """Whether the message is neither scheduled nor sending any more."""
    message.refresh_from_db()
    return message.status not in ("scheduled", "sending")


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Wait for it; whether it came true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


if __name__ == "__main__":
    sys.exit(main())
