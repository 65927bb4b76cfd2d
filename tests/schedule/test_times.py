"""Wall times around the clock changes of Copenhagen: every year on the last Sundays of March and October, 01:00 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import InputError
from publisher.schedule.times import recurring, resolve, wall_of

COPENHAGEN = "Europe/Copenhagen"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "at"),
    [
        ("2026-11-26 08:00", "2026-11-26 07:00"),
        ("2027-07-01 08:00", "2027-07-01 06:00"),
        ("2027-03-28 01:59:59", "2027-03-28 00:59:59"),
        ("2027-03-28 03:00", "2027-03-28 01:00"),
        ("2027-10-31 01:59:59", "2027-10-30 23:59:59"),
        ("2027-10-31 03:00", "2027-10-31 02:00"),
        ("2028-03-26 03:00", "2028-03-26 01:00"),
        ("2028-02-29 12:00", "2028-02-29 11:00"),
    ],
)
def test_an_ordinary_time_has_one_meaning_and_no_note(wall: str, at: str) -> None:
    resolved = resolve(datetime.fromisoformat(wall), COPENHAGEN)
    assert (resolved.at, resolved.note) == (utc(at), None)
    assert resolved.at.tzinfo == UTC


@pytest.mark.parametrize("day", ["2026-03-29", "2027-03-28", "2028-03-26"])
@pytest.mark.parametrize("minute", [0, 30, 59])
def test_a_skipped_time_is_refused_with_one_on_either_side(day: str, minute: int) -> None:
    with translation.override("en"), pytest.raises(InputError) as caught:
        resolve(datetime.fromisoformat(f"{day} 02:{minute:02}"), COPENHAGEN)
    words = caught.value.explanation.params
    assert words == {"before": f"01:{minute:02}", "wall": f"02:{minute:02}", "after": f"03:{minute:02}"}


def test_the_suggestions_are_written_as_the_reader_writes_times() -> None:
    with translation.override("da"), pytest.raises(InputError) as caught:
        resolve(datetime(2027, 3, 28, 2, 30), COPENHAGEN)
    assert "01.30" in str(caught.value) and "03.30" in str(caught.value)


@pytest.mark.parametrize(
    ("wall", "at"),
    [
        ("2026-10-25 02:00", "2026-10-25 00:00"),
        ("2027-10-31 02:30", "2027-10-31 00:30"),
        ("2028-10-29 02:59", "2028-10-29 00:59"),
    ],
)
def test_of_two_the_first_is_taken_and_said(wall: str, at: str) -> None:
    resolved = resolve(datetime.fromisoformat(wall), COPENHAGEN)
    assert resolved.at == utc(at)
    assert resolved.note is not None and "%" not in str(resolved.note)
    assert wall_of(resolved.at + timedelta(hours=1), COPENHAGEN) == wall_of(resolved.at, COPENHAGEN)


@pytest.mark.parametrize(
    ("wall", "at"),
    [
        ("2027-03-28 02:30", "2027-03-28 01:30"),
        ("2027-10-31 02:30", "2027-10-31 00:30"),
        ("2027-06-01 02:30", "2027-06-01 00:30"),
    ],
)
def test_a_repeated_time_moves_forward_by_the_gap_and_comes_once(wall: str, at: str) -> None:
    assert recurring(datetime.fromisoformat(wall), COPENHAGEN) == utc(at)


def test_moved_forward_is_what_the_clock_then_shows() -> None:
    assert wall_of(recurring(datetime(2027, 3, 28, 2, 30), COPENHAGEN), COPENHAGEN) == datetime(2027, 3, 28, 3, 30)


def test_half_hour_gaps_elsewhere() -> None:
    with translation.override("en"), pytest.raises(InputError) as caught:
        resolve(datetime(2027, 10, 3, 2, 15), "Australia/Lord_Howe")
    assert caught.value.explanation.params["after"] == "02:45"


def test_a_label_on_the_wall_time_means_nothing() -> None:
    """Stored wall times are labelled UTC."""
    assert resolve(datetime(2027, 7, 1, 8, tzinfo=UTC), COPENHAGEN).at == utc("2027-07-01 06:00")


@pytest.mark.parametrize("zone", ["", "Europe/Kobenhavn", "../etc/passwd", "/etc/passwd", "Europe", "CET\0"])
def test_an_unknown_zone_is_refused_in_words(zone: str) -> None:
    with pytest.raises(InputError):
        resolve(datetime(2027, 7, 1, 8), zone)


@pytest.mark.parametrize("wall", [datetime.min, datetime.max])
def test_the_end_of_time_is_refused_in_words(wall: datetime) -> None:
    with pytest.raises(InputError):
        resolve(wall, "Asia/Tokyo")
        resolve(wall, "America/New_York")


@settings(max_examples=100)
@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.sampled_from([COPENHAGEN, "America/New_York", "UTC"])
)
def test_what_is_resolved_is_what_the_clock_shows(wall: datetime, zone: str) -> None:
    try:
        resolved = resolve(wall, zone)
    except InputError:
        assert recurring(wall, zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None) > wall
        return
    assert wall_of(resolved.at, zone) == wall
    assert resolved.at == recurring(wall, zone)
