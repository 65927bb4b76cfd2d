"""A real HTTP server on loopback whose pages are written by the test, and which remembers what it was asked."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Page = Callable[["Visit"], None]


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client_port: int


class Visit(BaseHTTPRequestHandler):
    """One request on its way; pages answer through it."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.site.asked.append(Asked(self.command, self.path, headers, body, self.client_address[1]))
        page = self.site.pages.get(self.path.partition("?")[0])
        with contextlib.suppress(OSError):
            page(self) if page else self.answer(404)

    do_POST = do_PUT = do_GET  # noqa: N815 - the names http.server calls

    def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Site:
    """The server as tests use it: put pages in, read `asked` afterwards."""

    host: str = "127.0.0.1"
    scheme: str = "http"
    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    # Ends every page that drips, so that no thread outlives its test.
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.target}{path}"


@contextlib.contextmanager
def site(host: str = "127.0.0.1", certificate: Path | None = None) -> Iterator[Site]:
    """Serve on a free loopback port. With `certificate` (PEM with key) it speaks TLS."""
    here = Site(host=host, scheme="https" if certificate else "http")
    handler = type("BoundVisit", (Visit,), {"site": here})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    here.port = server.server_port
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield here
    finally:
        here.over.set()
        server.shutdown()
        server.server_close()


def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def self_signed(folder: Path, name: str) -> Path:
    """A certificate for one host name, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def drip(visit: Visit, piece: bytes, every_s: float = 0.05, times: int = 100) -> None:
    """Write `piece` again and again, slowly, until the test is over."""
    for _ in range(times):
        visit.wfile.write(piece)
        visit.wfile.flush()
        if visit.site.over.wait(every_s):
            return


def packed_zeros(megabytes: int) -> bytes:
    """A gzip bomb: about a thousandth of its size when unpacked."""
    return gzip.compress(bytes(megabytes * 1_000_000))
