"""Bounces as servers write them: each file says in its name what it is and whose move it is."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from publisher.track.inbound.reading import read
from publisher.track.inbound.sorting import sort

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.eml"))


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 40


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_it_is_what_its_name_says(path: Path) -> None:
    _name, kind, bounce = path.stem.split(".")
    reports = sort(read(path.read_bytes())).reports
    if kind == "none":
        assert reports == []
        return
    assert [str(report.kind) for report in reports] == [kind]
    assert str(reports[0].bounce or "none") == bounce


HUGE = 20_000_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        b"Subject: Undelivered\r\n\r\n" + b"x" * HUGE,
        b"Subject: Undelivered\r\n" + b"X-A: b\r\n" * 1_000_000,
        b"From: mailer-daemon@example.net\r\nSubject: Undelivered\r\n\r\n" + b"<a@b.dk>: 550\r\n" * 1_000_000,
        b"From: mailer-daemon@example.net\r\nSubject: Undelivered\r\n\r\n" + b"\r\n" * 5_000_000,
        b"Content-Type: text/html\r\nSubject: Undelivered\r\n\r\n" + b"<" * 1_000_000 + b"<style>" * 100_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 500_000,
        b"Subject: =?utf-8?q?" + b"=41" * 100_000 + b"?=\r\n\r\nx",
        b"Subject: " + b"=?utf-8?b?QQ==?= " * 50_000 + b"\r\n\r\nx",
        b"From: " + b"<" * 100_000 + b"a@b" + b",(" * 100_000 + b"\r\nTo: " + b'"a' * 100_000 + b"\r\n\r\nx",
        "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(2000)).encode()
        + b"\r\n" * 50_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 3000,
        b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 100_000,
        b"Content-Type: text/plain; charset=" + b"x" * 100_000 + b"\r\n\r\n\xff",
    ],
    ids=range(15),
)
def test_nothing_hostile_takes_long_or_much(raw: bytes) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        sort(read(raw))
        took = time.process_time() - began
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < 6, "with the tracing of memory, which makes it three times as slow"
    assert peak < 50_000_000
