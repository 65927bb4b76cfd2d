"""What a mail costs: a whole send-out, every outcome and counter recorded, to a sink that costs little.

    python -m tests.bench.send [--recipients 100000] [--database postgresql] [--delay-ms 20] [--no-pipelining]

Processor time is user and system time of the workers, beat, Redis and all PostgreSQL processes, start-up included; the
sink and this driver are left out. One message in a hundred is kept, parsed and matched to its recipient and links;
exit 1 unless all of them are right and every recipient's mail arrived. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

from tests.bench import cpu, rivals
from tests.bench.fast_sink import FastSink, fast_sink
from tests.engine_room import EngineRoom, engine_room

PATIENCE_S = 900
AHEAD_S = 10.0


def main() -> int:
    """Run it; the exit code says whether everything arrived as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--delay-ms", type=int, default=0, help="latency that the sink adds to each of its answers")
    parser.add_argument("--no-pipelining", action="store_true")
    wanted = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {wanted.recipients} recipients on {wanted.database}", flush=True)
    with fast_sink(pipelining=not wanted.no_pipelining, delay_ms=wanted.delay_ms) as sink:
        settings = {"OPSLAG_SMTP_URL": sink.url, "OPSLAG_SMTP_CONNECTIONS": str(wanted.connections)}
        with engine_room(wanted.database, start=False, **settings) as room:
            return measure(room, sink, wanted)


def measure(room: EngineRoom, sink: FastSink, wanted: argparse.Namespace) -> int:
    """Send one issue to a crowd."""
    recipients = wanted.recipients
    from django.db import connection
    from django.utils import timezone

    from tests.audience_factory import own_newsletter
    from tests.bench.crowd import crowd, issue

    people = own_newsletter("Kulturnyt")
    crowd(people, recipients)
    database = cpu.tree(postmaster(room)) if connection.vendor == "postgresql" else []
    before_s = cpu.seconds(database)
    room.revive()
    room.wait_until_ready()
    due, due_s = timezone.now() + timedelta(seconds=AHEAD_S), time.monotonic() + AHEAD_S
    message = issue(people, due)
    deadline = time.monotonic() + PATIENCE_S
    while message.status in ("scheduled", "sending") and time.monotonic() < deadline:
        time.sleep(0.5)
        message.refresh_from_db()
    arrived, size, first_s, last_s = sink.counted()
    database = cpu.tree(postmaster(room)) if connection.vendor == "postgresql" else []
    database_s = cpu.seconds(database) - before_s
    ours = [pid for process in room.processes.values() for pid in cpu.tree(process.pid)]
    ours_s = cpu.seconds(ours)
    wrong = faults(sink, message.public_id.hex)
    for fault in wrong[:5]:
        print(fault)
    others = compared(round(size / max(arrived, 1)), 1000 * (ours_s + database_s) / recipients)
    figures = {
        "recipients": recipients,
        "arrived": arrived,
        "message_bytes": round(size / max(arrived, 1)),
        "cpu_ms_per_message": round(1000 * (ours_s + database_s) / recipients, 4),
        "database_cpu_ms_per_message": round(1000 * database_s / recipients, 4),
        **others,
        "messages_per_s": round(arrived / (last_s - first_s)) if last_s > first_s else 0,
        "first_message_s": round(first_s - due_s, 2),
        "worker_peak_mb": round(max(cpu.peak_mb(pid) for pid in cpu.tree(room.processes["bulk"].pid))),
        "status": message.status,
        "sampled": len(sink.sample()),
        "wrong": len(wrong),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures), flush=True)
    return 0 if arrived == recipients and message.status == "finished" and not wrong else 1


def compared(size: int, ours_ms: float) -> dict[str, float | None]:
    """The same message by others, in the same run."""
    source_ms, smtplib_ms = rivals.smtp_source_cpu_ms(size), rivals.smtplib_cpu_ms(size)
    return {
        "smtp_source_cpu_ms": round(source_ms, 4) if source_ms else None,
        "cpu_vs_smtp_source": round(ours_ms / source_ms, 2) if source_ms else None,
        "smtplib_cpu_ms": round(smtplib_ms, 4),
    }


def postmaster(room: EngineRoom) -> int:
    """PostgreSQL's first process."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    return int((folder / "postmaster.pid").read_text().split()[0])


def faults(sink: FastSink, message_key: str) -> list[str]:
    """What is wrong with the kept messages: each must be whole, for its recipient, with that person's own links."""
    from publisher.models import Delivery

    found = []
    for content in sink.sample():
        envelope, _, rest = content.partition(b"\r\n")
        recipient = envelope.decode().removeprefix("X-Rcpt-To: ")
        mail = message_from_bytes(rest, policy=policy.default)
        number = str(mail["Message-ID"]).partition(".")[0].removeprefix("<d")
        delivery = Delivery.objects.select_related("subscriber", "subscription").filter(pk=int(number)).first()
        if delivery is None or delivery.subscriber is None or delivery.subscription is None:
            found.append(f"{number}: no such delivery")
            continue
        html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        token = f"/u/{delivery.subscription.token}"
        if delivery.subscriber.address != recipient or recipient not in str(mail["To"]):
            found.append(f"{number}: went to {recipient}")
        if not (token in html and token in text and token in str(mail["List-Unsubscribe"])):
            found.append(f"{number}: not this person's link to leave")
        if html.count("<a href=") < 15 or message_key not in html or "Læs mere om nr. 12" not in text:
            found.append(f"{number}: not the whole mail")
    return found


if __name__ == "__main__":
    sys.exit(main())
