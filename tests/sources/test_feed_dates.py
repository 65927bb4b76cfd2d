"""Dates as websites write them."""

from __future__ import annotations

from datetime import UTC, datetime

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.sources.feed_dates import moment

AT_THREE = datetime(2026, 11, 26, 14, 16, tzinfo=UTC)


def read(written: str) -> datetime | None:
    found = moment(written, feedparser.datetimes._parse_date(written))
    return found.astimezone(UTC) if found else None


@pytest.mark.parametrize(
    "written",
    [
        "Thu, 26 Nov 2026 15:16:00 +0100",
        "Thu, 26 Nov 2026 14:16:00 GMT",
        "Thu, 26 Nov 2026 14:16:00 Z",
        "Thu, 26 Nov 2026 15:16:00 GMT+01:00",
        "Thu, 26 Nov 2026 15:16:00 CET",
        "Thu, 26 Nov 2026 16:16:00 CEST",
        "Thu, 26 Nov 2026 15:16:00 MET",
        "Thu, 26 Nov 2026 09:16:00 EST",
        "Thu, 26 Nov 2026 15:16:00",
        "Thu Nov 26 15:16:00 2026",
        "2026-11-26T15:16:00+01:00",
        "2026-11-26T15:16:00+0100",
        "2026-11-26T14:16:00Z",
        "2026-11-26T15:16:00.000",
        "2026-11-26T15:16",
        "2026-11-26 15:16:00",
        "26-11-2026 15:16",
        "26-11-2026 15:16:00",
        "26.11.2026 kl. 15.16",
        "26. november 2026 kl. 15.16",
        "torsdag den 26. november 2026 kl. 15.16",
        "torsdag d. 26. nov. 2026 15:16",
        "tor, 26 nov 2026 15:16:00 +0100",
        "tors. 26 Nov 2026 15:16:00 +01:00",
    ],
)
def test_one_instant_in_many_ways(written: str) -> None:
    assert read(written) == AT_THREE


@pytest.mark.parametrize("written", ["2026-11-26", "26-11-2026", "26. nov. 2026", "Thu, 26 Nov 2026"])
def test_a_day_begins_when_ours_does(written: str) -> None:
    assert read(written) == datetime(2026, 11, 25, 23, tzinfo=UTC)


def test_summer_is_an_hour_ahead_of_winter() -> None:
    assert read("fredag den 1. maj 2026 kl. 10.00") == datetime(2026, 5, 1, 8, tzinfo=UTC)
    assert read("2026-10-01T10:00:00") == datetime(2026, 10, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "i går",
        "snart",
        "32. november 2026",
        "26. nonsens 2026",
        "99-99-2026",
        "kl. 15.16",
        "9" * 5_000,
        "26" * 500,
    ],
)
def test_what_names_no_instant(written: str) -> None:
    assert read(written) is None


@given(st.text(alphabet="0123456789-:.+ TZapkldenovmbr,/", max_size=40), st.booleans())
def test_no_text_makes_it_fail(written: str, with_parsed: bool) -> None:
    parsed = feedparser.datetimes._parse_date(written) if with_parsed and len(written) < 30 else None
    found = moment(written, parsed)
    assert found is None or found.tzinfo
