"""Posting times written as words: what people write is read, what is not clear is refused, what is shown reads back."""

from __future__ import annotations

from datetime import time

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from publisher.accounts.posting_words import read
from publisher.errors import InputError
from publisher.web.posting_times_form import week_words

WORKDAYS, ALL = range(5), range(7)


def at(days: range | list[int], *clocks: str) -> set[tuple[int, time]]:
    return {(day, time.fromisoformat(clock)) for day in days for clock in clocks}


READ = {
    "hverdage 8.15 og 16.30": at(WORKDAYS, "08:15", "16:30"),
    "mandag og torsdag kl. 12": at([0, 3], "12:00"),
    "hver dag 9": at(ALL, "09:00"),
    "Hver mandag, onsdag og fredag kl. 8, 12.30 og 16": at([0, 2, 4], "08:00", "12:30", "16:00"),
    "man-fre 8; lør.–søn. 10.30": at(WORKDAYS, "08:00") | at([5, 6], "10:30"),
    "mandag til og med torsdag 9": at(range(4), "09:00"),
    "lørdag - mandag 9": at([5, 6, 0], "09:00"),
    "om fredagen kl.14": at([4], "14:00"),
    "i weekenden kl. 10": at([5, 6], "10:00"),
    "hver dag undtagen søndag kl. 8": at(range(6), "08:00"),
    "alle hverdage 0815.": at(WORKDAYS, "08:15"),
    "kl. 9 hver dag": at(ALL, "09:00"),
    "weekdays at 8:15 and 4:30 pm": at(WORKDAYS, "08:15", "16:30"),
    "Monday and Thursday at 12": at([0, 3], "12:00"),
    "daily 12am, 12 p.m.": at(ALL, "00:00", "12:00"),
    "Mondays through Wednesdays 9am, Sat 10": at(range(3), "09:00") | at([5], "10:00"),
    "every day except Sunday at 9": at(range(6), "09:00"),
    "9 and 17 on weekdays": at(WORKDAYS, "09:00", "17:00"),
}
UNCLEAR = {
    "": "Write days",
    " , og ": "Write days",
    "mandag": "no time of day",
    "mandag 9, torsdag": "no time of day",
    "8.15": "no days",
    "9 mandag, torsdag 10": "no days",
    "hver dag undtagen hverdage og weekend 9": "no days",
    "hver anden dag 9": "not understood",
    "hverdage halv ni": "not understood",
    "hverdage 8-10": "not understood",
    "mandag til 9": "not understood",
    "mandag -": "not understood",
    "hverdage-lørdag 9": "not understood",
    "mandag 9 undtagen fredag": "not understood",
    "mandag klokken ٣": "not understood",
    "mandag 25.00": "not a time of day",
    "mandag 8.75": "not a time of day",
    "mandag 8,15": "not a time of day",
    "mandag 13 pm": "not a time of day",
    "mandag 123": "not a time of day",
}


@pytest.mark.parametrize("text", READ)
def test_what_people_write_is_read(text: str) -> None:
    assert read(text) == READ[text]


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_is_not_clear_is_refused_and_says_why(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read(text)
    assert UNCLEAR[text] in refused.value.explanation.msgid


@given(st.text(alphabet="mandgtiosreølv 0123456789.,:;-–kl/pm", max_size=60))
def test_whatever_is_typed_is_read_or_refused_in_words(text: str) -> None:
    try:
        found = read(text)
    except InputError as error:
        assert error.explanation.msgid
    else:
        assert found


@given(
    st.frozensets(
        st.tuples(st.integers(0, 6), st.times().map(lambda at: at.replace(second=0, microsecond=0))), min_size=1
    ),
    st.sampled_from(["da", "en"]),
)
def test_what_is_shown_reads_back_as_the_same_times(times: frozenset[tuple[int, time]], language: str) -> None:
    with translation.override(language):
        assert read(week_words(times)) == times
