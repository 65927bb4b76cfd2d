"""Fairness: while a big newsletter is on its way, a small one of somebody else and notices are not late.

    python -m tests.bench.fairness [--recipients 1000000] [--rounds 3]

Real workers and beat on PostgreSQL, a mail server that costs little. In each round a mail to 200 people of another
organisation falls due and a notice is written, in the middle of the big one. `small_message_s` is the longest time
from a small mail's due instant until all of it was sent and its receipt closed, `confirmation_s` the longest from
writing a notice until it was sent. Then the big one is paused and resumed: `pause_s` until the mail server got the last
mail, `resume_s` until it got the next one. Exit 1 unless they are within 10 s and (the others) 2 s and the big one was
still being sent. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import timedelta
from typing import Any

from tests.bench.fast_sink import FastSink, fast_sink
from tests.engine_room import EngineRoom, engine_room

SMALL = 200
SMALL_S, NOTICE_S, CONTROL_S = 10.0, 2.0, 2.0
# So long nothing more has come after a pause: it is over.
STILL_S = 5.0
PATIENCE_S = 1800.0
# A small mail is approved so long before it is due; a notice is written so long after that.
AHEAD_S, NOTICE_AFTER_S = 8.0, 2.0


def main() -> int:
    """Run it; the exit code says whether the promises were kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    wanted = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {wanted.recipients} recipients of a big newsletter", flush=True)
    with fast_sink(every=0) as sink:
        settings = {"OPSLAG_SMTP_URL": sink.url, "OPSLAG_SMTP_CONNECTIONS": str(wanted.connections)}
        with engine_room("postgresql", start=False, **settings) as room:
            return measure(room, sink, wanted)


def until(question: Any, what: str) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE_S
    while not question():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain: {what}")
        time.sleep(0.1)


def measure(room: EngineRoom, sink: FastSink, wanted: argparse.Namespace) -> int:
    """A big newsletter, and the rounds while it is being sent."""
    from django.utils import timezone

    from tests.audience_factory import own_newsletter
    from tests.bench.crowd import crowd, issue
    from tests.claiming import statuses

    big, small = own_newsletter("Storbyen"), own_newsletter("Museumsnyt")
    crowd(big, wanted.recipients)
    crowd(small, SMALL)
    room.revive()
    room.wait_until_ready()
    message = issue(big, timezone.now() + timedelta(seconds=5))
    until(lambda: sink.counted()[0] > SMALL, "the big newsletter begins")
    rounds = [one_round(small) for _ in range(wanted.rounds)]
    pause_s, resume_s = paused_and_resumed(message, sink)
    message.refresh_from_db()
    sent = sink.counted()[0]
    waiting = statuses(message)["pending"]
    figures = {
        "big_recipients": wanted.recipients,
        "big_waiting_at_the_end": waiting,
        "arrived": sent,
        "small_recipients": SMALL,
        "rounds": wanted.rounds,
        "small_message_s": max(small_s for small_s, _ in rounds),
        "confirmation_s": max(notice_s for _, notice_s in rounds),
        "pause_s": pause_s,
        "resume_s": resume_s,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures), flush=True)
    kept = figures["small_message_s"] <= SMALL_S and figures["confirmation_s"] <= NOTICE_S
    kept = kept and max(pause_s, resume_s) <= CONTROL_S
    return 0 if kept and waiting else 1


def paused_and_resumed(message: Any, sink: FastSink) -> tuple[float, float]:
    """Seconds until a pause, and until going on, was felt at the mail server."""
    from publisher.review.control import pause, resume

    message.refresh_from_db()
    pause(message, None)
    paused_s = time.monotonic()
    time.sleep(STILL_S)
    number, _size, _first_s, last_s = sink.counted()
    message.refresh_from_db()
    resume(message, None)
    resumed_s = time.monotonic()
    until(lambda: sink.counted()[0] > number, "the big newsletter goes on")
    return round(max(0.0, last_s - paused_s), 2), round(time.monotonic() - resumed_s, 2)


def one_round(small: Any) -> tuple[float, float]:
    """A small mail and a notice; how long each took, in seconds."""
    from django.utils import timezone

    from publisher.errors import Explanation
    from publisher.models import Delivery, Notice
    from publisher.vocabulary import NoticeKind
    from tests.bench.crowd import issue

    due = timezone.now() + timedelta(seconds=AHEAD_S)
    message = issue(small, due)
    time.sleep(AHEAD_S + NOTICE_AFTER_S)
    notice = Notice.objects.create(
        organisation=small.organisation,
        kind=NoticeKind.ALERT,
        address="anna@museum.example.org",
        explanation=Explanation("Approved").as_json(),
        due_at=timezone.now(),
    )

    def closed() -> bool:
        message.refresh_from_db()
        notice.refresh_from_db()
        return message.status == "finished" and notice.status == "sent"

    until(closed, f"small mail {message.status}, notice {notice.status}")
    assert Delivery.objects.filter(message=message, status="sent").count() == SMALL
    assert message.finished_at is not None and notice.sent_at is not None
    taken = (message.finished_at - due).total_seconds(), (notice.sent_at - notice.created_at).total_seconds()
    print(f"small mail {taken[0]:.1f} s, notice {taken[1]:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    return round(taken[0], 2), round(taken[1], 2)


if __name__ == "__main__":
    sys.exit(main())
