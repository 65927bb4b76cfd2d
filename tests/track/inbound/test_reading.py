"""Whatever stands in a mail, it can be read and sorted: random bytes, and real ones with parts torn out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.track.inbound.reading import ReadMail, read
from publisher.track.inbound.sorting import Sorted, sort
from publisher.track.inbound.words import EXCERPT, own_words

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


@pytest.mark.parametrize(
    "odd", [b"=?utf-8?q?A=00B?=", b"=?unicode_escape?q?A=5Cud800B?=", b"A\0B", b"=?utf-8?q?A=ED=A0=80B?="]
)
@pytest.mark.parametrize("charset", [b"utf-8", b"unicode_escape", b"utf-7", b"x-unknown"])
def test_all_that_is_read_can_be_stored(odd: bytes, charset: bytes) -> None:
    head = b"Subject: " + odd + b"\nFrom: " + odd + b" <a@example.org>\nContent-Type: text/plain; charset=" + charset
    mail = read(head + b"\nContent-Transfer-Encoding: quoted-printable\n\nafmeld =00 =5Cud800 +2AA- \xed\xa0\x80\n")
    for text in (*mail.fields.values(), *mail.texts):
        assert "\0" not in text and text.encode("utf-8").decode() == text
    assert "A" in mail.subject and "afmeld" in mail.text


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
