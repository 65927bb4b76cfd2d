"""Whether a receiver gets our pictures is tried before the first post: it is shown one, and says no if it cannot."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from publisher import http
from publisher.errors import AccountError, PermanentError, TransientError
from publisher.platforms.webhook import WebhookConfig, WebhookPlatform
from tests.contract.meta_fetch import Fetched
from tests.contract.webhook import WebhookServer
from tests.contract.wire import in_process
from tests.platforms.test_webhook import ADDRESS, ANOTHER

HERE, URL = "http://127.0.0.1:8390/hook", "https://opslag.example.org/p/signed.jpg"


def drawn(url: str) -> Fetched:
    out = io.BytesIO()
    Image.new("RGB", (60, 60), "#205080").save(out, "JPEG")
    return Fetched(200, "image/jpeg", out.getvalue())


@pytest.fixture
def server() -> WebhookServer:
    return WebhookServer(fetch=drawn)


def check(server: WebhookServer, url: str = URL, **changes: str) -> None:
    with http.use_transport(in_process(server)):
        config = replace(WebhookConfig(ADDRESS, server.token), **changes)
        WebhookPlatform().check_pictures(config, {}, url)


def test_the_receiver_is_shown_a_picture_and_nothing_is_published(server: WebhookServer) -> None:
    check(server)
    ((body,),) = server.bodies.values()
    assert json.loads(body)["data"] == {"image": URL} and server.public() == []


@pytest.mark.parametrize("found", [None, Fetched(404, "text/html", b"Nix"), Fetched(200, "text/html", b"<h1>Login")])
def test_one_that_gets_none_says_so(server: WebhookServer, found: Fetched | None) -> None:
    server.fetch = lambda url: found
    with pytest.raises(PermanentError, match=r"opslag\.example\.org.*could be fetched from here.*OPSLAG_BASE_URL"):
        check(server)


@pytest.mark.parametrize("url", ["http://opslag.example.org/p/signed.jpg", "http://127.0.0.1:8000/p/signed.jpg"])
def test_an_address_without_https_is_not_even_tried_on_others(server: WebhookServer, url: str) -> None:
    with pytest.raises(PermanentError, match="https"):
        check(server, url)
    assert server.calls == []


def test_on_one_machine_plain_http_will_do(server: WebhookServer, settings: Any) -> None:
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({"127.0.0.1:8390"})
    check(server, "http://127.0.0.1:8000/p/signed.jpg", address=HERE)
    assert len(server.bodies) == 1


def test_what_says_nothing_about_pictures_is_told_as_it_is(server: WebhookServer) -> None:
    with pytest.raises(AccountError):
        check(server, secret=ANOTHER)
    server.faults.set("500")
    with pytest.raises(TransientError):
        check(server)
