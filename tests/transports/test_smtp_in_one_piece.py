"""Answers in one piece mean what they mean in many, whatever the courier has learned of the server's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import OpslagError
from publisher.transports.contract import Courier, Letter
from publisher.transports.smtp_courier import SmtpCourier

ROUNDS = 4

# What a server may answer to a content, and to the next letter's MAIL, RCPT and DATA; mostly the usual.
CONTENT = (
    b"250 2.0.0 Ok: queued as 4711",
    b"250 Ok",
    b"250-two\r\n250 lines",
    b"250 odd\rword",
    b"250 Ok\r\n250 too many",
    b"451 later",
    b"554 no",
)
SENDER = (*[b"250 2.1.0 Ok"] * 9, b"250-two\r\n250 lines", b"451 later", b"550 5.7.1 not you", b"421 bye")
RECIPIENT = (*[b"250 2.1.5 Ok"] * 9, b"251 moved", b"450 full", b"550 5.1.1 nobody")
DATA = (*[b"354 go"] * 9, b"354 End data with <CR><LF>.<CR><LF>", b"451 later", b"250 what?")


class Wire(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        for data in list_of_data:
            self.write(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Bag:
    """As many letters as are asked for; remembers every word."""

    def __init__(self) -> None:
        self.number = 0
        self.words: list[tuple[int, str]] = []

    def take(self) -> Letter | None:
        self.number += 1
        return Letter(self.number, "nyt@example.org", f"nr{self.number}@example.org", b"Hej\r\n")

    def starting(self, letter: Letter) -> bool:
        self.words.append((letter.number, "starting"))
        return True

    def accepted(self, letter: Letter, code: int) -> None:
        self.words.append((letter.number, str(code)))

    def ended(self, letter: Letter, error: OpslagError) -> None:
        self.words.append((letter.number, f"{type(error).__name__} {error}"))

    def brought_back(self, letter: Letter) -> None:
        self.words.append((letter.number, "brought back"))

    def lost(self, courier: Courier, error: OpslagError | None) -> None:
        self.words.append((0, f"lost {error}"))


def heard(answers: list[bytes], split: Callable[[bytes], list[bytes]]) -> tuple[list[tuple[int, str]], bytes]:
    """What a courier made of these answers, and what it said."""

    async def listen() -> tuple[list[tuple[int, str]], bytes]:
        wire, bag, courier = Wire(), Bag(), SmtpCourier()
        courier.connection_made(wire)
        courier.data_received(b"220 ready\r\n")
        courier.carry(bag, pipelining=True)
        courier.wake()
        for answer in [b"250 ok\r\n250 ok\r\n354 go\r\n", *answers]:
            for piece in split(answer):
                courier.data_received(piece)
        return bag.words, wire.written

    # A thread of its own: browser tests leave a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, listen()).result()


def by_bytes(answer: bytes) -> list[bytes]:
    return [answer[n : n + 1] for n in range(len(answer))]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(*map(st.sampled_from, (CONTENT, SENDER, RECIPIENT, DATA))), min_size=1, max_size=ROUNDS))
def test_one_piece_or_many(rounds: list[tuple[bytes, ...]]) -> None:
    answers = [b"".join(line + b"\r\n" for line in each) for each in rounds]
    usual = b"250 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n"
    answers = [usual, *answers, usual]
    assert heard(answers, lambda answer: [answer]) == heard(answers, by_bytes)
