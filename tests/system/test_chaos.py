"""The short version of `make chaos`: real workers killed in mid-send; the mail server's log is the witness."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.system
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost_and_nothing_goes_twice_whatever_is_killed(database: str) -> None:
    command = [sys.executable, "-m", "tests.chaos.kill_workers", "--database", database]
    small = ["--recipients", "1600", "--kills", "4", "--stops", "0", "--database-restarts", "1", "--seed", "7"]
    small += ["--broker-restarts", "1", "--broker-away-s", "2", "--faults", "0.01", "--stall-s", "5"]
    ended = subprocess.run([*command, *small], cwd=REPOSITORY, capture_output=True, text=True, timeout=400, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    figures = json.loads(ended.stdout.splitlines()[-1])
    assert (figures["lost"], figures["sent_twice"], figures["uncertain_unexplained"]) == (0, 0, 0)
    assert sum(figures["by_status"].values()) == 1600 and figures["uncertain"] <= figures["uncertain_bound"]
