"""What the tests of items share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation

from tests.items.by_hand import hand

__all__ = ["english", "hand"]


@pytest.fixture
def english() -> Iterator[None]:
    """Words as an English reader sees them."""
    with translation.override("en"):
        yield
