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
# With --faults RATE, so many of all mails meet one of these, by weight: answers, and ends of the conversation. A stall
# keeps a whole lane waiting at the end of its slice, so it is the rarest. `drop_before` comes before the server has
# asked for the content, `drop_amid` in the middle of it, `drop_after` when the mail is taken and not yet answered.
FAULTS = {"421": 4, "450": 4, "550": 4, "drop_before": 4, "drop_amid": 4, "drop_after": 4, "stall": 1}
# Of these the sender cannot know how they ended: it had handed over the final dot.
UNANSWERED = frozenset({"drop_amid", "drop_after", "stall"})
# Of these the server had it.
AFTER_THE_DOT = frozenset({"drop_after", "stall"})
STALL_S = 45.0
_REFUSALS = {
    "421": b"421 4.3.2 Closing\r\n",
    "450": b"450 4.3.0 Later\r\n",
    "550": b"550 5.7.1 Not this one\r\n",
}
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(\S+)")


class Sink:
    """One server: its log, its faults, its folder of whole messages (if wanted)."""

    def __init__(
        self,
        log: Path,
        keep: Path | None,
        delay_s: float,
        faults: float = 0.0,
        seed: int = 0,
        stall_s: float = STALL_S,
    ) -> None:
        self.log, self.keep, self.delay_s = log.open("ab", buffering=0), keep, delay_s
        self.faults, self.random, self.stall_s = faults, random.Random(seed), stall_s
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
        [fault] = self.random.choices(list(FAULTS), list(FAULTS.values()))
        self.fault_log.write(f"{fault}\n".encode())
        return fault

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> bool:
        """From DATA to the answer of the final dot; false to hang up."""
        fault = self._fault()
        at_once = self.random.random() < 0.5
        if fault == "drop_before" or (fault == "421" and at_once) or kind(recipient) == "dropdata":
            writer.write(_REFUSALS.get(fault, b""))
            return False
        if fault in {"450", "550"} and at_once:
            writer.write(_REFUSALS[fault])
            return True
        if kind(recipient) in AT_RCPT:
            writer.write(b"554 5.5.1 No valid recipients\r\n")
            return True
        writer.write(b"354 Go ahead\r\n")
        if fault == "drop_amid":
            await reader.readexactly(1000)
            return False
        content = await reader.readuntil(b"\r\n.\r\n")
        if fault in _REFUSALS:
            # Refused as a whole, at the final dot.
            writer.write(_REFUSALS[fault])
            return fault != "421"
        if not self._take(recipient, content) or fault == "drop_after":
            return False
        if fault == "stall":
            await asyncio.sleep(self.stall_s)
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


@dataclass
class RunningSink:
    """Where a sink listens and what it has accepted so far."""

    port: int
    log: Path
    keep: Path
    _counted: int = 0
    _read: int = 0

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    def accepted(self) -> list[tuple[str, str]]:
        """(Message-ID, recipient) of every message that the server took, in order."""
        return [(message_id, recipient) for message_id, recipient, _ in self.entries()]

    def count(self) -> int:
        """How many messages it has accepted."""
        if self.log.exists():
            with self.log.open("rb") as log:
                log.seek(self._read)
                fresh = log.read()
            self._counted, self._read = self._counted + fresh.count(b"\n"), self._read + len(fresh)
        return self._counted

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
def running_sink(
    folder: Path,
    *,
    delay_s: float = 0.0,
    faults: float = 0.0,
    seed: int = 0,
    stall_s: float = STALL_S,
    keeping: bool = True,
) -> Iterator[RunningSink]:
    """A sink in a process of its own, so that killing workers never touches the witness; `keeping` whole mails."""
    keep = folder / "accepted"
    keep.mkdir(parents=True, exist_ok=True)
    log = folder / "accepted.log"
    command = [sys.executable, "-m", "tests.smtp_sink", "--log", log, "--delay", str(delay_s)]
    command += ["--faults", str(faults), "--seed", str(seed), "--stall", str(stall_s)]
    command += ["--keep", keep] if keeping else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    try:
        assert process.stdout is not None
        yield RunningSink(int(process.stdout.readline()), log, keep)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


async def _serve(arguments: argparse.Namespace) -> None:
    sink = Sink(
        arguments.log, arguments.keep, arguments.delay, arguments.faults, arguments.seed, stall_s=arguments.stall
    )
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
    parser.add_argument("--stall", type=float, default=STALL_S)
    asyncio.run(_serve(parser.parse_args()))
