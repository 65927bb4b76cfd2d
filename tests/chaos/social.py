"""Publish to every platform while these misbehave and our own processes are killed; then count what everybody sees.

    python -m tests.chaos.social [--posts 1000] [--kills 22] [--faults 0.2] [--database sqlite] [--seed 7] …

The platforms are the contract servers (tests/contract) on loopback. A fifth of the calls that publish or bring a
picture meets a fault: an answer that takes too long, a connection lost before or after the post was made, errors before
and after it, a throttle with its reset, a token that ran out or was taken back (a person connects that channel again),
a slow picture. Meanwhile workers, beat, web server and broker are killed, the database restarts, and a worker stands
still for longer than its claim.

Exit 1 unless each public call of each post is public once at most, counted on the platforms; every post is published,
failed or unconfirmed; the platforms show what the rows call published and nothing that they call unpublished; each
unconfirmed one has its evidence (what was asked, when, and what came of it) and is none that reading back would have
found; and the harm was done that was asked for. Before it, unless `--lateness-posts 0`, lateness is measured without
any harm (tests.bench.lateness). Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.bench.lateness import PLANNING_S, TARGET_S, lateness, publishing_room, ready
from tests.chaos.platforms_served import Platforms, platforms_served
from tests.chaos.social_harm import SocialHarm
from tests.engine_room import EngineRoom

if TYPE_CHECKING:
    from tests.chaos.channels import Channels
    from tests.chaos.planned_posts import Planned

# Nothing has come to its end for so long: what is left waits for a lease or for a pause to end.
STILL_S = 12.0
# After so many times of that it is given up.
TIMES = 10
# Longer than a claim on a post (deliver.post.COMMIT_LEASE, UPLOAD_LEASE).
STANDS_S = 130.0
# They have begun by then.
STOPS_AFTER_S = 3.0


def main() -> int:
    """Run it; the exit code is the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--over-s", type=float, default=150.0, help="the time over which they fall due")
    parser.add_argument("--faults", type=float, default=0.2, help="share of calls that meet a fault of the platform")
    parser.add_argument("--slow-s", type=float, default=12.0, help="a slow answer takes so long; our patience is 10 s")
    parser.add_argument("--kills", type=int, default=22)
    parser.add_argument("--stops", type=int, default=2, help="workers that stand still for longer than their claim")
    parser.add_argument("--database-restarts", type=int, default=2, help="kill -9 and recovery; none on SQLite")
    parser.add_argument("--lateness-posts", type=int, default=200)
    parser.add_argument(
        "--still-s", type=float, default=STILL_S, help="without progress, until claims of the dead are ended"
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    wanted = parser.parse_args()
    if wanted.database == "sqlite":
        wanted.database_restarts = 0
    print(f"seed {wanted.seed}, {wanted.posts} posts on {wanted.database}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}", flush=True)
    with (
        platforms_served(wanted.seed, wanted.slow_s) as platforms,
        publishing_room(wanted.database, platforms) as room,
    ):
        return Run(room, platforms, wanted).result()


class Run:
    """One run: its room, its platforms and what was asked for."""

    def __init__(self, room: EngineRoom, platforms: Platforms, wanted: argparse.Namespace) -> None:
        self.room, self.platforms, self.wanted = room, platforms, wanted
        self.harm = SocialHarm(room, wanted.seed)

    def result(self) -> int:
        """Measure lateness, do the harm, reckon; 0 if every promise was kept."""
        from tests.chaos.channels import Channels
        from tests.chaos.planned_posts import new_organisation

        began_s = time.monotonic()
        ready(self.room, self.platforms)
        channels = Channels(new_organisation(), self.platforms)
        accounts = [account for account, _served in channels.all()]
        late = {}
        if self.wanted.lateness_posts:
            over_s = self.wanted.lateness_posts * 0.3
            late = lateness(self.platforms, accounts, self.wanted.lateness_posts, over_s)
        before = set(self.platforms.public())
        planned = self._planned(accounts)
        self._harm(planned, channels)
        finished = self._until_all_is_settled(planned, channels)
        self.room.stop()
        return self._verdict(
            planned,
            before,
            finished,
            late | {"reconnected": channels.reconnected, "seconds": round(time.monotonic() - began_s)},
        )

    def _planned(self, accounts: Sequence[Any]) -> list[Planned]:
        from django.utils import timezone

        from tests.chaos.planned_posts import plan_posts

        wanted = self.wanted
        begins = timezone.now() + timedelta(seconds=2 + wanted.posts * PLANNING_S)
        apart = timedelta(seconds=wanted.over_s / wanted.posts)
        # Nobody works before all are planned: a channel that is refused takes no more of them.
        for name in ("beat", "social"):
            self.room.kill(name)
        planned = plan_posts(accounts, range(wanted.posts), lambda place: begins + place * apart)
        self.platforms.luck.share = wanted.faults
        return planned

    def _harm(self, planned: Sequence[Planned], channels: Channels) -> None:
        """Kill evenly over the time in which the posts fall due."""
        kills = self.harm.plan(self.wanted.kills, self.wanted.database_restarts)
        first, last = planned[0].due.timestamp(), planned[-1].due.timestamp()
        self._look_after_until(first + STOPS_AFTER_S, channels)
        for _ in range(self.wanted.stops):
            self.harm.stop_a_worker(STANDS_S)
        asked = len(kills)
        for number in range(asked):
            at = first + (number + 0.5) / asked * (last - first)
            while time.time() < at or (kill := self.harm.next_of(kills)) is None:
                self._look_after(channels)
                time.sleep(0.1)
            kill()
        self._look_after_until(last, channels)
        if self.harm.is_over:
            self.harm.let_leases_end()

    def _look_after_until(self, at: float, channels: Channels) -> None:
        while time.time() < at:
            self._look_after(channels)
            time.sleep(0.1)

    def _look_after(self, channels: Channels) -> None:
        from django.db import Error, close_old_connections

        self.harm.look_after()
        try:
            channels.connect_again()
        except Error:
            # A database that was killed a moment ago.
            close_old_connections()

    def _until_all_is_settled(self, planned: Sequence[Planned], channels: Channels) -> bool:
        """Wait; pauses are cut short, and where nothing moves any more, claims of the dead are."""
        from tests.chaos.social_reckoning import progress

        seen, moved_s, leases_ended = (0, 0), time.monotonic(), 0
        while (now := progress(planned)).ended < len(planned) or not self.harm.is_over:
            if now != seen or not self.harm.is_over:
                seen, moved_s = now, time.monotonic()
            elif time.monotonic() > moved_s + self.wanted.still_s:
                if leases_ended >= TIMES:
                    return False
                leases_ended += 1
                print(f"{now.ended} of {len(planned)} have ended; claims of the dead end", flush=True)
                self.harm.let_leases_end()
                moved_s = time.monotonic()
            self.harm.let_pauses_end()
            self._look_after(channels)
            time.sleep(0.5)
        return True

    def _verdict(self, planned: Sequence[Planned], before: set[str], finished: bool, more: dict[str, Any]) -> int:
        """Print everything, as a table and as JSON; 0 if every promise was kept. `before`: marks that were public."""
        from tests.chaos.social_reckoning import MUST_BE_NOUGHT, against_the_platforms

        wanted = self.wanted
        figures = {
            "seed": wanted.seed,
            "database": wanted.database,
            "finished": finished,
            **against_the_platforms(planned, self.platforms, before),
            "platform_faults": dict(self.platforms.struck()),
            "killed": dict(self.harm.killed),
            "stops_outlasted": self.harm.outlasted,
            **more,
            "load": round(os.getloadavg()[0], 1),
        }
        broken = [name for name in MUST_BE_NOUGHT if figures[name]] + ([] if finished else ["not finished"])
        if self.harm.killed.total() < wanted.kills + wanted.database_restarts - 1:
            broken.append("less was killed than was asked for")
        if self.harm.outlasted < wanted.stops - 1:
            broken.append("nobody stood still for longer than a claim")
        if figures.get("lateness_p99_s", 0) >= TARGET_S or figures.get("lateness_unpublished", 0):
            broken.append("late")
        self._show(figures, broken)
        return 1 if broken else 0

    def _show(self, figures: dict[str, Any], broken: Sequence[str]) -> None:
        for name, value in figures.items():
            shown = ", ".join(f"{key} {number}" for key, number in value.items()) if isinstance(value, dict) else value
            print(f"{name.replace('_', ' '):28} {shown}")
        if broken:
            print(f"BROKEN: {', '.join(broken)}")
            for log in sorted(self.room.logs.glob("*.log")):
                with contextlib.suppress(OSError):
                    print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    sys.exit(main())
