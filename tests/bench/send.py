"""What a mail costs: a whole send-out, every outcome and counter recorded, to a mail server that costs little.

    python -m tests.bench.send [--recipients 100000] [--database postgresql] [--tls] [--delay-ms 20] [--no-pipelining]
                               [--consent] [--smtp-sink]

Processor time is user and system time of the workers, beat, Redis and all PostgreSQL processes, start-up included; the
mail server and this driver are left out. One message in a hundred is kept, parsed and matched to its recipient and
links; exit 1 unless all of them are right and every recipient's mail arrived. Afterwards the rivals send the same
message, and an audience of a million is frozen (tests.bench.freeze). `missed` names the targets that a plain run of
100 000 on PostgreSQL missed: exit 1 then too. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.bench import rivals
from tests.bench.fast_sink import Elsewhere, FastSink, fast_sink
from tests.bench.postfix_sink import postfix_sink
from tests.bench.tls_sink import tls_sink
from tests.engine_room import EngineRoom, engine_room

# Time for the freeze, so that the first message shows how promptly what was made ready begins.
AHEAD_S = 10.0
# Of two cores: milliseconds of processor time, megabytes of a worker, seconds.
AT_MOST = {"cpu_ms_per_message": 0.18, "worker_peak_mb": 150, "first_message_s": 2.0, "freeze_1m_s": 30.0}
AT_LEAST_PER_S = 5000
INFINITE = float("inf")
# The mail servers of ours keep one message in a hundred or so.
KEPT_SHARE = 0.005
REPOSITORY = Path(__file__).resolve().parents[2]

Receiver = FastSink | Elsewhere


def main() -> int:
    """Run it; the exit code says whether everything arrived as it should."""
    wanted = arguments()
    print(f"load {os.getloadavg()[0]:.1f}, {wanted.recipients} recipients on {wanted.database}", flush=True)
    with receiver(wanted) as (server, settings):
        settings |= {
            "OPSLAG_SMTP_URL": server.url,
            "OPSLAG_SMTP_CONNECTIONS": str(wanted.connections),
            "OPSLAG_BULK_LANES": str(wanted.lanes),
        }
        with engine_room(wanted.database, start=False, together=True, **settings) as room:
            figures, good = measure(room, server, wanted)
    if wanted.freeze:
        figures["freeze_1m_s" if wanted.freeze == 1_000_000 else f"freeze_{wanted.freeze}_s"] = frozen_s(wanted.freeze)
    figures["load_after"] = round(os.getloadavg()[0], 1)
    figures["missed"] = missed(figures) if is_plain(wanted) and wanted.recipients >= 100_000 else []
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):32} {value}")
    print(json.dumps(figures), flush=True)
    return 0 if good and not figures["missed"] else 1


def missed(figures: dict[str, Any]) -> list[str]:
    """The targets that were not reached; one that was not measured counts as missed."""
    short = [name for name, most in AT_MOST.items() if name in figures and not (figures[name] or INFINITE) <= most]
    return [*short, *(["messages_per_s"] if figures["messages_per_s"] < AT_LEAST_PER_S else [])]


def is_plain(wanted: argparse.Namespace) -> bool:
    """Whether it is the run that the targets are for."""
    special = (
        wanted.smtp_sink or wanted.tls or wanted.delay_ms or wanted.no_pipelining or wanted.server or wanted.consent
    )
    return not special and wanted.database == "postgresql"


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--connections", type=int, default=8, help="of each lane")
    parser.add_argument("--lanes", type=int, default=2, help="the most; a further one starts if need be")
    parser.add_argument("--tls", action="store_true", help="STARTTLS, with a certificate that is verified")
    parser.add_argument("--delay-ms", type=int, default=0, help="latency that the server adds to each of its answers")
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--consent", action="store_true", help="everybody agreed to have their clicks noted")
    parser.add_argument("--server", type=Elsewhere.at, help="HOST:PORT of another mail server, which must take it all")
    parser.add_argument(
        "--smtp-sink", action="store_true", help="to the one of Postfix, which counts and keeps nothing"
    )
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--freeze", type=int, help="subscribers of the audience that is frozen afterwards; 0 for none")
    wanted = parser.parse_args()
    if wanted.freeze is None:
        wanted.freeze = 1_000_000 if is_plain(wanted) else 0
    if wanted.tls and (wanted.delay_ms or wanted.no_pipelining):
        parser.error("--tls is measured without --delay-ms and --no-pipelining")
    return wanted


@contextlib.contextmanager
def receiver(wanted: argparse.Namespace) -> Iterator[tuple[Receiver, dict[str, str]]]:
    """The mail server that was asked for, and what workers must be told about it besides its address."""
    if wanted.server:
        yield wanted.server, {}
    elif wanted.smtp_sink:
        with postfix_sink() as server:
            yield server, {}
    elif wanted.tls:
        with tls_sink() as (server, authority):
            yield server, {"SSL_CERT_FILE": str(authority)}
    else:
        with fast_sink(pipelining=not wanted.no_pipelining, delay_ms=wanted.delay_ms) as server:
            yield server, {}


def measure(room: EngineRoom, server: Receiver, wanted: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Send one issue to a crowd; the figures, and whether all is as it should be."""
    from django.utils import timezone

    from tests.audience_factory import own_newsletter
    from tests.bench import meter, sampling
    from tests.bench.crowd import crowd, issue

    people, recipients = own_newsletter("Kulturnyt"), wanted.recipients
    crowd(people, recipients, consented=wanted.consent)
    before = meter.read(room)
    room.revive()
    room.wait_until_ready()
    due, due_s = timezone.now() + timedelta(seconds=AHEAD_S), time.monotonic() + AHEAD_S
    message = issue(people, due)
    meter.wait_until_over(message)
    spent = meter.read(room).since(before)
    arrived, size, first_s, last_s = server.counted()
    if isinstance(server, Elsewhere):
        by_rows, first_s, last_s = by_the_rows(message, due, due_s)
        arrived = arrived or by_rows
    kept = server.sample()
    wrong = sampling.faults(kept, message.public_id.hex)
    for fault in wrong[:5]:
        print(fault)
    average = round(size / max(arrived, 1))
    cpu_ms = 1000 * spent.total_s / recipients
    figures = {
        "recipients": recipients,
        "arrived": arrived,
        "message_bytes": average,
        "cpu_ms_per_message": round(cpu_ms, 4),
        "database_cpu_ms_per_message": round(1000 * spent.database_s / recipients, 4),
        **({} if wanted.no_rivals or not average else compared(average, cpu_ms)),
        "messages_per_s": round(arrived / (last_s - first_s)) if last_s > first_s else 0,
        "first_message_s": round(first_s - due_s, 2),
        "worker_peak_mb": meter.lane_peak_mb(room),
        **{name: getattr(wanted, name) for name in ("database", "lanes", "connections", "delay_ms", "tls")},
        "pipelining": not wanted.no_pipelining,
        "status": message.status,
        "sampled": len(kept),
        "wrong": len(wrong),
        "load": round(os.getloadavg()[0], 1),
    }
    enough = isinstance(server, Elsewhere) or len(kept) >= KEPT_SHARE * recipients
    return figures, arrived == recipients and message.status == "finished" and enough and not wrong


def by_the_rows(message: Any, due: Any, due_s: float) -> tuple[int, float, float]:
    """How many another server took, and the first and the last, by what it answered us (seconds of time.monotonic)."""
    from django.db.models import Count, Max, Min

    found = message.deliveries.filter(status="sent").aggregate(
        number=Count("pk"), first=Min("sent_at"), last=Max("sent_at")
    )
    first, last = (due_s + ((at or due) - due).total_seconds() for at in (found["first"], found["last"]))
    return found["number"], first, last


def compared(size: int, ours_ms: float) -> dict[str, float | None]:
    """The same message by others, in the same run."""
    source_ms, smtplib_ms = rivals.smtp_source_cpu_ms(size), rivals.smtplib_cpu_ms(size)
    return {
        "smtp_source_cpu_ms": round(source_ms, 4) if source_ms else None,
        "cpu_vs_smtp_source": round(ours_ms / source_ms, 2) if source_ms else None,
        "smtplib_cpu_ms": round(smtplib_ms, 4),
    }


def frozen_s(subscribers: int) -> float | None:
    """Seconds to freeze an audience, by a process and a database of its own; None if its counts were not right."""
    command = [sys.executable, "-m", "tests.bench.freeze", "--subscribers", str(subscribers)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    print(ended.stdout + ended.stderr if ended.returncode else ended.stdout, end="")
    return float(json.loads(ended.stdout.splitlines()[-1])["freeze_s"]) if ended.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
