"""A worker of its own process that applies rules once: `python -m tests.rules.worker <database>`.

It says “ready”, waits for a line, and answers with the campaigns it made, so that several can begin at one moment.
"""

from __future__ import annotations

import json
import sys

import django
from django.conf import settings


def main(database: str) -> None:
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    from django.utils import timezone

    from publisher.rules.matching import apply_rules

    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(apply_rules(timezone.now())), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
