"""HTTP beneath the contract servers: one handler answers in the test's own process and over loopback alike."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

# What comes of fields that are missing or of the wrong kind, where a server does not look at each.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)


class DroppedError(Exception):
    """The server closes the connection without an answer."""


class RefusedError(Exception):
    """A request that the contract does not allow; becomes an answer with `status` and {"error": message}."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Part:
    """One part of a multipart body."""

    content: bytes
    filename: str = ""
    media_type: str = ""


@dataclass
class Request:
    """One call; the body is read only when it is asked for, so that a server can hang up before that."""

    method: str
    url: str
    headers: Mapping[str, str]
    read_body: Callable[[], bytes]

    @cached_property
    def path(self) -> str:
        return urlsplit(self.url).path

    @cached_property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @cached_property
    def body(self) -> bytes:
        return self.read_body()

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            raise RefusedError(400, "Contract: the body is not JSON") from None
        if not isinstance(found, dict):
            raise RefusedError(400, "Contract: the body is not a JSON object")
        return found

    def form(self) -> dict[str, list[str]]:
        """The fields of a form body."""
        return parse_qs(self.body.decode(), keep_blank_values=True)

    def parts(self) -> dict[str, Part]:
        """The parts of a multipart body by name."""
        content_type = self.headers.get("content-type", "")
        if self.media_type != "multipart/form-data" or "boundary=" not in content_type:
            raise RefusedError(415, "Contract: this call takes multipart/form-data")
        boundary = content_type.partition("boundary=")[2].strip('"').encode()
        return dict(_part(raw) for raw in self.body.split(b"--" + boundary)[1:-1])


@dataclass
class Response:
    """One answer; `delay_s` is how long the server takes over it."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


Handler = Callable[[Request], Response]


def answer(content: object, status: int = 200, **headers: str) -> Response:
    """A JSON answer; header names with underscores for hyphens."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, json.dumps(content).encode(), {"Content-Type": "application/json; charset=utf-8"} | given)


def page(content: str, status: int = 200) -> Response:
    """An HTML answer."""
    return Response(status, content.encode(), {"Content-Type": "text/html; charset=utf-8"})


def in_process(handler: Handler) -> httpx.MockTransport:
    """The handler as a transport beneath our client; a slow answer is a read timeout without the waiting."""

    def handle(request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            response = handler(Request(request.method, str(request.url), headers, request.read))
        except DroppedError:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.") from None
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and response.delay_s > patience:
            raise httpx.ReadTimeout("The read operation timed out")
        return httpx.Response(response.status, content=response.body, headers=response.headers)

    return httpx.MockTransport(handle)


@contextlib.contextmanager
def listening(handler: Handler, port: int = 0) -> Iterator[str]:
    """Serve on loopback while the context lasts; gives the address (port 0: any free one)."""
    server = _Server(("127.0.0.1", port), _connection_class(handler))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up before it has its answer is nothing to tell of."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _part(raw: bytes) -> tuple[str, Part]:
    head, _, content = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    fields: dict[str, str] = {}
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    given = {}
    for item in fields.get("content-disposition", "").split(";")[1:]:
        name, _, value = item.partition("=")
        given[name.strip()] = value.strip().strip('"')
    part = Part(content.removesuffix(b"\r\n"), given.get("filename", ""), fields.get("content-type", ""))
    return given.get("name", ""), part


def _connection_class(handler: Handler) -> type[BaseHTTPRequestHandler]:
    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            url = f"http://{headers.get('host', '127.0.0.1')}{self.path}"
            try:
                response = handler(Request(self.command, url, headers, lambda: self.rfile.read(size)))
            except DroppedError:
                self.close_connection = True
                return
            time.sleep(response.delay_s)
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 (names given by http.server)

        def log_message(self, *args: object) -> None:
            """Say nothing: tests read the server's own log."""

    return Connection
