"""How long it takes to freeze an audience that has made choices, through the product, on PostgreSQL.

    python -m tests.bench.freeze [--subscribers 1000000]

Nine blocks are aimed at areas and five at topics; nearly everybody has chosen an area and a topic. Making the crowd is
not counted; compiling the mail, the rule, the rows, both counts and ANALYZE are. Exit 1 unless the rows are as many as
the choices themselves say. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import timedelta

from tests.engine_room import engine_room


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    wanted = parser.parse_args()
    with engine_room("postgresql", start=False):
        return measure(wanted.subscribers)


def measure(subscribers: int) -> int:
    """Make the crowd, freeze, count."""
    from django.utils import timezone

    from publisher.models import Delivery
    from publisher.schedule import dispatch
    from tests.audience_factory import own_newsletter
    from tests.bench.crowd import aim, choices, crowd, issue

    people = own_newsletter("Kulturnyt")
    crowd(people, subscribers)
    choices(people)
    message = issue(people, timezone.now() + timedelta(minutes=5))
    expected = aim(message)
    began = time.monotonic()
    done = dispatch.prepare(message.pk, timezone.now())
    seconds = time.monotonic() - began
    message.refresh_from_db()
    rows = Delivery.objects.filter(message=message)
    figures = {
        "subscribers": subscribers,
        "freeze_s": round(seconds, 1),
        "frozen": message.frozen_count,
        "rows": rows.count(),
        "to_be_sent": rows.filter(status="pending").count(),
        "expected": expected,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures), flush=True)
    agreed = figures["frozen"] == figures["rows"] and figures["to_be_sent"] == expected
    return 0 if done and agreed else 1


if __name__ == "__main__":
    sys.exit(main())
