"""Fixtures of the HTTP tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.loopback import Site, site


@pytest.fixture
def server(settings: Any) -> Iterator[Site]:
    """A loopback server that the address guard lets through."""
    with site() as here:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        yield here
