"""Polling a feed: politely, sparingly, and with a clear word for everything that can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from publisher import http
from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.sources import SOURCES
from publisher.sources.contract import Poll
from publisher.sources.feed import ACCEPT, FeedConfig, FeedSource
from tests.http.loopback import Site, Visit, packed_zeros, site

URL = "https://havnby.example.org/feed.xml"
MOVED = "https://nyt.havnby.example.org/feed.xml"
RSS = {"Content-Type": "application/rss+xml; charset=utf-8"}


def feed(*titles: str, channel: str = "") -> bytes:
    items = "".join(f"<item><title>{title}</title><guid>{title}</guid></item>" for title in titles)
    return f'<rss version="2.0"><channel><title>Havnby</title>{channel}{items}</channel></rss>'.encode()


class Web:
    """The web as one test arranges it: answers by address, and what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, httpx.Response | Callable[[httpx.Request], httpx.Response]] = {}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[str(request.url)]
        return answer(request) if callable(answer) else answer

    def serve(self, body: bytes, url: str = URL, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[url] = lambda _: httpx.Response(200, content=body, headers=RSS | named)

    def say(self, status: int, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[URL] = lambda _: httpx.Response(status, headers=named)


@pytest.fixture
def web() -> Iterator[Web]:
    here = Web()
    with http.use_transport(httpx.MockTransport(here)):
        yield here


def poll(state: Any = None, url: str = URL) -> Poll:
    result = FeedSource().poll(FeedConfig(url), state or {})
    # As the Source row keeps it: JSON there and back.
    return replace(result, state=json.loads(json.dumps(dict(result.state))))


def failure(url: str = URL, state: Any = None) -> OpslagError:
    with pytest.raises(OpslagError) as failed:
        FeedSource().poll(FeedConfig(url), state or {})
    assert "%(" not in str(failed.value)
    return failed.value


def titles(result: Poll) -> list[str]:
    return [candidate.title for candidate in result.candidates]


def test_the_registry_offers_it() -> None:
    assert isinstance(SOURCES["feed"], FeedSource)
    assert SOURCES["feed"].config_class is FeedConfig
    assert str(SOURCES["feed"].label)


def test_a_first_poll_reads_everything(web: Web) -> None:
    web.serve(feed("Ny bro", "Ny sti", channel="<ttl>30</ttl>"))
    result = poll()
    assert titles(result) == ["Ny bro", "Ny sti"]
    assert (result.title, result.min_interval_s, result.unchanged, result.gone) == ("Havnby", 1800, False, False)
    assert web.asked[0].headers["accept"] == ACCEPT
    assert "if-none-match" not in web.asked[0].headers


def test_an_empty_channel_is_a_feed_without_news(web: Web) -> None:
    web.serve(feed())
    assert (poll().candidates, poll().title) == ((), "Havnby")


def test_validators_come_back_verbatim(web: Web) -> None:
    web.serve(feed("Ny bro"), ETag='W/"1"', Last_Modified="Thu, 26 Nov 2026 07:00:00 GMT")
    poll(poll().state)
    assert web.asked[1].headers["if-none-match"] == 'W/"1"'
    assert web.asked[1].headers["if-modified-since"] == "Thu, 26 Nov 2026 07:00:00 GMT"


def test_a_validator_that_could_not_be_sent_is_not_kept(web: Web) -> None:
    web.answers[URL] = lambda _: httpx.Response(
        200, content=feed("Ny bro"), headers=[(b"ETag", b'"\xe6"'), (b"Last-Modified", b"i" * 5000)]
    )
    assert poll(poll().state).unchanged
    assert "if-none-match" not in web.asked[1].headers
    assert "if-modified-since" not in web.asked[1].headers


def test_304_is_unchanged_and_keeps_what_was_known(web: Web) -> None:
    web.serve(feed("Ny bro", channel="<ttl>60</ttl>"), ETag='"1"')
    first = poll()
    web.say(304, Cache_Control="max-age=7200")
    second = poll(first.state)
    assert (second.unchanged, second.candidates, second.min_interval_s) == (True, (), 7200)
    web.say(304)
    third = poll(second.state)
    assert (third.unchanged, third.min_interval_s) == (True, 3600)
    assert web.asked[-1].headers["if-none-match"] == '"1"'


def test_a_renewed_validator_is_taken_from_a_304(web: Web) -> None:
    web.serve(feed("Ny bro"), ETag='"1"')
    first = poll()
    web.say(304, ETag='"2"')
    poll(poll(first.state).state)
    assert web.asked[-1].headers["if-none-match"] == '"2"'


def test_304_to_an_unconditional_request_is_no_answer(web: Web) -> None:
    web.say(304)
    assert isinstance(failure(), PermanentError)


def test_the_same_bytes_are_not_read_again(web: Web) -> None:
    web.serve(feed("Ny bro", channel="<ttl>60</ttl>"))
    first = poll()
    second = poll(first.state)
    assert (second.unchanged, second.candidates, second.min_interval_s) == (True, (), 3600)
    web.serve(feed("Ny bro", "Ny sti"))
    third = poll(second.state)
    assert (third.unchanged, titles(third), third.min_interval_s) == (False, ["Ny bro", "Ny sti"], 0)


def test_another_address_starts_from_nothing(web: Web) -> None:
    other = "https://andenby.example.org/feed.xml"
    web.serve(feed("Ny bro"), ETag='"1"')
    web.serve(feed("Ny bro"), url=other)
    first = poll()
    assert titles(poll(first.state, url=other)) == ["Ny bro"]
    assert "if-none-match" not in web.asked[-1].headers


@pytest.mark.parametrize(
    ("cache", "channel", "seconds"),
    [
        ("", "", 0),
        ("no-cache", "", 0),
        ("max-age=60", "", 900),
        ("public, max-age=3600", "", 3600),
        ("max-age=999999999", "", 86_400),
        ("s-maxage=5000", "", 0),
        ("max-age=3600", "<ttl>120</ttl>", 7200),
        ("", "<ttl>1</ttl>", 900),
        ("", "<ttl>99999999999999999999</ttl>", 86_400),
    ],
)
def test_the_pause_stays_between_a_quarter_of_an_hour_and_a_day(
    web: Web, cache: str, channel: str, seconds: int
) -> None:
    web.serve(feed(channel=channel), Cache_Control=cache)
    assert poll().min_interval_s == seconds


def move(web: Web, status: int = 301, to: str = MOVED) -> None:
    web.answers[URL] = lambda _: httpx.Response(status, headers={"Location": to})
    web.serve(feed("Ny bro"), url=to, ETag='"flyttet"')


def test_a_permanent_move_is_believed_the_third_time(web: Web) -> None:
    move(web)
    state: Any = {}
    for _ in range(3):
        assert state.get("url", URL) == URL
        state = poll(state).state
    assert (state["url"], state["old_url"]) == (MOVED, URL)
    web.asked.clear()
    assert poll(state).unchanged
    assert [str(request.url) for request in web.asked] == [MOVED]
    assert web.asked[0].headers["if-none-match"] == '"flyttet"'


def test_validators_of_another_address_are_not_sent(web: Web) -> None:
    move(web, status=302)
    state = poll(poll().state).state
    assert all("if-none-match" not in request.headers for request in web.asked)
    assert (state["url"], state["moved_seen"]) == (URL, 0)


def test_a_move_that_is_taken_back_or_changes_is_counted_anew(web: Web) -> None:
    move(web)
    state = poll(poll().state).state
    web.serve(feed("Ny sti"))
    state = poll(state).state
    assert state["moved_seen"] == 0
    move(web)
    state = poll(poll(state).state).state
    move(web, to="https://tredje.example.org/feed.xml")
    state = poll(state).state
    assert (state["url"], state["moved_seen"]) == (URL, 1)


def test_a_new_address_from_staff_replaces_a_believed_move(web: Web) -> None:
    move(web)
    state: Any = {}
    for _ in range(3):
        state = poll(state).state
    other = "https://andenby.example.org/feed.xml"
    web.serve(feed("Ny hal"), url=other)
    result = poll(state, url=other)
    assert titles(result) == ["Ny hal"]
    assert result.state["url"] == other


def test_gone_is_gone(web: Web) -> None:
    web.say(410)
    assert poll({"configured": URL, "url": URL, "etag": '"1"'}).gone


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, PermanentError, "no_access"),
        (401, PermanentError, "no_access"),
        (403, PermanentError, "no_access"),
        (404, TransientError, "not_found"),
        (408, TransientError, "server_fault"),
        (429, TransientError, "busy"),
        (451, PermanentError, "no_access"),
        (500, TransientError, "server_fault"),
        (502, TransientError, "server_fault"),
        (503, TransientError, "busy"),
    ],
)
def test_every_refusal_has_its_word(web: Web, status: int, kind: type[OpslagError], reason: str) -> None:
    web.say(status)
    error = failure()
    assert isinstance(error, kind)
    assert (error.reason, error.explanation.params) == (reason, {"status": str(status)})


@pytest.mark.parametrize(("status", "value", "seconds"), [(429, "120", 120), (503, "1", 60), (404, "7200", 7200)])
def test_a_named_time_to_wait_is_passed_on(web: Web, status: int, value: str, seconds: int) -> None:
    web.say(status, Retry_After=value)
    error = failure()
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


def test_state_of_an_older_version_does_no_harm(web: Web) -> None:
    web.serve(feed("Ny bro"))
    assert titles(poll({"configured": URL, "url": URL, "forgotten": 1})) == ["Ny bro"]
    assert titles(poll({"etag": '"1"'})) == ["Ny bro"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/feed.xml",
        "http://2130706433/feed.xml",
        "http://bruger@havnby.example.org/",
        "havnby.example.org",
    ],
)
def test_a_forbidden_address_is_refused(url: str) -> None:
    assert isinstance(failure(url), PermanentError)


@pytest.fixture
def server(settings: Any) -> Iterator[Site]:
    with site() as here:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        yield here


def test_a_real_server_end_to_end(server: Site) -> None:
    def page(visit: Visit) -> None:
        if visit.headers["if-none-match"] == '"1"':
            return visit.answer(304)
        return visit.answer(body=feed("Ny bro"), Content_Type="application/rss+xml", ETag='"1"')

    server.pages["/feed.xml"] = page
    first = poll(url=server.url("/feed.xml"))
    second = poll(first.state, url=server.url("/feed.xml"))
    assert titles(first) == ["Ny bro"]
    assert second.unchanged


def test_a_packed_bomb_and_fifty_megabytes_are_refused(server: Site) -> None:
    def fifty_megabytes(visit: Visit) -> None:
        visit.send_response(200)
        visit.end_headers()
        visit.wfile.write(b"<?xml version='1.0'?><rss version='2.0'><channel>")
        for _ in range(50):
            visit.wfile.write(b"<item><title>x</title></item>" * 34_000)

    server.pages["/bomb"] = lambda visit: visit.answer(body=packed_zeros(50), Content_Encoding="gzip")
    server.pages["/large"] = fifty_megabytes
    assert failure(server.url("/bomb")).reason == failure(server.url("/large")).reason == "too_large"


def test_a_redirect_into_a_private_network_is_refused(server: Site) -> None:
    server.pages["/feed.xml"] = lambda visit: visit.answer(301, Location="http://169.254.169.254/latest/meta-data/")
    assert failure(server.url("/feed.xml")).reason == "forbidden_address"
