"""Python in a process of its own, for what depends on how a process begins."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def output_of(script: str, environment: Mapping[str, str]) -> str:
    """What the script prints under this environment; it must end well within a minute."""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return ended.stdout
