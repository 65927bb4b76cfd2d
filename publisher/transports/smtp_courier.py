"""An SMTP conversation that hands over letters with one round trip each (RFC 5321, RFC 2920).

The content of one letter, its final dot and the next letter's MAIL, RCPT and DATA leave in one write; while the server
answers, the next content is made. Where PIPELINING is not offered, it waits for each reply. Only one content is ever
without an answer: what a lost connection leaves uncertain is one letter.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, cast

from publisher.errors import OpslagError
from publisher.transports.contract import Letter, Mailbag
from publisher.transports.smtp_replies import (
    answer_lost,
    asked_to_wait,
    nonsense,
    refusal_of_content,
    refusal_of_recipient,
    refusal_of_sender,
    silent,
    unreachable,
    unusable_address,
    unusable_sender,
)

REPLY_TIMEOUT_S = 60.0
# The longest a server may take to answer the final dot before we call the outcome unknown (RFC 5321 §4.5.3.2.6 asks
# for 10 minutes; a lane's lease does not allow that much).
FINAL_REPLY_TIMEOUT_S = 40.0
LONGEST_REPLY = 64_000
# The answers to a content and to the next letter's MAIL, RCPT and DATA, all of them yes, in one piece.
_ALL_WELL = re.compile(rb"2\d\d [^\r\n]*(\r\n250 [^\r\n]*\r\n25[01] [^\r\n]*\r\n354 [^\r\n]*\r\n)")
_ALL_WELL_REPLIES = 4
# Printable ASCII without space, quotation mark, backslash and what ends or divides a path (RFC 5321 §4.1.2). It names
# what may be there: to leave out the rest of Unicode takes three times as long.
_SAFE_ADDRESS = re.compile(r"[!#-+\--9=?A-Z\[\]-~]+@[A-Za-z0-9.\-\[\]:]+")

# The same for the sender: ours, or none at all (RFC 5321 §4.5.5).
_SAFE_SENDER = re.compile(r"[!-;=?-~]*")


class Reply(NamedTuple):
    """A whole reply: its code, and its lines without codes."""

    code: int
    text: bytes


class Stage(Enum):
    """What a reply that is due answers."""

    COMMAND = "command"
    RESET = "reset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


_ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)


class SmtpCourier(asyncio.Protocol):
    """One conversation. `command` is for the time before letters (greeting, TLS, sign-in); `wake` begins with them."""

    def __init__(self) -> None:
        self.pipelining = False
        self.is_open = False
        self.answered = 0
        self._transport: asyncio.Transport | None = None
        self._mailbag: Mailbag | None = None
        self._unread = b""
        self._lines: list[bytes] = []
        # What followed the first line when all was well the last time; until then what no answer ends with.
        self._usual = b"\0"
        self._due: deque[Stage] = deque([Stage.COMMAND])
        self._since_s = 0.0
        self._answer: asyncio.Future[Reply] | None = None
        # At most one letter is at the door (its envelope was said), and one inside (its content was handed over).
        self._at_door: Letter | None = None
        self._refused: OpslagError | None = None
        self._inside: Letter | None = None
        self._handlers: dict[Stage, Callable[[Reply], None]] = {
            Stage.COMMAND: self._command_answered,
            Stage.RESET: lambda reply: None,
            Stage.MAIL: self._sender_answered,
            Stage.RCPT: self._recipient_answered,
            Stage.DATA: self._data_answered,
            Stage.DOT: self._content_answered,
        }

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Also after STARTTLS, with the transport that encrypts."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True
        # The greeting may come before anybody asks for it.
        self._answer = asyncio.get_running_loop().create_future()
        self._touch()

    def data_received(self, data: bytes) -> None:
        """Take the replies apart, multi-line ones included, and act on each."""
        if len(self._due) == _ALL_WELL_REPLIES and self._is_all_well(data) and self._is_clear():
            self._all_well(int(data[:3]))
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._lines.append(line[4:].rstrip(b"\r"))
            if line[3:4] == b"-":
                continue
            text, self._lines = b"\n".join(self._lines), []
            if not line[:3].isdigit():
                self._break_off(nonsense(line))
            elif self.is_open:
                self._replied(Reply(int(line[:3]), text))
        if len(self._unread) + sum(map(len, self._lines)) > LONGEST_REPLY:
            self._break_off(nonsense(self._unread))

    def _is_all_well(self, data: bytes) -> bool:
        """Whether the server says yes to everything; most say it in the same words each time, the first line apart."""
        first_ends = len(data) - len(self._usual) + 1
        if data.endswith(self._usual) and data.startswith(b"250 ") and data.find(b"\n") == first_ends:
            return True
        found = _ALL_WELL.fullmatch(data)
        if found is not None:
            self._usual = found[1]
        return found is not None

    def _is_clear(self) -> bool:
        """Whether replies stand for a letter inside and one at the door, and for nothing else."""
        return self._inside is not None and self._refused is None and not self._unread and not self._lines

    def _all_well(self, code: int) -> None:
        """The usual case in one step: the content was taken, and the next letter may hand over its own."""
        self._touch()
        self._due.clear()
        letter, self._inside = self._inside, None
        self.answered += 1
        if letter is not None:
            self._bag.accepted(letter, code)
        self._come_in()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side hung up, or the network is gone."""
        self._break_off(unreachable(exc))

    # Before letters: one command at a time.

    async def command(self, line: str = "", *, timeout_s: float = REPLY_TIMEOUT_S) -> Reply:
        """Say one line and wait for its reply; without a line, for the greeting. Raises TransientError."""
        if line:
            if not self.is_open:
                # Nobody would ever answer it.
                raise unreachable(None)
            self._answer = asyncio.get_running_loop().create_future()
            self._due.append(Stage.COMMAND)
            self._write(line.encode("ascii") + b"\r\n")
        if self._answer is None or not (self.is_open or self._answer.done()):
            raise unreachable(None)
        try:
            return await asyncio.wait_for(self._answer, timeout_s)
        except TimeoutError as error:
            late = silent()
            self._break_off(late)
            raise late from error

    def _command_answered(self, reply: Reply) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reply)

    async def encrypt(self, start: Callable[[asyncio.Transport], asyncio.Future[asyncio.Transport]]) -> None:
        """Go on over TLS. A server that said more before it is left: it must not count after (RFC 3207 §4.2)."""
        if self._unread or self._lines or self._due or self._transport is None or not self.is_open:
            raise nonsense(self._unread)
        self._transport = await asyncio.wait_for(start(self._transport), REPLY_TIMEOUT_S)

    # Letters.

    def carry(self, mailbag: Mailbag, *, pipelining: bool) -> None:
        """From now on this conversation is for letters from this bag."""
        self._mailbag, self.pipelining = mailbag, pipelining

    @property
    def _bag(self) -> Mailbag:
        if self._mailbag is None:
            raise RuntimeError("a courier without a bag")
        return self._mailbag

    def wake(self) -> None:
        """Say the next envelope, if there is a letter and the conversation is ready for one."""
        if self.is_open and (self.pipelining or not self._due):
            self._write(self._next_envelope())

    def _next_envelope(self, before: bytes = b"") -> bytes:
        """What to say for the next letter, `before` in front; only `before` if there is none."""
        if self._at_door is not None:
            return before
        letter = self._bag.take()
        while letter is not None and (objection := _objection(letter)) is not None:
            self._bag.ended(letter, objection)
            letter = self._bag.take()
        if letter is None:
            return before
        self._at_door, self._refused = letter, None
        if not self.pipelining:
            self._due.append(Stage.MAIL)
            return b"%bMAIL FROM:<%b>\r\n" % (before, letter.sender.encode("ascii"))
        self._due.extend(_ENVELOPE)
        envelope = f"MAIL FROM:<{letter.sender}>\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n"
        return before + envelope.encode("ascii")

    def _replied(self, reply: Reply) -> None:
        self._touch()
        if not self._due:
            # Said unasked: a 421 before it hangs up, or something that nobody can make sense of.
            self._break_off(asked_to_wait(*reply) if reply.code == 421 else nonsense(reply.text))
            return
        stage = self._due.popleft()
        if reply.code == 421:
            self._dismissed(stage, reply)
            return
        self._handlers[stage](reply)
        if self.is_open and not self._due and self._mailbag is not None:
            self.wake()

    def _dismissed(self, stage: Stage, reply: Reply) -> None:
        """It closes the conversation (RFC 5321 §3.8): what it answered with that was surely not taken."""
        error = asked_to_wait(*reply)
        if stage is Stage.DOT and self._inside is not None:
            letter, self._inside = self._inside, None
            self._bag.ended(letter, error)
        self._break_off(error, blameless=stage in (Stage.DOT, Stage.MAIL))

    def _sender_answered(self, reply: Reply) -> None:
        if 400 <= reply.code < 500 and self._inside is None:
            # It speaks of us or of itself, not of this letter: the next one would hear the same.
            self._break_off(asked_to_wait(*reply), blameless=True)
            return
        if reply.code != 250:
            self._refused = refusal_of_sender(*reply)
        if not self.pipelining:
            self._go_on(b"RCPT TO:<%b>\r\n", Stage.RCPT)

    def _recipient_answered(self, reply: Reply) -> None:
        if reply.code not in (250, 251) and self._refused is None:
            self._refused = refusal_of_recipient(*reply)
        if not self.pipelining:
            self._go_on(b"DATA\r\n", Stage.DATA)

    def _go_on(self, line: bytes, stage: Stage) -> None:
        """Step by step: the letter's next command, or its end if it was refused."""
        letter = self._at_door
        if letter is None:
            return
        if self._refused is not None:
            self._turned_away(letter, self._refused)
            return
        self._due.append(stage)
        self._write(line % letter.recipient.encode("ascii") if b"%b" in line else line)

    def _turned_away(self, letter: Letter, error: OpslagError) -> None:
        """The server waits for another command; what it remembers of this letter is taken back first."""
        self._at_door = None
        self.answered += 1
        self._bag.ended(letter, error)
        self._due.append(Stage.RESET)
        self._write(self._next_envelope(b"RSET\r\n") if self.pipelining else b"RSET\r\n")

    def _data_answered(self, reply: Reply) -> None:
        letter = self._at_door
        if letter is None:
            return
        if reply.code != 354:
            self._turned_away(letter, self._refused or refusal_of_content(*reply))
        elif self._refused is not None:
            # RFC 2920 §3.1: it waits for content although it wants none. It gets an empty one, never the letter.
            self._at_door = None
            self.answered += 1
            self._bag.ended(letter, self._refused)
            self._due.append(Stage.RESET)
            self._write(self._next_envelope(b".\r\n") if self.pipelining else b".\r\n")
        else:
            self._come_in()

    def _come_in(self) -> None:
        """The server waits for the content of the letter at the door."""
        letter, self._at_door = self._at_door, None
        if letter is None:
            return
        if not self._bag.starting(letter):
            # It must not leave any more, and whatever is said now would be its content.
            self._break_off(None)
            return
        self._inside = letter
        self._due.append(Stage.DOT)
        after = self._next_envelope(b".\r\n") if self.pipelining else b".\r\n"
        if self._transport is not None:
            self._transport.writelines((letter.content, after))

    def _content_answered(self, reply: Reply) -> None:
        if self._inside is None:
            return
        if not 200 <= reply.code < 300 and reply.code < 400:
            # No word on the content, so it stays uncertain.
            self._break_off(nonsense(reply.text))
            return
        letter, self._inside = self._inside, None
        self.answered += 1
        if reply.code < 300:
            self._bag.accepted(letter, reply.code)
        else:
            self._bag.ended(letter, refusal_of_content(*reply))

    # The end.

    def is_idle(self) -> bool:
        """Whether it holds no letter."""
        return self._at_door is None and self._inside is None

    def look_after(self) -> None:
        """Give up on an answer that does not come."""
        limit_s = REPLY_TIMEOUT_S if self._inside is None else FINAL_REPLY_TIMEOUT_S
        if self._due and time.monotonic() - self._since_s > limit_s:
            self._break_off(silent())

    def close(self) -> None:
        """End: with QUIT if it is idle, else at once."""
        if self.is_open and self.is_idle():
            self._write(b"QUIT\r\n")
        self._break_off(None)

    def _break_off(self, error: OpslagError | None, *, blameless: bool = False) -> None:
        """Hang up and say what became of the letters in hand. `blameless`: not because of the letter at the door."""
        if not self.is_open:
            return
        self.is_open = False
        if self._transport is not None and not self._transport.is_closing():
            end = self._transport.close if self.is_idle() else self._transport.abort
            end()
        if self._answer is not None and not self._answer.done() and error is not None:
            self._answer.set_exception(error)
        if self._mailbag is None:
            return
        inside, self._inside = self._inside, None
        at_door, self._at_door = self._at_door, None
        if inside is not None:
            self._mailbag.ended(inside, answer_lost())
        if at_door is not None and inside is None and error is not None and not blameless:
            # It may have been this very envelope that broke the conversation: an attempt, so that it ends some day.
            self._mailbag.ended(at_door, error)
        elif at_door is not None:
            self._mailbag.brought_back(at_door)
        self._mailbag.lost(self, error)

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            if self._inside is None:
                self._touch()
            self._transport.write(data)

    def _touch(self) -> None:
        self._since_s = time.monotonic()


def _objection(letter: Letter) -> OpslagError | None:
    """Why its envelope must not be said: what ends a line or a path in it would be a command of its own."""
    if _SAFE_ADDRESS.fullmatch(letter.recipient) is None:
        return unusable_address()
    return None if _SAFE_SENDER.fullmatch(letter.sender) else unusable_sender()
