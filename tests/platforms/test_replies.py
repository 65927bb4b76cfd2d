"""How a platform's answer becomes our words: what it said, and how long it wants us to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.http import Reply
from publisher.platforms.replies import (
    LONGEST_WAIT_S,
    MESSAGE_LENGTH,
    identity_of,
    platform_message,
    public_url,
    wait_s,
)


def reply(body: bytes | str = b"", status: int = 422, **headers: str) -> Reply:
    content = body.encode() if isinstance(body, str) else body
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Reply(status, named, content, "https://m.example.org/api")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": "Validation failed: Text can\'t be blank"}', "Validation failed: Text can't be blank"),
        ('{"error": "invalid_grant", "error_description": "Too old"}', "invalid_grant: Too old"),
        ('{"message": "Nej"}', "Nej"),
        ('{"error": {"deep": 1}}', '{"error": {"deep": 1}}'),
        ("Status is too long", "Status is too long"),
        ("<html><style>p{}</style><h1>404</h1>\n<p>Not&nbsp;found &amp; gone</p>", "404 Not found & gone"),
        ("", "HTTP 422"),
        (b"\xff\xfe\x00", "��"),
        ("[]", "[]"),
    ],
)
def test_what_the_platform_said(body: bytes | str, message: str) -> None:
    assert platform_message(reply(body)) == message


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=600))
def test_any_answer_becomes_one_short_printable_line(body: bytes) -> None:
    message = platform_message(reply(body))
    assert 0 < len(message) <= MESSAGE_LENGTH
    assert message.isprintable()


def test_a_long_answer_is_cut() -> None:
    assert platform_message(reply(json.dumps({"error": "x" * 5000}))).endswith("x…")


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_the_reset_of_mastodon_is_a_moment() -> None:
    assert wait_s(reply(X_RateLimit_Reset=in_seconds(200))) == pytest.approx(200, abs=20)
    assert wait_s(reply(X_RateLimit_Reset=in_seconds(-5))) == 1
    assert wait_s(reply(X_RateLimit_Reset=in_seconds(90_000))) == LONGEST_WAIT_S


def test_other_ways_to_say_it() -> None:
    later = datetime.now(UTC) + timedelta(seconds=200)
    assert wait_s(reply(X_RateLimit_Reset=str(int(later.timestamp())))) == pytest.approx(200, abs=20)
    assert wait_s(reply(Retry_After="120", X_RateLimit_Reset=in_seconds(9))) == 120


@pytest.mark.parametrize("value", ["", "soon", "99999999999999999999", "2026-13-45"])
def test_nonsense_is_no_wait(value: str) -> None:
    assert wait_s(reply(X_RateLimit_Reset=value)) is None


def test_only_web_addresses_become_links() -> None:
    assert public_url("javascript:alert(1)", None, 7, "https://m.example.org/1") == "https://m.example.org/1"
    assert public_url("data:text/html,x", "//m.example.org") == ""


@pytest.mark.parametrize(("value", "identity"), [("01H", "01H"), (12, "12"), (None, ""), (True, ""), ([], "")])
def test_ids_are_strings(value: object, identity: str) -> None:
    assert identity_of({"id": value}) == identity
