"""How late posts go out: from their due instant to the first byte of the call that publishes, by the platform's clock.

    python -m tests.bench.lateness [--posts 200] [--over-s 60] [--database sqlite] [--seed 7]

Real workers, beat and web server, every contract server on loopback; nothing misbehaves. 200 posts fall due evenly over
a minute, and then 200 at one instant. Exit 1 unless all of them were published, once each, and the 99th percentile of
the first is below 2 s. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.chaos.platforms_served import Platforms, platforms_served, wait_until
from tests.contract.meta_fetch import Fetched, over_the_wire
from tests.engine_room import EngineRoom, engine_room

if TYPE_CHECKING:
    from publisher.models import Account

TARGET_S = 2.0
# As docker-compose.yml has them; nothing here is bulk mail.
WORKERS = {"social": "social", "tick": "tick,urgent", "rest": "prepare,collect,track"}
# To plan a post takes us, and to upload what it needs takes the workers, no more than this.
PLANNING_S, LEAD_S = 0.1, 30.0
PATIENCE_S = 120.0


def main() -> int:
    """Run it; the exit code says whether the promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=200)
    parser.add_argument("--over-s", type=float, default=60.0)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--seed", type=int, default=7)
    wanted = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {wanted.posts} posts on {wanted.database}", flush=True)
    with platforms_served(wanted.seed, 1.0) as platforms, publishing_room(wanted.database, platforms) as room:
        from tests.chaos.channels import Channels
        from tests.chaos.planned_posts import new_organisation

        ready(room, platforms)
        accounts = [account for account, _served in Channels(new_organisation(), platforms).all()]
        figures = lateness(platforms, accounts, wanted.posts, wanted.over_s)
    figures["load"] = round(os.getloadavg()[0], 1)
    print(json.dumps(figures), flush=True)
    kept = figures["lateness_p99_s"] < TARGET_S and not figures["lateness_unpublished"]
    return 0 if kept and not figures["lateness_twice"] else 1


def publishing_room(database: str, platforms: Platforms) -> Any:
    """An Opslag, not started yet, that calls `platforms` instead of the real ones."""
    return engine_room(database, start=False, web=True, workers=WORKERS, **platforms.settings())


def ready(room: EngineRoom, platforms: Platforms) -> None:
    """Start everything, and let the platforms that fetch pictures find our web server under its public name."""

    def fetch(url: str) -> Fetched | None:
        return over_the_wire(url.replace("https://opslag.test", f"http://127.0.0.1:{room.web_port}"))

    for each in platforms.all:
        if hasattr(each.server, "fetch"):
            each.server.fetch = fetch
    room.revive()
    room.wait_until_ready()


def lateness(platforms: Platforms, accounts: Sequence[Account], posts: int, over_s: float) -> dict[str, Any]:
    """The figures of both: due evenly over `over_s` seconds, and at one instant. Numbers begin beyond a million."""
    evenly = _late_by(platforms, accounts, range(1_000_000, 1_000_000 + posts), over_s / posts)
    at_once = _late_by(platforms, accounts, range(2_000_000, 2_000_000 + posts), 0.0)
    both = [*evenly, *at_once]
    return {
        **_percentiles("lateness", evenly),
        **_percentiles("lateness_instant", at_once),
        "lateness_posts": posts,
        "lateness_unpublished": sum(late_s is None for late_s in both),
        "lateness_twice": sum(count > 1 for count in platforms.public().values()),
    }


def _late_by(platforms: Platforms, accounts: Sequence[Account], numbers: range, apart_s: float) -> list[float | None]:
    """Seconds that each was late, None for one that did not become public."""
    from django.utils import timezone

    from tests.chaos.planned_posts import plan_posts

    begins = timezone.now() + timedelta(seconds=len(numbers) * PLANNING_S + LEAD_S)
    planned = plan_posts(accounts, numbers, lambda place: begins + timedelta(seconds=place * apart_s), plain=True)
    ahead_s = (begins - timezone.now()).total_seconds()
    print(f"{len(planned)} posts planned, the first is due in {ahead_s:.1f} s", flush=True)
    time.sleep(max(0.0, (planned[-1].due - timezone.now()).total_seconds()))
    wait_until(lambda: all(post.marks[0] in platforms.public() for post in planned), PATIENCE_S)
    first, public = platforms.first_asked(), platforms.public()
    return [first[post.marks[0]] - post.due.timestamp() if post.marks[0] in public else None for post in planned]


def _percentiles(name: str, found: Sequence[float | None]) -> dict[str, float]:
    """The nearest-rank percentiles of what was published."""
    known = sorted(late_s for late_s in found if late_s is not None) or [math.inf]
    ranks = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {f"{name}_{rank}_s": round(known[math.ceil(share * len(known)) - 1], 3) for rank, share in ranks.items()}


if __name__ == "__main__":
    sys.exit(main())
