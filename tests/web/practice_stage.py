"""The practice plug-in against the web app's own server, in this process, with faults between the two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from publisher import http
from publisher.models import PracticeChannel, PracticePost
from publisher.wsgi import application
from tests.contract.faults import Faults
from tests.contract.practice import CREATE, UPLOAD
from tests.contract.server import PICTURES, shared_faults
from tests.contract.wire import Request
from tests.platforms.platform_contract import Seen


class FaultyLine(httpx.BaseTransport):
    """Carries each call to the real server, unless a fault strikes on the way there or back."""

    def __init__(self) -> None:
        self.faults = Faults(shared_faults(CREATE, UPLOAD, PICTURES))
        self._server = httpx.WSGITransport(app=application)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = Request(request.method, str(request.url), {}, lambda: b"")
        if self.faults.take("drop_before_read", call):
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        if self.faults.take("500", call):
            return httpx.Response(500, content=b"<h1>Something broke</h1>")
        if self.faults.take("429", call):
            return httpx.Response(429, headers={"Retry-After": "30"}, content=b"{}")
        response = self._server.handle_request(request)
        if self.faults.take("commit_then_drop", call):
            response.read()
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return response


@contextmanager
def real_server() -> Iterator[FaultyLine]:
    """Our HTTP client reaches the application, which keeps the test's database connection (as Django's Client does)."""
    line = FaultyLine()
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        with http.use_transport(line):
            yield line
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def published(channel: PracticeChannel) -> list[Seen]:
    """What the channel has, oldest first."""
    return [
        Seen(str(post.pk), post.key, post.text, [shot.alt for shot in post.pictures.order_by("pk")])
        for post in PracticePost.objects.filter(channel=channel, deleted_at=None).order_by("pk")
    ]
