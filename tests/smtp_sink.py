"""A real SMTP server for tests: it records what it accepted, and misbehaves as the recipient's local part asks.

The outside witness: `<Message-ID> <recipient> <time>` is written to the log before the final dot is answered, so what
the log holds was accepted, whatever becomes of the sender. Run by hand: `python -m tests.smtp_sink --log FILE`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# What a local part (up to a dot or digit) makes the server do, by stage.
AT_RCPT = {
    "unknown": b"550 5.1.1 User unknown\r\n",
    "grey": b"450 4.2.0 Greylisted, come back later\r\n",
    "full": b"452 4.2.2 Mailbox full\r\n",
    "policy": b"550 5.7.26 Unauthenticated mail is not accepted\r\n",
}
AFTER_DOT = {
    "spam": b"554 5.7.1 Spam message rejected\r\n",
    "busy": b"451 4.3.0 Try again later\r\n",
}
# With --faults RATE, so many of all mails meet one of these, each as likely: answers, and ends of the conversation.
FAULTS = ("421", "450", "550", "drop_before", "drop_after", "stall")
STALL_S = 45.0
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(\S+)")


class Sink:
    """One server: its log, its faults, its folder of whole messages (if wanted)."""

    def __init__(self, log: Path, keep: Path | None, delay_s: float, faults: float = 0.0, seed: int = 0) -> None:
        self.log, self.keep, self.delay_s = log.open("ab", buffering=0), keep, delay_s
        self.faults, self.random = faults, random.Random(seed)
        self.fault_log = log.with_suffix(".faults").open("ab", buffering=0)
        self.sender_log = log.with_suffix(".senders").open("ab", buffering=0)
        self.accepted = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation."""
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        writer.write(b"220 sink.test ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
                if kind(recipient) == "droprcpt":
                    return
                writer.write(AT_RCPT.get(kind(recipient), b"250 2.1.5 Ok\r\n"))
            elif verb == b"MAIL":
                self.sender_log.write(line.partition(b"<")[2].partition(b">")[0] + b"\n")
                writer.write(b"250 2.1.0 Ok\r\n")
            elif verb == b"DATA":
                if not await self._content(reader, writer, recipient):
                    return
            elif verb == b"QUIT":
                writer.write(b"221 Bye\r\n")
                return
            else:
                writer.write(b"250 Ok\r\n")

    def _fault(self) -> str:
        """The fault that this mail meets, "" for none; noted, since the tests count them."""
        if self.random.random() >= self.faults:
            return ""
        fault = self.random.choice(FAULTS)
        self.fault_log.write(f"{fault}\n".encode())
        return fault

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> bool:
        """From DATA to the answer of the final dot; false to hang up."""
        fault = self._fault()
        if fault in {"421", "drop_before"} or kind(recipient) == "dropdata":
            writer.write(b"421 4.3.2 Closing\r\n" if fault == "421" else b"")
            return False
        if fault in {"450", "550"}:
            writer.write(b"450 4.3.0 Later\r\n" if fault == "450" else b"550 5.7.1 Not this one\r\n")
            return True
        if kind(recipient) in AT_RCPT:
            writer.write(b"554 5.5.1 No valid recipients\r\n")
            return True
        writer.write(b"354 Go ahead\r\n")
        content = await reader.readuntil(b"\r\n.\r\n")
        if not self._take(recipient, content) or fault == "drop_after":
            return False
        if fault == "stall":
            await asyncio.sleep(STALL_S)
            return False
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        writer.write(AFTER_DOT.get(kind(recipient), b"250 2.0.0 Accepted\r\n"))
        return True

    def _take(self, recipient: str, content: bytes) -> bool:
        """Record an accepted message; false where the connection should be dropped instead of answered."""
        if kind(recipient) == "dropbefore":
            return False
        if kind(recipient) in AFTER_DOT:
            return True
        found = _MESSAGE_ID.search(content)
        line = b"%b %b %.3f\n" % (found[1] if found else b"-", recipient.encode(), time.time())
        self.log.write(line)
        self.accepted += 1
        if self.keep is not None:
            unstuffed = re.sub(rb"(?m)^\.\.", b".", content[:-3])
            (self.keep / f"{self.accepted:06}.eml").write_bytes(
                b"X-Rcpt-To: " + recipient.encode() + b"\r\n" + unstuffed
            )
        return kind(recipient) != "dropafter"


def kind(recipient: str) -> str:
    """The leading letters of the local part."""
    return re.match(r"[a-z]*", recipient)[0]  # type: ignore[index]


@dataclass(frozen=True)
class RunningSink:
    """Where a sink listens and what it has accepted so far."""

    port: int
    log: Path
    keep: Path

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    def accepted(self) -> list[tuple[str, str]]:
        """(Message-ID, recipient) of every message that the server took, in order."""
        return [(message_id, recipient) for message_id, recipient, _ in self.entries()]

    def count(self) -> int:
        """How many messages it has accepted."""
        return self.log.read_bytes().count(b"\n") if self.log.exists() else 0

    def entries(self) -> list[tuple[str, str, float]]:
        """The same, with the time (seconds since 1970) at which each was taken."""
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        return [(found[0], found[1], float(found[2])) for line in lines if len(found := line.split(" ")) == 3]

    def faults(self) -> list[str]:
        """Every fault that a mail met."""
        path = self.log.with_suffix(".faults")
        return path.read_text().split() if path.exists() else []

    def senders(self) -> list[str]:
        """Every envelope sender that was said, in order."""
        path = self.log.with_suffix(".senders")
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def messages(self) -> list[bytes]:
        """The whole messages, in the order in which they came."""
        return [path.read_bytes() for path in sorted(self.keep.glob("*.eml"))]


@contextmanager
def running_sink(folder: Path, *, delay_s: float = 0.0, faults: float = 0.0) -> Iterator[RunningSink]:
    """A sink in a process of its own, so that killing workers never touches the witness."""
    keep = folder / "accepted"
    keep.mkdir(parents=True, exist_ok=True)
    log = folder / "accepted.log"
    command = [sys.executable, "-m", "tests.smtp_sink", "--log", log, "--keep", keep, "--delay", str(delay_s)]
    command += ["--faults", str(faults)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    try:
        assert process.stdout is not None
        yield RunningSink(int(process.stdout.readline()), log, keep)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


async def _serve(arguments: argparse.Namespace) -> None:
    sink = Sink(arguments.log, arguments.keep, arguments.delay, arguments.faults, arguments.seed)
    server = await asyncio.start_server(sink.talk, "127.0.0.1", arguments.port, limit=50_000_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
    while server.is_serving():
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    asyncio.run(_serve(parser.parse_args()))
