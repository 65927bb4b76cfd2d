"""What is pushed is read strictly, with every fault named by its path; nothing that is sent can do worse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.sources.contract import Event, PictureRef
from publisher.sources.push import FaultsError, Pushed, UnreadableError, read

ZONE = ZoneInfo("Europe/Copenhagen")
WHOLE: dict[str, Any] = {
    "external_id": "42",
    "title": "Sommer\n koncert",
    "lead": "Kom og hør.",
    "body_html": "<p>Kom og hør byens kor.</p>",
    "link": "https://www.example.org/nyheder/42",
    "picture": {"url": "https://www.example.org/kor.jpg", "alt": "Koret", "caption": "Her", "credit": "Bo"},
    "tags": ["Musik", " Musik ", "Kor"],
    "areas": ["Køge"],
    "author": "Anna",
    "published_at": "2026-07-01T08:00",
    "language": "da",
    "event": {"starts_at": "2026-08-01T19:00:00+02:00", "place": "Parken", "price": "50 kr.", "all_day": False},
    "status": "published",
}


def read_json(given: Any) -> list[Pushed]:
    return read(json.dumps(given).encode(), ZONE)


def faults(given: Any) -> dict[str, str]:
    with pytest.raises(FaultsError) as caught:
        read_json(given)
    return {fault.path: fault.words.msgid for fault in caught.value.faults}


def test_a_whole_item() -> None:
    with_time = {**WHOLE, "published_at": "2021-07-01T08:00"}
    (pushed,) = read_json(with_time)
    candidate = pushed.candidate
    assert pushed.status == "published"
    assert (candidate.external_key, candidate.title) == ("42", "Sommer koncert")
    assert candidate.published_at == datetime(2021, 7, 1, 6, 0, tzinfo=UTC), "no zone: the organisation's"
    assert candidate.pictures == (PictureRef(WHOLE["picture"]["url"], "Koret", "Her", "Bo"),)
    assert candidate.tags == ("Musik", "Kor") and candidate.areas == ("Køge",)
    starts = datetime(2026, 8, 1, 17, 0, tzinfo=UTC)
    assert candidate.event == Event(starts, place="Parken", price="50 kr.")


def test_the_least_that_is_an_item_and_a_list_of_them() -> None:
    pushed = read_json([{"external_id": 7, "title": "A"}, {"external_id": "8", "status": "withdrawn"}])
    assert [(each.candidate.external_key, each.status) for each in pushed] == [("7", "published"), ("8", "withdrawn")]


def test_each_fault_has_its_path() -> None:
    given = [
        {"external_id": "1", "title": "A", "titel": "B", "picture": {"alt": "x"}},
        {"external_id": "1", "title": "A", "published_at": "i går", "tags": "Musik", "event": {"starts_at": None}},
        {"title": 5, "link": "javascript:alert(1)", "status": "trashed", "language": "dansk"},
        "nothing",
    ]
    assert set(faults(given)) == {
        "items[0].titel", "items[0].picture.url", "items[1].external_id", "items[1].published_at", "items[1].tags",
        "items[1].event.starts_at", "items[2].external_id", "items[2].title", "items[2].link", "items[2].status",
        "items[2].language", "items[3]", "items[3].external_id", "items[3].title",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"external_id": "x" * 201}, "external_id"),
        ({"external_id": " "}, "external_id"),
        ({"external_id": True}, "external_id"),
        ({"title": "x" * 301}, "title"),
        ({"body_html": "x" * 500_001}, "body_html"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"areas": [["x"]]}, "areas"),
        ({"picture": "https://www.example.org/kor.jpg"}, "picture"),
        ({"event": {"starts_at": "2026-08-01", "ends_at": "2026-07-01"}}, "event.ends_at"),
        ({"event": {"starts_at": "2026-08-01", "status": "maybe"}}, "event.status"),
        ({"event": {"starts_at": "2026-08-01", "all_day": "ja"}}, "event.all_day"),
        ({"link": "https://[broken"}, "link"),
    ],
)
def test_what_does_not_fit(change: dict[str, Any], path: str) -> None:
    assert path in faults({**WHOLE, "published_at": None, **change})


def test_a_time_to_come_is_no_time_of_publishing() -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    assert read_json({**WHOLE, "published_at": soon}), "clocks differ"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert set(faults({**WHOLE, "published_at": later})) == {"published_at"}
    assert read_json({"external_id": "1", "status": "draft", "published_at": later})


def test_too_many_or_none() -> None:
    assert set(faults([])) == {""}
    assert set(faults([{"external_id": str(number), "title": "A"} for number in range(51)])) == {""}
    assert set(faults("text")) == set(faults(None)) == {""}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"external_id": Infinity}'])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(body, ZONE)


def test_characters_that_no_database_takes_are_left_out() -> None:
    (pushed,) = read(b'{"external_id": "a\\u0000b", "title": "\\ud800Kor\\u0007"}', ZONE)
    assert (pushed.candidate.external_key, pushed.candidate.title) == ("ab", "Kor")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*WHOLE, "url", "alt", "starts_at", "ends_at"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_nothing_that_is_sent_gives_anything_but_our_own_errors(value: Any) -> None:
    try:
        pushed = read_json(value)
    except FaultsError as error:
        assert error.faults
        for fault in error.faults:
            assert str(fault.words)
    except UnreadableError as error:
        assert str(error)
    else:
        assert all(each.candidate.external_key for each in pushed)
