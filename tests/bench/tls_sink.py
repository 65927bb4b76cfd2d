"""The benchmarks' mail server behind STARTTLS (RFC 3207), with a certificate of an authority of its own; on uvloop."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import ipaddress
import mmap
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.bench.fast_sink import FastSink

REPOSITORY = Path(__file__).resolve().parents[2]
STATS = "4Q"


class Conversation(asyncio.Protocol):
    """It takes every message, counts final dots and keeps one in `every` whole, as sink.c does."""

    def __init__(self, context: ssl.SSLContext, stats: mmap.mmap, folder: Path, every: int) -> None:
        self.context, self.stats, self.folder, self.every = context, stats, folder, every
        self.held = bytearray()
        self.in_content = self.secure = False
        self.recipient = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The greeting, in clear only."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        if not self.secure:
            self.transport.write(b"220 sink.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Act on every whole line or content; the answers leave together."""
        self.held += data
        answers = []
        while answer := self._act():
            answers.append(answer)
        self.transport.write(b"".join(answers))

    def _act(self) -> bytes:
        ending = b"\r\n.\r\n" if self.in_content else b"\r\n"
        # What was searched before is not searched again, except for an ending cut in two.
        at = self.held.find(ending)
        if at < 0:
            return b""
        part = bytes(self.held[:at])
        del self.held[: at + len(ending)]
        return self._taken(part) if self.in_content else self._obeyed(part)

    def _obeyed(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            more = b"" if self.secure else b"250-STARTTLS\r\n"
            return b"250-sink.test\r\n" + more + b"250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"STAR":
            self.transport.write(b"220 Go ahead\r\n")
            asyncio.get_running_loop().create_task(self._encrypt())
            return b""
        if verb == b"RCPT":
            self.recipient = line.partition(b"<")[2].partition(b">")[0]
        if verb == b"DATA":
            self.in_content = True
            return b"354 Go ahead\r\n"
        return b"221 Bye\r\n" if verb == b"QUIT" else b"250 Ok\r\n"

    async def _encrypt(self) -> None:
        self.secure = True
        secured = await asyncio.get_running_loop().start_tls(self.transport, self, self.context, server_side=True)
        assert secured is not None
        self.transport = secured

    def _taken(self, content: bytes) -> bytes:
        messages, size, first_ns, _last_ns = struct.unpack(STATS, self.stats[:32])
        now = time.monotonic_ns()
        if self.every and messages % self.every == 0:
            kept = b"X-Rcpt-To: " + self.recipient + b"\r\n" + content + b"\r\n"
            (self.folder / f"{messages}.eml").write_bytes(kept)
        self.stats[:32] = struct.pack(STATS, messages + 1, size + len(content) + 2, first_ns or now, now)
        self.in_content = False
        return b"250 2.0.0 Ok\r\n"


@contextmanager
def tls_sink(*, every: int = 100) -> Iterator[tuple[FastSink, Path]]:
    """Run one on a free port; gives it, and the file of the authority that vouches for it (for SSL_CERT_FILE)."""
    home = Path(tempfile.mkdtemp(prefix="opslag-tls-sink-"))
    (home / "kept").mkdir()
    (home / "stats").write_bytes(bytes(32))
    certificate(home)
    command = [sys.executable, "-m", "tests.bench.tls_sink", home, "--every", str(every)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield FastSink(port, process.pid, home / "stats", home / "kept", "smtp"), home / "authority.pem"
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home, ignore_errors=True)


def certificate(home: Path) -> None:
    """An authority for this run only (authority.pem), and what it vouches for: 127.0.0.1 (server.pem, with its key)."""
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("authority", "server")}
    names = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"bench {name}")]) for name in keys}
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    issuer = x509.SubjectKeyIdentifier.from_public_key(keys["authority"].public_key())
    use = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        **dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False),
        encipher_only=False,
        decipher_only=False,
    )
    extensions: dict[str, list[tuple[x509.ExtensionType, bool]]] = {
        "authority": [(x509.BasicConstraints(ca=True, path_length=0), True), (use, True), (issuer, False)],
        "server": [(here, False), (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), False)],
    }
    for name, key in keys.items():
        builder = x509.CertificateBuilder(
            issuer_name=names["authority"],
            subject_name=names[name],
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - day,
            not_valid_after=now + day,
        )
        for extension, critical in extensions[name]:
            builder = builder.add_extension(extension, critical)
        signed = builder.sign(keys["authority"], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        (home / f"{name}.pem").write_bytes(signed)
    private = keys["server"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (home / "server.key").write_bytes(private)


async def _serve(home: Path, every: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "server.pem", home / "server.key")
    with (home / "stats").open("r+b") as file:
        stats = mmap.mmap(file.fileno(), 32)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(lambda: Conversation(context, stats, home / "kept", every), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop.add_signal_handler(signal.SIGTERM, over.set)
    await over.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--every", type=int, default=100)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(arguments.home, arguments.every))
