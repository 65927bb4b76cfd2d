"""What a process that will be forked has in memory, and what it must not have."""

from __future__ import annotations

import json
import os

from tests.snippets import output_of

SCRIPT = """
import gc, json, sys, threading
import django
django.setup()
from django.db import connections
from publisher.operate.celery_process import import_everything
from celery.app.utils import find_app
import_everything()
known = set(sys.modules)
app = find_app("tasks.celery")
app.Worker(pool_cls="prefork", concurrency=1, queues="bulk", without_mingle=True)
print(json.dumps({
    "late": sorted(set(sys.modules) - known),
    "declared": "pycparser.c_parser" in known,
    "tasks": sorted(name for name in app.tasks if name.startswith("tasks.")),
    "threads": threading.active_count(),
    "connected": [each.alias for each in connections.all() if each.connection is not None],
    "collects": gc.isenabled(),
    "frozen": gc.get_freeze_count(),
}))
"""


def test_what_is_forked_has_everything_imported_and_nothing_opened() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "publisher.settings"}
    found = json.loads(output_of(SCRIPT, environment))
    # What is imported or read later is so in every worker anew.
    assert not [name for name in found["late"] if name.split(".")[0] in {"publisher", "tasks", "pycparser", "redis"}]
    assert found["declared"]
    assert "tasks.deliver.run_lane" in found["tasks"]
    assert (found["threads"], found["connected"], found["collects"]) == (1, [], True)
    assert found["frozen"] > 100_000
