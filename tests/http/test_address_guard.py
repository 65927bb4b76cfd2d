"""The address guard: whatever a private address is written as, nothing connects to it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import httpcore
import pytest
from hypothesis import given, strategies

from publisher import http
from publisher.address_guard import GuardedBackend, GuardedTransport, check_url, is_public
from publisher.errors import OpslagError, PermanentError, TransientError
from tests.http.loopback import closed_port, self_signed, site

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%2",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "192.0.0.9", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"]


def answering(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: addresses


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0/",
        "http://0.0.0.0/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://127.000.000.001/",
        "http://10.1/",
        "http://LocalHost/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://192.88.99.1/",
        "http://[::]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[ff02::1]/",
    ],
)
def test_every_spelling_of_a_private_address_is_refused(url: str) -> None:
    with pytest.raises(PermanentError) as refused:
        http.fetch(url)
    assert refused.value.reason in {"forbidden_address", "bad_address"}


@pytest.mark.parametrize(
    "url", ["http://user@www.example.org/", "https://user:secret@www.example.org/", "http://@:@h/"]
)
def test_user_names_and_passwords_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(OpslagError) as refused:
        check_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://www.example.org:22/", "http://www.example.org:6379/", "http://h:99999/"])
def test_other_ports_are_refused(url: str) -> None:
    with pytest.raises(PermanentError) as refused:
        check_url(url)
    assert refused.value.reason == "forbidden_address"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "www.example.org",
        "ftp://www.example.org/",
        "file:///etc/passwd",
        "http://",
        "//x",
        "http://[::1",
        "\0",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(PermanentError) as refused:
        check_url(url)
    assert refused.value.reason == "bad_address"


@given(strategies.text(max_size=60).map(lambda text: f"http://{text}"))
def test_no_text_makes_the_check_raise_anything_else(url: str) -> None:
    try:
        assert check_url(url).scheme == "http"
    except PermanentError as error:
        assert str(error)


@pytest.mark.parametrize("addresses", [("10.0.0.7",), ("93.184.216.34", "10.0.0.7"), ("::ffff:169.254.169.254",)])
def test_a_name_with_any_private_address_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(PermanentError) as refused:
        GuardedBackend(answering(*addresses)).connect_tcp("news.example.org", 443, timeout=5)
    assert refused.value.reason == "forbidden_address"


def test_a_name_is_resolved_once_and_its_answer_connected_to(settings: Any) -> None:
    asked = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.7"]

    with site("news.example.org") as here, http.use_transport(GuardedTransport(resolver=rebinding)):
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        here.pages["/"] = lambda visit: visit.answer(body=b"news")
        assert http.fetch(here.url("/")).body == b"news"
        assert asked == [("news.example.org", here.port)]
        assert here.asked[0].headers["host"] == here.target


@pytest.mark.parametrize(
    "url", ["http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://127.0.0.1%2f@x/", "http://127.0.0.1\\@x/"]
)
def test_letters_that_look_like_numbers_lead_nowhere(url: str) -> None:
    with pytest.raises(OpslagError):
        http.fetch(url)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_redirect_to_a_name_in_a_private_network_is_refused(settings: Any, address: str) -> None:
    def resolver(host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"] if host == "news.example.org" else ["93.184.216.34", address]

    with site("news.example.org") as here, http.use_transport(GuardedTransport(resolver=resolver)):
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        here.pages["/"] = lambda visit: visit.answer(301, Location="https://inside.example.org/secret")
        with pytest.raises(PermanentError) as refused:
            http.fetch(here.url("/"))
        assert refused.value.reason == "forbidden_address"
        assert refused.value.explanation.params["host"] == "inside.example.org"


def test_a_name_that_turns_private_from_hop_to_hop_is_refused() -> None:
    asked = []

    def rebinding(_host: str, _port: int) -> Sequence[str]:
        asked.append(1)
        return ["127.0.0.1"]

    backend = GuardedBackend(rebinding)
    for _ in range(2):
        with pytest.raises(PermanentError):
            backend.connect_tcp("rebind.example.org", 443, timeout=5)
    assert len(asked) == 2, "each connection asks anew and believes only its own answer"


def test_an_allowed_target_is_exactly_that_host_and_port(settings: Any) -> None:
    with site() as here:
        here.pages["/"] = lambda visit: visit.answer(body=b"news")
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({f"localhost:{here.port}"})
        assert http.fetch(f"http://LOCALHOST:{here.port}/").body == b"news"
        for other in (here.url("/"), f"http://127.1:{here.port}/", f"http://localhost:{closed_port()}/"):
            with pytest.raises(PermanentError):
                http.fetch(other)


def test_an_allowed_ipv6_target_is_written_with_brackets(settings: Any) -> None:
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({"[::1]:8099"})
    assert check_url("http://[::1]:8099/").port == 8099


def test_the_next_address_is_tried_when_the_first_does_not_answer(settings: Any) -> None:
    with site("news.example.org") as here:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        stream = GuardedBackend(answering("127.0.0.2", "127.0.0.1")).connect_tcp(here.host, here.port, timeout=5)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", here.port)
        stream.close()


def test_an_unknown_name_is_tried_again_later() -> None:
    with pytest.raises(TransientError) as unknown:
        GuardedBackend(answering()).connect_tcp("nowhere.example.org", 443, timeout=5)
    assert "nowhere.example.org" in str(unknown.value)


def test_a_name_server_that_never_answers_is_given_up() -> None:
    over = Event()

    def silent(_host: str, _port: int) -> Sequence[str]:
        over.wait(20)
        return ["93.184.216.34"]

    with pytest.raises(httpcore.ConnectTimeout):
        GuardedBackend(silent).connect_tcp("slow.example.org", 443, timeout=0.05)
    over.set()


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def test_the_certificate_is_checked_against_the_name_not_the_address(settings: Any, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "news.example.org")
    transport = GuardedTransport(resolver=answering("127.0.0.1"), tls=trusting(certificate))
    with site("news.example.org", certificate) as here, http.use_transport(transport):
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        here.pages["/"] = lambda visit: visit.answer(body=b"news")
        assert http.fetch(here.url("/")).body == b"news"


def test_a_certificate_for_another_name_is_refused(settings: Any, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "other.example.org")
    transport = GuardedTransport(resolver=answering("127.0.0.1"), tls=trusting(certificate))
    with site("news.example.org", certificate) as here, http.use_transport(transport):
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        with pytest.raises(TransientError) as refused:
            http.send("POST", here.url("/"), commit=True)
        assert "certificate" in refused.value.explanation.msgid
        assert here.asked == []
