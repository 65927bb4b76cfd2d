"""The `opslag` command: `python -m publisher`. There is no manage.py."""

import importlib
import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured


def main() -> int:
    """Set Django up, then hand over to the command. A wrong setting ends here, with its sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "publisher.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # Only now: our modules need the settings.
    return int(importlib.import_module("publisher.cli").main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
