"""The short versions of `make chaos` and `make chaos-social`: real workers killed; the other side is the witness."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.system


def figures_of(scene: str, *options: str) -> dict[str, Any]:
    """Run it, and read its last line; its own verdict must be good."""
    command = [sys.executable, "-m", f"tests.chaos.{scene}", *options]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=400, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost_and_nothing_goes_twice_whatever_is_killed(database: str) -> None:
    small = ["--recipients", "1000", "--kills", "4", "--stops", "0", "--database-restarts", "1", "--seed", "7"]
    small += ["--broker-restarts", "1", "--broker-away-s", "2", "--faults", "0.01", "--stall-s", "5"]
    figures = figures_of("kill_workers", "--database", database, *small)
    assert (figures["lost"], figures["sent_twice"], figures["uncertain_unexplained"]) == (0, 0, 0)
    assert sum(figures["by_status"].values()) == 1000 and figures["uncertain"] <= figures["uncertain_bound"]


def test_a_lane_that_stood_still_past_its_lease_starts_nothing_more() -> None:
    figures = figures_of("zombie")
    assert figures["started_before"] > 0 and figures["sent_by_another_meanwhile"] > 0
    assert (figures["started_after"], figures["sent_twice"]) == (0, 0)


def test_the_children_of_a_killed_worker_do_no_harm() -> None:
    figures = figures_of("orphans")
    assert figures["orphans"] > 0 and figures["uncertain"] <= figures["uncertain_bound"]
    assert (figures["orphans_left"], figures["sent_twice"], figures["status"]) == (0, 0, "finished")


def test_workers_that_share_what_was_imported_live_and_die_like_others() -> None:
    figures = figures_of("together")
    assert figures["came_back"] and figures["forks_ended"] and figures["finished"]
    assert (figures["lanes_left"], figures["sent_twice"], figures["left"], figures["exit_code"]) == (0, 0, 0, 0)


def test_no_post_is_public_twice_whatever_its_platform_does_and_whoever_is_killed() -> None:
    small = ["--posts", "20", "--over-s", "3", "--kills", "1", "--stops", "0", "--lateness-posts", "0", "--seed", "7"]
    figures = figures_of("social", "--database", "sqlite", *small, "--slow-s", "1.5", "--still-s", "4")
    assert (figures["public_twice"], figures["lost"], figures["uncertain_unexplained"]) == (0, 0, 0)
    assert figures["posts"] == figures["published"] + figures["failed"] + figures["uncertain"] == 20
    assert figures["published"] > 10 and figures["platform_faults"] and sum(figures["killed"].values()) == 1
