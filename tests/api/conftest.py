"""Fixtures of the API's tests."""

from __future__ import annotations

from tests.items.by_hand import hand

__all__ = ["hand"]
