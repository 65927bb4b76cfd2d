"""`send`: one call, and the truth about whether it may have happened. With it `json_of` and `retry_after`."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import time_machine

from publisher import http
from publisher.errors import OpslagError, PermanentError, TransientError, UncertainError
from publisher.http import FetchLimits, Reply, json_of, retry_after, send
from tests.http.loopback import Site, Visit, closed_port
from tests.http.test_fetch import break_off, hang_up, slow_body, slow_headers


def reply(body: bytes = b"", status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, httpx.Headers(named), body, "https://social.example.org/api")


def too_large(visit: Visit) -> None:
    visit.answer(body=bytes(2000))


def unreadable(visit: Visit) -> None:
    visit.answer(body=b"not packed", Content_Encoding="gzip")


LOST: dict[str, Callable[[Visit], None]] = {
    "hang up": hang_up,
    "break off": break_off,
    "slow body": slow_body,
    "slow headers": slow_headers,
    "too large": too_large,
    "unreadable": unreadable,
}
SHORT = FetchLimits(total_s=0.4, max_bytes=1000)


def failure(method: str, url: str, **call: Any) -> OpslagError:
    with pytest.raises(OpslagError) as failed:
        send(method, url, **call)
    assert "%(" not in str(failed.value)
    return failed.value


def test_a_call_arrives_as_it_was_meant(server: Site) -> None:
    server.pages["/post"] = lambda visit: visit.answer(201, b'{"id": "1"}')
    answer = send(
        "POST", server.url("/post"), headers={"Idempotency-Key": "k"}, params={"v": "1"}, json={"text": "Åben dag"}
    )
    asked = server.asked[0]
    assert (answer.status, json_of(answer)) == (201, {"id": "1"})
    assert (asked.method, asked.path, asked.headers["idempotency-key"]) == ("POST", "/post?v=1", "k")
    assert asked.body.decode() == '{"text":"Åben dag"}'


def test_files_and_forms_arrive(server: Site) -> None:
    server.pages["/media"] = lambda visit: visit.answer(202)
    send("POST", server.url("/media"), data={"alt": "En bro"}, files={"file": ("bro.png", b"\x89PNG", "image/png")})
    send("PUT", server.url("/media"), content=b"raw")
    assert b"En bro" in server.asked[0].body
    assert b"\x89PNG" in server.asked[0].body
    assert (server.asked[1].method, server.asked[1].body) == ("PUT", b"raw")


def test_a_redirect_is_returned_and_not_followed(server: Site) -> None:
    server.pages["/a"] = lambda visit: visit.answer(307, Location="/b")
    assert send("POST", server.url("/a"), commit=True).status == 307
    assert [asked.path for asked in server.asked] == ["/a"]


@pytest.mark.parametrize("status", [200, 401, 422, 500, 503])
def test_any_whole_answer_is_returned_even_to_a_commit(server: Site, status: int) -> None:
    server.pages["/"] = lambda visit: visit.answer(status)
    assert send("POST", server.url("/"), commit=True).status == status


@pytest.mark.parametrize("way", LOST)
def test_a_commit_whose_answer_is_lost_is_uncertain(server: Site, way: str) -> None:
    server.pages["/"] = LOST[way]
    error = failure("POST", server.url("/"), commit=True, limits=SHORT)
    assert isinstance(error, UncertainError)
    assert error.reason == "answer_lost"
    assert len(server.asked) == 1


@pytest.mark.parametrize("way", LOST)
def test_another_call_whose_answer_is_lost_may_be_repeated_or_given_up(server: Site, way: str) -> None:
    server.pages["/"] = LOST[way]
    error = failure("POST", server.url("/"), limits=SHORT)
    assert isinstance(error, PermanentError if way in {"too large", "unreadable"} else TransientError)


def test_a_commit_that_surely_did_not_leave_is_not_uncertain(settings: Any) -> None:
    nobody = f"127.0.0.1:{closed_port()}"
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({nobody})
    assert isinstance(failure("POST", f"http://{nobody}/", commit=True), TransientError)
    assert isinstance(failure("POST", "https://nowhere.invalid/", commit=True), TransientError)
    assert isinstance(failure("POST", "http://2130706433/", commit=True), PermanentError)
    assert isinstance(failure("POST", "http://127.0.0.1/", commit=True), PermanentError)
    assert isinstance(failure("POST", "nonsense", commit=True), PermanentError)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectTimeout, TransientError),
        (httpx.PoolTimeout, TransientError),
        (httpx.ConnectError, TransientError),
        (httpx.WriteTimeout, UncertainError),
        (httpx.WriteError, UncertainError),
        (httpx.ReadTimeout, UncertainError),
        (httpx.ReadError, UncertainError),
        (httpx.RemoteProtocolError, UncertainError),
    ],
)
def test_how_far_a_commit_came_decides(raised: type[httpx.RequestError], expected: type[OpslagError]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise raised("broken", request=request)

    with http.use_transport(httpx.MockTransport(fail)):
        assert isinstance(failure("POST", "https://social.example.org/", commit=True), expected)


def test_a_commit_does_not_use_a_connection_that_may_just_be_closing(server: Site) -> None:
    server.pages["/"] = lambda visit: visit.answer()
    send("POST", server.url("/"), commit=True)
    send("POST", server.url("/"), commit=True)
    assert len({asked.client_port for asked in server.asked}) == 2


def test_a_token_that_cannot_be_sent_is_told_before_anything_leaves(server: Site) -> None:
    error = failure("POST", server.url("/"), commit=True, headers={"Authorization": "Bearer a\nb"})
    assert isinstance(error, PermanentError)
    assert server.asked == []


@pytest.mark.parametrize("body", [b"", b"<html>secret</html>", b"[" * 200_000, b"\xff\xfe\x00", b"{'a': 1}"])
def test_an_answer_that_is_not_json_is_not_quoted(body: bytes) -> None:
    with pytest.raises(PermanentError) as unreadable:
        json_of(reply(body))
    assert unreadable.value.reason == "unreadable_answer"
    assert "secret" not in str(unreadable.value)
    assert "social.example.org" in str(unreadable.value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("5", 60),
        ("-5", None),
        ("999999999999999", 86_400),
        ("Thu, 26 Nov 2026 08:30:00 GMT", 1800),
        ("Thu, 26 Nov 2026 09:30:00 +0100", 1800),
        ("Thu, 26 Nov 2020 08:00:00 GMT", 60),
        ("Thu, 26 Nov 99999999999999999999 08:00:00 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
@time_machine.travel(datetime.datetime(2026, 11, 26, 8, tzinfo=datetime.UTC), tick=False)
def test_the_time_to_wait_is_read_and_kept_within_reason(value: str, seconds: float | None) -> None:
    assert retry_after(reply(retry_after=value)) == seconds
