"""What every transport must do, whatever it speaks: a test module inherits these and says how to set the stage."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from publisher.errors import OpslagError
from publisher.transports.contract import Accepted, Courier, Letter, Transport

KEY = "d{number}.0123456789abcdef0123456789abcdef"
CONTENT = (
    b"From: =?utf-8?b?S3VsdHVyLCBIZXJsZXY=?= <nyt@example.org>\r\nReply-To: kontor@example.org\r\n"
    b'To: "Anna, B." <%(to)s>\r\nSubject: =?utf-8?b?w4ViZW4gw7h2ZWxzZQ==?=\r\n'
    b"Message-ID: <%(key)s@opslag.test>\r\nList-Id: =?utf-8?b?S3VsdHVyIGkgUsO4ZG92cmU=?= <kultur.opslag.test>\r\n"
    b"List-Unsubscribe: <https://opslag.test/u/abc>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b'Precedence: bulk\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="=_b"\r\n\r\n'
    b"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Kom og h=C3=B8r {{navn}}.\r\n"
    b"--=_b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>Kom og h=C3=B8r {{navn}}.</p>\r\n--=_b--\r\n"
)


def content(to: str = "anna@example.org", number: int = 1) -> bytes:
    """A newsletter's mail in wire form."""
    return CONTENT % {b"to": to.encode(), b"key": KEY.format(number=number).encode()}


class Bag:
    """Letters for as many people as wanted; collects what is said of each."""

    def __init__(self, number: int) -> None:
        self.waiting = [Letter(n, "nyt@example.org", f"p{n}@example.org", content(f"p{n}@example.org", n))
                        for n in range(number)]  # fmt: skip
        self.number = number
        self.words: dict[int, Accepted | OpslagError] = {}
        self.back: list[int] = []
        self.end: OpslagError | None = None
        self.over = asyncio.Event()

    def take(self) -> Letter | None:
        return self.waiting.pop(0) if self.waiting else None

    def starting(self, letter: Letter) -> bool:
        return True

    def accepted(self, letter: Letter, code: int) -> None:
        self.say(letter, Accepted(code))

    def ended(self, letter: Letter, error: OpslagError) -> None:
        self.say(letter, error)

    def say(self, letter: Letter, result: Accepted | OpslagError) -> None:
        assert letter.number not in self.words, "one word a letter"
        self.words[letter.number] = result
        if len(self.words) == self.number:
            self.over.set()

    def brought_back(self, letter: Letter) -> None:
        self.back.append(letter.number)
        self.waiting.insert(0, letter)

    def lost(self, courier: Courier, error: OpslagError | None) -> None:
        self.end = error
        self.over.set()


def carry(transport: Transport, number: int) -> Bag:
    """Let one courier carry letters until each has its word, or it is lost."""

    async def work() -> Bag:
        bag = Bag(number)
        courier = await transport.courier(bag)
        courier.wake()
        await asyncio.wait_for(bag.over.wait(), 20)
        courier.close()
        await asyncio.sleep(0)
        return bag

    # On a thread of its own: browser tests leave a running loop in this one.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work()).result()


class TransportContract:
    """Inherit, and give a fixture `transport` on a stage where every mail is taken."""

    def test_a_mail_is_taken_and_the_connection_lives_on(self, transport: Transport) -> None:
        connection = transport.connect()
        first = connection.send("nyt@example.org", "anna@example.org", content())
        assert 200 <= first.code < 300 and connection.is_open()
        assert connection.send("nyt@example.org", "anna@example.org", content(number=2)).code == first.code
        connection.close()

    def test_a_courier_has_one_word_for_each_letter(self, transport: Transport) -> None:
        bag = carry(transport, 5)
        assert [bag.words[number].code for number in range(5)] == [bag.words[0].code] * 5  # type: ignore[union-attr]
        assert bag.end is None and not bag.back

    def test_it_says_who_answers(self, transport: Transport) -> None:
        assert transport.check()

    def test_its_headers_are_header_lines(self, transport: Transport) -> None:
        for bulk in (True, False):
            for name, value in transport.message_headers(bulk=bulk):
                assert name.replace("-", "").isalnum() and value.isascii() and value.isprintable()
                assert len(name) + len(value) < 900
