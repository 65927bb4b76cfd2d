"""Dates and numbers as people write them, in Danish and in English."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone, translation

from publisher.templatetags.dates import date_long, date_short, day_long, number

EIGHT = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today():
    timezone.deactivate()
    with time_machine.travel(datetime(2026, 11, 23, tzinfo=UTC), tick=False):
        yield


@pytest.mark.parametrize(
    ("language", "short", "long"),
    [
        ("da", "tor. 26. nov. 08.00", "torsdag den 26. november kl. 08.00"),
        ("en", "Thu 26 Nov 08:00", "Thursday 26 November at 08:00"),
    ],
)
def test_short_in_tables_and_long_in_sentences(language: str, short: str, long: str) -> None:
    with translation.override(language):
        assert (date_short(EIGHT), date_long(EIGHT)) == (short, long)


def test_another_year_is_named() -> None:
    with translation.override("da"):
        assert date_long(EIGHT.replace(year=2027)) == "fredag den 26. november 2027 kl. 08.00"


def test_the_year_is_that_of_the_readers_clock() -> None:
    with translation.override("da"):
        assert date_short(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == "fre. 1. jan. 2027 00.30"


def test_the_zone_is_named_only_where_it_could_be_doubted() -> None:
    with translation.override("da"):
        assert date_short(EIGHT, "Europe/Oslo") == "tor. 26. nov. 08.00"
        assert date_short(EIGHT, "Atlantic/Faroe") == "tor. 26. nov. 07.00 (Atlantic/Faroe)"


def test_days_without_a_time() -> None:
    with translation.override("da"):
        assert day_long(date(2026, 5, 1)) == "fredag den 1. maj"


def test_machines_can_read_it_too() -> None:
    with translation.override("da"):
        page = Template("{% load dates %}{% when at 'long' %}{% when none %}").render(
            Context({"at": EIGHT, "none": None})
        )
    assert page == ('<time datetime="2026-11-26T07:00:00+00:00">torsdag den 26. november kl. 08.00</time>')


@pytest.mark.parametrize(("language", "written"), [("da", "4\N{NO-BREAK SPACE}180"), ("en", "4,180")])
def test_numbers_in_groups(language: str, written: str) -> None:
    with translation.override(language):
        assert number(4180) == written
        assert (number(7), number(None)) == ("7", "–")
