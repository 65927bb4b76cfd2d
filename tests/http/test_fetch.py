"""`fetch`: redirects, limits on time and size, one client per process, and every failure in words."""

from __future__ import annotations

import gzip
import os
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from publisher import http
from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.http import FetchLimits, fetch
from tests.http.loopback import Site, Visit, closed_port, drip, packed_zeros, site


def redirect(status: int, location: str) -> Callable[[Visit], None]:
    return lambda visit: visit.answer(status, Location=location)


def page(body: bytes, **headers: str) -> Callable[[Visit], None]:
    return lambda visit: visit.answer(body=body, **headers)


def failure(url: str, **limits: Any) -> OpslagError:
    with pytest.raises(OpslagError) as failed:
        fetch(url, limits=FetchLimits(**limits))
    assert "%(" not in str(failed.value)
    return failed.value


@pytest.mark.parametrize("status", [200, 304, 404, 410, 429, 500])
def test_any_status_is_an_answer(server: Site, status: int) -> None:
    server.pages["/"] = lambda visit: visit.answer(status, X_Word="yes")
    reply = fetch(server.url("/"))
    assert (reply.status, reply.headers["x-word"], reply.url, reply.permanent_url) == (
        status,
        "yes",
        server.url("/"),
        "",
    )


def test_we_say_who_we_are_and_keep_no_cookies(server: Site, settings: Any) -> None:
    server.pages["/"] = lambda visit: visit.answer(Set_Cookie="who=someone")
    fetch(server.url("/"), headers={"Accept": "image/*"})
    fetch(server.url("/"))
    assert server.asked[0].headers["user-agent"] == settings.USER_AGENT
    assert server.asked[0].headers["accept"] == "image/*"
    assert "cookie" not in server.asked[1].headers


def test_connections_are_kept_and_proxies_of_the_environment_ignored(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    server.pages["/"] = page(b"news")
    fetch(server.url("/"))
    fetch(server.url("/"))
    assert len({asked.client_port for asked in server.asked}) == 1


def test_a_forked_process_makes_connections_of_its_own(server: Site) -> None:
    server.pages["/"] = page(b"news")
    fetch(server.url("/"))
    child = os.fork()
    if child == 0:
        fetch(server.url("/"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    fetch(server.url("/"))
    parent, forked, parent_again = (asked.client_port for asked in server.asked)
    assert parent == parent_again != forked


def test_redirects_are_followed_and_the_last_address_told(server: Site) -> None:
    server.pages |= {"/a": redirect(302, "/b/"), "/b/": redirect(307, "c?x=1"), "/b/c": page(b"here")}
    reply = fetch(server.url("/a"))
    assert (reply.body, reply.url, reply.permanent_url) == (b"here", server.url("/b/c?x=1"), "")


@pytest.mark.parametrize(
    ("first", "second", "permanent"), [(301, 308, True), (308, 301, True), (301, 302, False), (303, 301, False)]
)
def test_a_move_is_permanent_if_every_hop_is(server: Site, first: int, second: int, permanent: bool) -> None:
    server.pages |= {"/a": redirect(first, "/b"), "/b": redirect(second, "/c"), "/c": page(b"here")}
    assert fetch(server.url("/a")).permanent_url == (server.url("/c") if permanent else "")


def test_a_redirect_without_an_address_is_the_answer(server: Site) -> None:
    server.pages["/"] = lambda visit: visit.answer(301)
    assert fetch(server.url("/")).status == 301


def test_a_circle_of_redirects_ends(server: Site) -> None:
    server.pages |= {"/a": redirect(302, "/b"), "/b": redirect(302, "/a")}
    assert failure(server.url("/a")).reason == "too_many_redirects"
    assert len(server.asked) == 6


def test_five_redirects_are_followed(server: Site) -> None:
    server.pages |= {f"/{n}": redirect(302, f"/{n + 1}") for n in range(5)} | {"/5": page(b"here")}
    assert fetch(server.url("/0")).body == b"here"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.1/", "forbidden_address"),
        ("http://169.254.169.254/latest/meta-data/", "forbidden_address"),
        ("http://2130706433/", "forbidden_address"),
        ("//user@www.example.org/", "forbidden_address"),
        ("http://www.example.org:22/", "forbidden_address"),
        ("file:///etc/passwd", "bad_address"),
        ("gopher://www.example.org/", "bad_address"),
    ],
)
def test_a_redirect_into_a_private_network_is_refused(server: Site, location: str, reason: str) -> None:
    server.pages["/"] = redirect(301, location)
    error = failure(server.url("/"))
    assert isinstance(error, PermanentError)
    assert error.reason == reason


def test_headers_meant_for_one_server_do_not_reach_another(server: Site, settings: Any) -> None:
    with site() as other:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({server.target, other.target})
        server.pages |= {"/a": redirect(302, "/b"), "/b": redirect(302, other.url("/c"))}
        other.pages["/c"] = page(b"here")
        fetch(server.url("/a"), headers={"Authorization": "Bearer x", "If-None-Match": '"1"', "Accept": "image/*"})
        first, second, third = *server.asked, *other.asked
    assert first.headers["if-none-match"] == '"1"'
    assert "if-none-match" not in second.headers
    assert second.headers["authorization"] == "Bearer x"
    assert "authorization" not in third.headers
    assert third.headers["accept"] == "image/*"


def test_packed_answers_are_unpacked(server: Site) -> None:
    server.pages |= {
        "/gzip": page(gzip.compress(b"news" * 100), Content_Encoding="gzip"),
        "/deflate": page(zlib.compress(b"news" * 100), Content_Encoding="deflate"),
        "/nothing": lambda visit: visit.answer(304, Content_Encoding="gzip"),
    }
    assert fetch(server.url("/gzip")).body == fetch(server.url("/deflate")).body == b"news" * 100
    assert fetch(server.url("/nothing")).body == b""
    assert server.asked[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", b"not packed"), ("br", b"x"), ("gzip, gzip", gzip.compress(packed_zeros(1)))],
    ids=["not packed", "unknown", "packed twice"],
)
def test_what_cannot_be_unpacked_safely_is_refused(server: Site, encoding: str, body: bytes) -> None:
    server.pages["/"] = page(body, Content_Encoding=encoding)
    assert failure(server.url("/")).reason == "unreadable_answer"


def test_a_packed_bomb_is_stopped_while_it_unpacks(server: Site) -> None:
    server.pages["/"] = page(packed_zeros(60), Content_Encoding="gzip")
    tracemalloc.start()
    error = failure(server.url("/"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, PermanentError)
    assert error.reason == "too_large"
    assert most < 30_000_000


def test_an_endless_answer_is_cut_off(server: Site) -> None:
    sent = []

    def endless(visit: Visit) -> None:
        visit.send_response(200)
        visit.end_headers()
        while len(sent) < 50:
            visit.wfile.write(bytes(1_000_000))
            sent.append(1)

    server.pages["/"] = endless
    assert failure(server.url("/")).reason == "too_large"
    assert len(sent) < 50


def test_an_answer_of_exactly_the_allowed_size_is_taken(server: Site) -> None:
    server.pages["/"] = page(bytes(1000))
    assert len(fetch(server.url("/"), limits=FetchLimits(max_bytes=1000)).body) == 1000
    assert failure(server.url("/"), max_bytes=999).reason == "too_large"


def slow_body(visit: Visit) -> None:
    visit.send_response(200)
    visit.send_header("Content-Length", "100")
    visit.end_headers()
    drip(visit, b".")


def slow_headers(visit: Visit) -> None:
    visit.send_response(200)
    visit.flush_headers()
    drip(visit, b"X-Drip: 1\r\n")


def silent(visit: Visit) -> None:
    visit.site.over.wait(5)


@pytest.mark.parametrize("dripping", [slow_body, slow_headers, silent])
def test_dripping_does_not_outwit_the_time_limit(server: Site, dripping: Callable[[Visit], None]) -> None:
    server.pages["/"] = dripping
    error = failure(server.url("/"), total_s=0.3)
    assert isinstance(error, TransientError)
    assert "slowly" in error.explanation.msgid


def test_the_time_limit_is_for_all_hops_together(server: Site) -> None:
    def later(visit: Visit) -> None:
        visit.site.over.wait(0.15)
        visit.answer(302, Location="/")

    server.pages["/"] = later
    assert "slowly" in failure(server.url("/"), total_s=0.4).explanation.msgid


def test_a_slow_transport_is_held_to_the_limit_too() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.01)
            yield b"."

    with http.use_transport(httpx.MockTransport(lambda _: httpx.Response(200, content=chunks()))):
        error = failure("https://www.example.org/", total_s=0.1)
    assert isinstance(error, TransientError)


def test_nobody_listening_is_worth_another_try(settings: Any) -> None:
    target = f"127.0.0.1:{closed_port()}"
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({target})
    error = failure(f"http://{target}/")
    assert isinstance(error, TransientError)
    assert error.reason == "connection"


def hang_up(visit: Visit) -> None:
    visit.close_connection = True
    visit.connection.close()


def break_off(visit: Visit) -> None:
    visit.send_response(200)
    visit.send_header("Content-Length", "1000")
    visit.end_headers()
    visit.wfile.write(b"half")
    visit.close_connection = True


def nonsense(visit: Visit) -> None:
    visit.wfile.write(b"220 mail.example.org ESMTP\r\n\r\n")
    visit.close_connection = True


@pytest.mark.parametrize("broken", [hang_up, break_off, nonsense])
def test_a_broken_connection_is_worth_another_try(server: Site, broken: Callable[[Visit], None]) -> None:
    server.pages["/"] = broken
    assert isinstance(failure(server.url("/")), TransientError)


def test_headers_that_cannot_be_sent_are_told(server: Site) -> None:
    for value in ("æ", "a\nb"):
        with pytest.raises(PermanentError) as refused:
            fetch(server.url("/"), headers={"X-Token": value})
        assert refused.value.reason == "bad_request"
    assert server.asked == []
