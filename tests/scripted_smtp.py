"""An SMTP server whose every answer a test may choose; it records what it was told, chunk by chunk, and what it took"""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# What a stage answers: bytes, None to hang up, or a number of seconds to wait before its usual answer.
Answer = bytes | None | float
Script = Callable[[str, str], Answer]
USUAL = {"greeting": b"220 scripted.test ESMTP\r\n", "mail": b"250 2.1.0 Ok\r\n", "rcpt": b"250 2.1.5 Ok\r\n",
         "data": b"354 Go ahead\r\n", "dot": b"250 2.0.0 Accepted\r\n", "rset": b"250 2.0.0 Reset\r\n",
         "auth": b"235 2.7.0 Welcome\r\n", "starttls": b"220 Go ahead\r\n"}  # fmt: skip
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(\S+)")


def as_usual(stage: str, recipient: str) -> Answer:
    """Nothing out of the ordinary."""
    return USUAL[stage]


@dataclass
class ScriptedServer:
    """What it offers, what it answers, and what happened."""

    answer: Script = as_usual
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME")
    tls: ssl.SSLContext | None = None
    tls_from_the_start: bool = False
    port: int = 0
    chunks: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    accepted: list[tuple[str, str]] = field(default_factory=list)
    contents: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    talking: int = 0

    def url(self, scheme: str = "smtp+plain", sign_in: str = "") -> str:
        """For OPSLAG_SMTP_URL."""
        return f"{scheme}://{sign_in}localhost:{self.port}"


class _Talk(socketserver.BaseRequestHandler):
    """One conversation."""

    server: _Listener

    def handle(self) -> None:
        self.server.script.talking += 1
        try:
            self.talk()
        finally:
            self.server.script.talking -= 1

    def talk(self) -> None:
        self.script, self.unread, self.recipient = self.server.script, b"", ""
        self.script.connections += 1
        if self.script.tls_from_the_start and not self.encrypt():
            return
        if not self.say("greeting"):
            return
        while (line := self.read_until(b"\r\n")) is not None:
            self.script.commands.append(line.decode("latin-1"))
            if not self.obey(line):
                return

    def read_until(self, end: bytes) -> bytes | None:
        while end not in self.unread:
            try:
                chunk = self.request.recv(100_000)
            except OSError:
                return None
            if not chunk:
                return None
            self.script.chunks.append(chunk)
            self.unread += chunk
        whole, _, self.unread = self.unread.partition(end)
        return whole

    def say(self, stage: str, usual: bytes = b"") -> bool:
        answer = self.script.answer(stage, self.recipient)
        if isinstance(answer, float):
            time.sleep(answer)
            answer = usual or USUAL[stage]
        if answer is None:
            return False
        try:
            self.request.sendall(answer)
        except OSError:
            return False
        self.said = answer
        return not answer.startswith(b"421")

    def obey(self, line: bytes) -> bool:
        verb = line[:4].upper()
        if verb == b"EHLO":
            lines = ["scripted.test", *self.script.extensions]
            self.request.sendall(
                "".join(f"250{'-' if n < len(lines) - 1 else ' '}{x}\r\n" for n, x in enumerate(lines)).encode()
            )
            return True
        if verb == b"RCPT":
            self.recipient = line.decode().partition("<")[2].partition(">")[0]
        if verb == b"DATA":
            return self.take_content()
        if verb == b"QUIT":
            self.request.sendall(b"221 Bye\r\n")
            return False
        if verb == b"STAR" and self.script.tls is not None:
            return not (self.say("starttls") and self.said.startswith(b"220")) or self.encrypt()
        if verb == b"AUTH" and line.upper() == b"AUTH LOGIN":
            for question in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
                self.request.sendall(question)
                self.script.commands.append((self.read_until(b"\r\n") or b"").decode())
        return self.say({b"MAIL": "mail", b"RCPT": "rcpt", b"RSET": "rset", b"AUTH": "auth"}.get(verb, "rset"))

    def encrypt(self) -> bool:
        assert self.script.tls is not None
        try:
            self.request = self.script.tls.wrap_socket(self.request, server_side=True)
        except OSError:
            return False
        return True

    def take_content(self) -> bool:
        if not self.say("data"):
            return False
        if not self.said.startswith(b"354"):
            return True
        self.unread = b"\r\n" + self.unread
        content = self.read_until(b"\r\n.\r\n")
        if content is None:
            return False
        self.script.contents.append((self.recipient, content[2:]))
        answer = self.script.answer("dot", self.recipient)
        found = _MESSAGE_ID.search(content)
        if found and (not isinstance(answer, bytes) or answer.startswith(b"2")):
            self.script.accepted.append((found[1].decode(), self.recipient))
        return self.say("dot")


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    script: ScriptedServer


@contextmanager
def scripted_smtp(script: ScriptedServer) -> Iterator[ScriptedServer]:
    """Serve it on loopback."""
    with _Listener(("127.0.0.1", 0), _Talk) as listener:
        listener.script = script
        script.port = listener.server_address[1]
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield script
        finally:
            listener.shutdown()
