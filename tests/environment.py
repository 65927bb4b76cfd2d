"""The first plugin that pytest loads: it chooses the database and a home of its own before Django reads its settings.

`OPSLAG_TEST_DATABASE=postgresql` runs the tests on a real PostgreSQL that this starts; otherwise they use SQLite.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from tests.servers import undisturbed_postgresql


def _choose() -> None:
    if os.environ.get("OPSLAG_TEST_HOME"):
        return
    home = tempfile.mkdtemp(prefix="opslag-test-")
    stack = contextlib.ExitStack()
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    # Where collected files would be; without it each client's first request warns.
    Path(home, "static").mkdir()
    os.environ |= {
        "OPSLAG_TEST_HOME": home,
        "OPSLAG_HOME": home,
        "OPSLAG_SECRET_KEY": "only-for-tests-" + "x" * 40,
        "OPSLAG_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "OPSLAG_ADDRESS_KEY": "only-for-tests",
        "OPSLAG_HOST": "test-host",
        "OPSLAG_BASE_URL": "https://opslag.test",
        "OPSLAG_LOG_LEVEL": "WARNING",
    }
    os.environ.setdefault("OPSLAG_SECURE", "0")
    if os.environ.get("OPSLAG_TEST_DATABASE") == "postgresql":
        os.environ["DATABASE_URL"] = stack.enter_context(undisturbed_postgresql())
    owner = os.getpid()
    atexit.register(lambda: stack.close() if os.getpid() == owner else None)


_choose()
