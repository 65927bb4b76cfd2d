"""Feeds that mean harm, or were made without care: each is what a server answers, built by code when it is asked for.

`ANSWERS` are answers as bytes and headers; `PAGES` are servers that misbehave on the wire (tests.http.loopback).
"""

from __future__ import annotations

from tests.sources.hostile.answers import ANSWERS, Answer
from tests.sources.hostile.wire import PAGES

__all__ = ["ANSWERS", "PAGES", "Answer"]
