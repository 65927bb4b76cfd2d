"""The `opslag` command: `python -m publisher`. There is no manage.py."""

import gc
import importlib
import os
import signal
import sys

import django
from django.core.exceptions import ImproperlyConfigured


def main() -> int:
    """Set Django up, then hand over to the command. A wrong setting ends here, with its sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "publisher.settings")
    if sys.argv[1:] == ["beat"]:
        # The one that needs none of what follows.
        os.execv(sys.executable, [sys.executable, "-m", "tasks.beat"])  # noqa: S606 -- no shell wanted
    # While nothing has begun, Ctrl-C ends this process without a traceback.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Nothing of what is imported is garbage; looking for some took a fifth of the start.
    gc.disable()
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # Only now: our modules need the settings.
    commands = importlib.import_module("publisher.cli")
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, interrupted)
    return int(commands.main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
