"""Denmark's public holidays, against dates that are known."""

from __future__ import annotations

from datetime import date

import pytest

from publisher.schedule.holidays import easter_sunday, holidays, is_holiday


@pytest.mark.parametrize(
    "easter",
    ["1943-04-25", "2008-03-23", "2023-04-09", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25",
     "2285-03-22"],
)  # fmt: skip
def test_easter(easter: str) -> None:
    """The earliest and the latest that there can be among them."""
    assert easter_sunday(int(easter[:4])) == date.fromisoformat(easter)


def test_the_holidays_of_2027() -> None:
    assert [day.isoformat() for day in holidays(2027)] == [
        "2027-01-01", "2027-03-25", "2027-03-26", "2027-03-28", "2027-03-29", "2027-05-06", "2027-05-16", "2027-05-17",
        "2027-12-25", "2027-12-26",
    ]  # fmt: skip


def test_store_bededag_was_one_until_2023() -> None:
    assert is_holiday(date(2023, 5, 5))
    assert not is_holiday(date(2024, 4, 26))


def test_what_is_off_without_being_a_holiday() -> None:
    assert not any(is_holiday(date(2027, *day)) for day in ((6, 5), (12, 24), (12, 31), (11, 28)))
