"""`opslag beat`: the clock that wakes the workers once a second. Run exactly one."""

from __future__ import annotations

import argparse

from publisher.operate import services


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: what it wakes, and how often, stands in tasks/schedule.py."""


def run(arguments: argparse.Namespace) -> int:
    """Become Celery's beat."""
    services.become(services.beat_command())
    return 0
