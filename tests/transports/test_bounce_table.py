"""Whose move it is: the table of status codes, the words where codes say nothing, and that nothing hangs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import AccountError, PermanentError, TransientError
from publisher.transports.bounce_table import classify, status_in
from publisher.transports.smtp_replies import refusal_of_recipient
from publisher.vocabulary import BounceClass

C = BounceClass


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        ("5.1.1", "", C.HARD),
        ("4.1.1", "", C.SOFT),
        ("5.1.2", "", C.NO_ROUTE),
        ("5.1.10", "", C.NO_ROUTE),
        ("5.4.4", "", C.NO_ROUTE),
        ("5.1.3", "", C.HARD),
        ("5.1.7", "", C.OUR_FAULT),
        ("5.1.8", "", C.OUR_FAULT),
        ("5.2.1", "", C.DISABLED),
        ("4.2.1", "", C.SOFT),
        ("5.2.2", "", C.SOFT),
        ("5.2.3", "", C.MESSAGE_FAULT),
        ("5.3.4", "", C.MESSAGE_FAULT),
        ("5.2.4", "", C.SOFT),
        ("4.3.0", "", C.SOFT),
        ("5.4.7", "", C.SOFT),
        ("5.5.2", "", C.OUR_FAULT),
        ("5.6.1", "", C.MESSAGE_FAULT),
        ("5.7.1", "", C.BLOCKED),
        ("5.7.1", "550 5.7.1 User unknown", C.HARD),
        ("5.7.1", "spam message rejected", C.BLOCKED),
        ("5.7.26", "", C.OUR_FAULT),
        ("4.7.26", "", C.OUR_FAULT),
        ("5.7.515", "", C.OUR_FAULT),
        ("5.7.13", "", C.HARD),
        ("5.7.28", "", C.SOFT),
        ("", "550 5.1.1 no such user", C.HARD),
        ("", "550 Brugeren findes ikke", C.HARD),
        ("", "552 Postkassen er fuld", C.SOFT),
        ("", "452 mailbox unavailable", C.SOFT),
        ("", "550 nej tak", C.UNKNOWN),
        ("", "", C.UNKNOWN),
        ("5.0.0", "", C.UNKNOWN),
        ("5.9.9", "", C.UNKNOWN),
    ],
)
def test_the_table(status: str, text: str, expected: BounceClass) -> None:
    assert classify(status, text) == expected


@given(st.text(max_size=3000))
def test_any_text_has_a_class_and_soon(text: str) -> None:
    began = time.process_time()
    assert isinstance(classify("", text), BounceClass)
    assert time.process_time() - began < 1


def test_an_address_of_a_machine_is_no_status() -> None:
    assert status_in("host 192.5.1.1.example and 10.5.1.1[5.1.1.7]") == ""
    assert status_in("mx [192.0.2.10] said 550 5.1.1 unknown") == "5.1.1"


@pytest.mark.parametrize(
    ("code", "text", "expected", "reason"),
    [
        (550, b"5.1.1 unknown", PermanentError, "refused"),
        (550, b"5.7.26 unauthenticated", AccountError, "account"),
        (552, b"5.3.4 too large", PermanentError, "content_refused"),
        (501, b"5.5.2 syntax error in this one address", PermanentError, "refused"),
        (550, b"5.7.1 Sender domain does not exist", PermanentError, "refused"),
        (450, b"4.7.26 unauthenticated", TransientError, "busy"),
    ],
)
def test_one_refused_recipient_holds_the_message_only_where_the_code_speaks_of_us(
    code: int, text: bytes, expected: type[Exception], reason: str
) -> None:
    error = refusal_of_recipient(code, text)
    assert type(error) is expected and error.reason == reason


@pytest.mark.parametrize("day", ["5.11.26", "4.12.26", "den 5.7.26 kl. 10", "fra 5.1.26 til 4.2.26", "uge 30 (5.7.26)"])
def test_a_day_is_no_status(day: str) -> None:
    assert status_in(f"Vi ses {day}") == ""
    assert classify("", f"Vi ses {day}") == C.UNKNOWN


@pytest.mark.parametrize(
    "said",
    [
        "5.1.1 unknown",
        "Hej\n  5.1.1 <anna@example.org> unknown",
        "550 5.1.1 unknown",
        "550-5.1.1 unknown",
        "550 (5.1.1) unknown",
        "550 #5.1.1 unknown",
        "<mx.example.org #5.1.1 smtp;550 unknown>",
        "Status: 5.1.1",
        "status code 5.1.1",
        "smtp;5.1.1 unknown",
        "Fejl: 5.1.1",
        "Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound'",
    ],
)
def test_a_status_is_known_by_where_it_stands(said: str) -> None:
    assert status_in(said) == "5.1.1"
