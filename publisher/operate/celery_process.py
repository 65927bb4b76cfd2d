"""Turning this process into one of Celery's, without importing everything a second time."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from celery.__main__ import main
from django.utils import translation


def become_celery(command: Sequence[str]) -> None:
    """Run a command of `services` (`python -m celery …`) in this process. Ends with SystemExit."""
    # The terminal's language is for what was printed until now.
    translation.deactivate()
    sys.argv = ["celery", *command[command.index("celery") + 1 :]]
    main()
