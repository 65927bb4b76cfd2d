"""Servers that misbehave on the wire; each gets a visit (tests.http.loopback) and does its worst."""

from __future__ import annotations

from collections.abc import Callable

from tests.http.loopback import Visit, drip
from tests.sources.hostile.answers import item, rss


def _drips_a_body(visit: Visit) -> None:
    visit.send_response(200)
    visit.send_header("Content-Length", "100000")
    visit.end_headers()
    drip(visit, b" ", every_s=0.2, times=500)


def _drips_headers(visit: Visit) -> None:
    visit.send_response(200)
    visit.flush_headers()
    drip(visit, b"X-Drip: 1\r\n", every_s=0.2, times=500)


def _says_nothing(visit: Visit) -> None:
    visit.site.over.wait(60)


def _goes_in_circles(visit: Visit) -> None:
    visit.answer(302, Location=visit.path + "x")


def _to(location: str) -> Callable[[Visit], None]:
    return lambda visit: visit.answer(301, Location=location)


def _breaks_off(visit: Visit) -> None:
    body = rss(item()).encode()
    visit.send_response(200)
    visit.send_header("Content-Length", str(len(body) * 2))
    visit.end_headers()
    visit.wfile.write(body)
    visit.close_connection = True


def _never_ends(visit: Visit) -> None:
    visit.send_response(200)
    visit.end_headers()
    for _ in range(50):
        visit.wfile.write(rss(item()).encode() * 4_000)


def _sends_headers_without_end(visit: Visit) -> None:
    visit.send_response(200)
    for number in range(20_000):
        visit.send_header(f"X-{number}", "x" * 100)
    visit.end_headers()


def _is_no_web_server(visit: Visit) -> None:
    visit.wfile.write(b"220 mail.example.org ESMTP\r\n\r\n")
    visit.close_connection = True


PAGES: dict[str, Callable[[Visit], None]] = {
    "drips_a_body": _drips_a_body,
    "drips_headers": _drips_headers,
    "says_nothing": _says_nothing,
    "goes_in_circles": _goes_in_circles,
    "sends_us_to_ourselves": _to("http://127.0.0.1/"),
    "sends_us_to_the_cloud": _to("http://169.254.169.254/latest/meta-data/"),
    "sends_us_to_a_number": _to("http://2130706433/"),
    "sends_us_to_ipv6": _to("http://[::ffff:127.0.0.1]/"),
    "sends_us_to_a_file": _to("file:///etc/passwd"),
    "sends_us_to_nonsense": _to("http://[::1"),
    "breaks_off": _breaks_off,
    "never_ends": _never_ends,
    "headers_without_end": _sends_headers_without_end,
    "is_no_web_server": _is_no_web_server,
}
