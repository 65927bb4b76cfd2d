"""A lane on a thread of its own, for tests that do something while it sends."""

from __future__ import annotations

import threading

from django.db import connection

from publisher.deliver.lane import run_lane


def lane_on_a_thread() -> threading.Thread:
    """Start one slice; `join` waits for its end."""

    def run() -> None:
        try:
            run_lane()
        finally:
            connection.close()

    lane = threading.Thread(target=run)
    lane.start()
    return lane
