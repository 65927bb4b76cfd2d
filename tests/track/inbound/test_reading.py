"""Whatever stands in a mail, it can be read and sorted: random bytes, and real ones with parts torn out."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.track.inbound.reading import ReadMail, read
from publisher.track.inbound.sorting import EXCERPT, Sorted, own_words, sort

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").glob("*.eml"))]
HEADERS = st.sampled_from(
    [b"Content-Type: ", b"Content-Transfer-Encoding: ", b"From: ", b"Subject: ", b"To: ", b"Return-Path: ", b"MIME-"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(HEADERS, st.binary(max_size=80)), max_size=8), st.binary(max_size=2000))
def test_any_bytes_can_be_read(head: list[tuple[bytes, bytes]], body: bytes) -> None:
    raw = b"".join(name + value + b"\r\n" for name, value in head) + b"\r\n" + body
    mail = read(raw)
    assert isinstance(mail, ReadMail) and isinstance(sort(mail), Sorted)
    assert len(mail.sender()) <= 320


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_torn_and_mixed_up_bounces_can_be_read(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(CORPUS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        end = min(len(raw), at + data.draw(st.integers(0, 400)))
        raw[at:end] = data.draw(st.binary(max_size=30))
    found = sort(read(bytes(raw)))
    assert isinstance(found, Sorted)
    assert all(len(report.recipient) <= 320 for report in found.reports)


@given(st.text())
def test_own_words_are_short(text: str) -> None:
    assert len(own_words(text)) <= EXCERPT
