"""Whether a mail costs the same in a long list and in an old installation (PostgreSQL).

    python -m tests.bench.marginal [--small 100000] [--large 1000000] [--old 5000000]

The table of deliveries already holds what earlier issues left: `--old` rows of finished messages, over all statuses.
Then an issue goes to the small list and one to the large list, one after the other in the same processes, and the
processor time of workers, beat, Redis and all PostgreSQL processes between start and end of each is compared (start-up
of the processes counts for neither). Exit 1 unless everybody got both, the marginal cost of the large one is within a
fifth of the small one's, and no lane needed more than 150 MB. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.bench.fast_sink import fast_sink
from tests.engine_room import EngineRoom, engine_room

if TYPE_CHECKING:
    from publisher.models import Newsletter

AHEAD_S = 5.0
WITHIN, PEAK_MB = 0.2, 150
# Of a hundred thousand old rows, so many came to an end other than `sent`.
ENDS = {"failed": 1200, "uncertain": 40, "suppressed": 900, "cancelled": 60}


def main() -> int:
    """Run it; the exit code says whether the promise holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--old", type=int, default=5_000_000, help="deliveries of earlier issues in the table")
    wanted = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}", flush=True)
    with fast_sink(every=1000) as sink:
        settings = {"OPSLAG_SMTP_URL": sink.url}
        with engine_room("postgresql", start=False, **settings) as room:
            return measure(room, wanted)


def measure(room: EngineRoom, wanted: argparse.Namespace) -> int:
    """Fill the table, send to the few, send to the many."""
    from tests.audience_factory import own_newsletter
    from tests.bench import meter
    from tests.bench.crowd import crowd

    few, many = own_newsletter("Lokalnyt"), own_newsletter("Kulturnyt")
    crowd(few, wanted.small)
    crowd(many, wanted.large)
    old = earlier_issues(many, wanted.old)
    print(f"{old} old deliveries, load {os.getloadavg()[0]:.1f}", flush=True)
    room.revive()
    room.wait_until_ready()
    small_s, small_good = sent(room, few, wanted.small)
    large_s, large_good = sent(room, many, wanted.large)
    each_ms = [1000 * small_s / wanted.small, 1000 * large_s / wanted.large]
    marginal_ms = 1000 * (large_s - small_s) / (wanted.large - wanted.small)
    figures = {
        "cpu_ms_100k": round(each_ms[0], 4),
        "cpu_ms_1m": round(each_ms[1], 4),
        "marginal_cpu_ms": round(marginal_ms, 4),
        "ratio": round(marginal_ms / each_ms[0], 3),
        "small": wanted.small,
        "large": wanted.large,
        "old_deliveries": old,
        "worker_peak_mb": meter.lane_peak_mb(room),
        "all_sent": small_good and large_good,
        "load": round(os.getloadavg()[0], 1),
    }
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):20} {value}")
    print(json.dumps(figures), flush=True)
    kept = figures["ratio"] <= 1 + WITHIN and figures["worker_peak_mb"] < PEAK_MB
    return 0 if kept and small_good and large_good else 1


def sent(room: EngineRoom, to: Newsletter, number: int) -> tuple[float, bool]:
    """Send an issue: seconds of processor time from its approval to its end, and whether everybody got it."""
    from django.utils import timezone

    from tests.bench import meter
    from tests.bench.crowd import issue

    before = meter.read(room)
    message = issue(to, timezone.now() + timedelta(seconds=AHEAD_S))
    meter.wait_until_over(message, patience_s=3600)
    spent = meter.read(room).since(before)
    reached = message.deliveries.filter(status="sent").count()
    print(f"{to.name}: {message.status}, {reached} sent, {spent.ours_s:.1f} + {spent.database_s:.1f} s", flush=True)
    return spent.total_s, reached == number and message.status == "finished"


def earlier_issues(of: Newsletter, number: int) -> int:
    """Finished messages with deliveries to the newsletter's people, `number` in all; made by the database itself."""
    from django.db import connection
    from django.utils import timezone

    from publisher.models import DeliveryCount, Message
    from tests.audience_factory import mail

    made, week = 0, timedelta(weeks=1)
    while made < number:
        message, at = mail(of), timezone.now() - week * (1 + made // 1_000_000)
        with connection.cursor() as cursor:
            cursor.execute(_OLD, [*_bounds(), message.pk, at, at, at, of.pk, number - made])
            rows = cursor.rowcount
            cursor.execute(
                "SELECT status, COUNT(*) FROM publisher_delivery WHERE message_id = %s GROUP BY status", [message.pk]
            )
            counts = [DeliveryCount(message=message, status=status, count=count) for status, count in cursor.fetchall()]
        DeliveryCount.objects.bulk_create(counts)
        times = {"frozen_at": at, "started_at": at, "finished_at": at, "scheduled_at": at}
        # All of its line is claimed.
        times |= {"claimed_due_at": at + timedelta(seconds=1)}
        Message.objects.filter(pk=message.pk).update(status="finished", frozen_count=rows, **times)
        made += rows
        if not rows:
            raise ValueError("there is nobody to whom earlier issues could have gone")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) publisher_delivery")
    return made


def _bounds() -> list[int]:
    """The upper bounds of each of ENDS, added up."""
    found: list[int] = []
    for number in ENDS.values():
        found.append((found[-1] if found else 0) + number)
    return found


_CASES = " ".join(f"WHEN n %% 100000 < %s THEN '{status}'" for status in ENDS)
_OLD = f"""
INSERT INTO publisher_delivery (message_id, subscriber_id, subscription_id, domain, status, reason, attempts, strikes,
       due_at, last_error, reply_code, first_started_at, sent_at)
SELECT message, subscriber_id, id, domain, status, CASE status WHEN 'sent' THEN '' ELSE 'refused' END, 1, 0, at, '{{}}',
       250, started, CASE status WHEN 'sent' THEN done END
FROM (SELECT CASE {_CASES} ELSE 'sent' END AS status, * FROM (
    SELECT %s::bigint AS message, s.subscriber_id, s.id, p.domain, s.id AS n, %s::timestamptz AS at,
           %s::timestamptz AS started, %s::timestamptz AS done
    FROM publisher_subscription s JOIN publisher_subscriber p ON p.id = s.subscriber_id
    WHERE s.newsletter_id = %s ORDER BY s.id LIMIT %s) people) old
"""


if __name__ == "__main__":
    sys.exit(main())
