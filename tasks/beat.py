"""Beat: `python -m tasks.beat`. It only sends the names of tasks, so it starts without their code and our models."""

from __future__ import annotations

import importlib
import os
import sys

from celery import Celery
from django.core.exceptions import ImproperlyConfigured


def main() -> int:
    """Send what is due until a signal ends it. A wrong setting ends it at once, with its sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "publisher.settings")
    try:
        # Only now: it reads the settings.
        schedule = importlib.import_module("tasks.schedule")
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # Celery's own support for Django would load everything.
    app = Celery("opslag-beat", broker=schedule.BROKER, fixups=[])
    app.conf.update(schedule.CONFIGURATION)
    # What is due stands in the database: beat remembers nothing, so it needs no file.
    app.Beat(scheduler_cls="celery.beat:Scheduler", loglevel=schedule.LOG_LEVEL).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
