"""The pipelined conversation with a server that answers as each test wants: a letter gets one word, and a true one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from publisher.errors import AccountError, OpslagError, PermanentError, TransientError, UncertainError
from publisher.transports import smtp_courier
from publisher.transports.contract import Accepted, Courier, Letter
from publisher.transports.smtp import SmtpTransport
from tests.scripted_smtp import USUAL, Answer, ScriptedServer, scripted_smtp

LOCK_STEP = ("8BITMIME",)


class Bag:
    """Letters for the named local parts; `may_start` says which may leave at the last look."""

    def __init__(
        self, *names: str, may_start: Any = lambda name: True, sender: Any = lambda name: "nyt@example.org"
    ) -> None:
        self.waiting = [
            Letter(n, sender(name), f"{name}@example.org", f"Message-ID: <{name}@x>\r\n\r\nHej\r\n".encode())
            for n, name in enumerate(names)
        ]
        self.names, self.may_start = names, may_start
        self.words: dict[str, Any] = {}
        self.started: list[str] = []
        self.end: OpslagError | None = None
        self.over = asyncio.Event()

    def name_of(self, letter: Letter) -> str:
        return self.names[letter.number]

    def take(self) -> Letter | None:
        return self.waiting.pop(0) if self.waiting else None

    def starting(self, letter: Letter) -> bool:
        if not self.may_start(self.name_of(letter)):
            self.say(letter, "not started")
            return False
        self.started.append(self.name_of(letter))
        return True

    def accepted(self, letter: Letter, code: int) -> None:
        self.say(letter, Accepted(code))

    def ended(self, letter: Letter, error: OpslagError) -> None:
        self.say(letter, error)

    def brought_back(self, letter: Letter) -> None:
        self.say(letter, "brought back")

    def say(self, letter: Letter, word: Any) -> None:
        assert self.name_of(letter) not in self.words, "one word a letter"
        self.words[self.name_of(letter)] = word
        if len(self.words) == len(self.names):
            self.over.set()

    def lost(self, courier: Courier, error: OpslagError | None) -> None:
        self.end = error
        self.over.set()

    def kinds(self) -> dict[str, str]:
        return {name: word if isinstance(word, str) else type(word).__name__ for name, word in self.words.items()}


def carry(server: ScriptedServer, settings: Any, *names: str, **options: Any) -> Bag:
    """Let one courier carry the letters until all have their word, or it is lost."""
    settings.OPSLAG_SMTP_URL = server.url()

    async def work() -> Bag:
        bag = Bag(*names, **options)
        courier = await SmtpTransport().courier(bag)
        courier.wake()
        while not bag.over.is_set():
            try:
                await asyncio.wait_for(bag.over.wait(), 0.1)
            except TimeoutError:
                courier.look_after()
        courier.close()
        await asyncio.sleep(0)
        return bag

    # A thread of its own: browser tests leave a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work()).result()


def at(stage: str, name: str, answer: Answer) -> Any:
    """A script that answers one recipient otherwise at one stage."""

    def script(now: str, recipient: str) -> Answer:
        return answer if now == stage and recipient == f"{name}@example.org" else USUAL[now]

    return script


@pytest.fixture(params=[("PIPELINING", "8BITMIME"), LOCK_STEP], ids=["pipelined", "lock-step"])
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


def test_what_could_end_the_command_or_be_read_otherwise_is_never_said(
    settings: Any, extensions: tuple[str, ...]
) -> None:
    odd = [chr(c) for c in (*range(0x21), 0x7F, 0x80, 0xA0, 0xE5, 0x2028, 0xFF20, 0x1F600, *map(ord, '<>,;:\\"@'))]
    fine = [chr(c) for c in range(0x21, 0x7F) if chr(c) not in odd]
    with scripted_smtp(ScriptedServer(extensions=extensions)) as server:
        bag = carry(server, settings, *(f"a{character}b" for character in (*odd, *fine)))
    refused = {name for name, word in bag.words.items() if isinstance(word, PermanentError)}
    assert refused == {f"a{character}b" for character in odd}
    assert {recipient for _, recipient in server.accepted} == {f"a{character}b@example.org" for character in fine}


def test_one_write_carries_a_content_and_the_next_envelope(settings: Any) -> None:
    with scripted_smtp(ScriptedServer()) as server:
        bag = carry(server, settings, "anna", "bo", "cille")
    assert bag.kinds() == dict.fromkeys(("anna", "bo", "cille"), "Accepted")
    assert [recipient for _, recipient in server.accepted] == [f"{name}@example.org" for name in bag.names]
    envelope = b"MAIL FROM:<nyt@example.org>\r\nRCPT TO:<bo@example.org>\r\nDATA\r\n"
    assert any(chunk.endswith(b"Hej\r\n.\r\n" + envelope) for chunk in server.chunks)
    assert server.connections == 1


def test_where_it_is_not_offered_every_command_waits_for_its_answer(settings: Any) -> None:
    with scripted_smtp(ScriptedServer(extensions=LOCK_STEP)) as server:
        bag = carry(server, settings, "anna", "bo")
    assert bag.kinds() == {"anna": "Accepted", "bo": "Accepted"}
    assert all(chunk.count(b"\r\n") == 1 or chunk.startswith(b"Message-ID") for chunk in server.chunks)


@pytest.mark.parametrize(
    ("stage", "answer", "word"),
    [
        ("rcpt", b"550 5.1.1 No such user\r\n", "PermanentError"),
        ("rcpt", b"550-5.1.1 No\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", "PermanentError"),
        ("rcpt", b"450 4.2.0 Greylisted\r\n", "TransientError"),
        ("rcpt", b"452 4.2.2 Full\r\n", "TransientError"),
        ("rcpt", b"550 5.7.26 Not you\r\n", "AccountError"),
        ("data", b"554 5.5.1 No valid recipients\r\n", "PermanentError"),
        ("data", b"451 4.3.0 Later\r\n", "TransientError"),
        ("dot", b"554 5.7.1 Spam\r\n", "PermanentError"),
        ("dot", b"451 4.3.0 Busy\r\n", "TransientError"),
        ("dot", b"550 5.7.515 Not you\r\n", "AccountError"),
    ],
)
def test_a_refusal_concerns_one_letter_and_the_conversation_goes_on(
    settings: Any, extensions: tuple[str, ...], stage: str, answer: bytes, word: str
) -> None:
    with scripted_smtp(ScriptedServer(at(stage, "bo", answer), extensions)) as server:
        bag = carry(server, settings, "anna", "bo", "cille", "dan")
    assert bag.kinds() == {"anna": "Accepted", "bo": word, "cille": "Accepted", "dan": "Accepted"}
    assert server.connections == 1
    assert [recipient for _, recipient in server.accepted] == [f"{x}@example.org" for x in ("anna", "cille", "dan")]
    assert str(bag.words["bo"]), "in words"


def test_a_server_that_wants_content_for_nobody_gets_a_lone_dot(settings: Any) -> None:
    """RFC 2920 §3.1: RCPT refused, DATA answered 354 all the same."""
    with scripted_smtp(ScriptedServer(at("rcpt", "bo", b"550 5.1.1 No\r\n"))) as server:
        bag = carry(server, settings, "anna", "bo", "cille")
    assert ("bo@example.org", b"") in server.contents
    assert bag.started == ["anna", "cille"]


MANY_LINES = b"421-4.3.2 Closing\r\n421-4.3.2 for the night\r\n421 4.3.2 Come back tomorrow\r\n"


@pytest.mark.parametrize("answer", [None, b"421 4.3.2 Closing\r\n", MANY_LINES], ids=["drops", "421", "421 in lines"])
@pytest.mark.parametrize(
    ("stage", "word"), [("mail", "brought back"), ("rcpt", "TransientError"), ("data", "TransientError")]
)
def test_an_end_before_the_content_costs_nobody_anything(
    settings: Any, extensions: tuple[str, ...], stage: str, word: str, answer: Answer
) -> None:
    """Nothing was handed over; if the envelope itself may be to blame, it counts as an attempt."""
    script = at(stage, "bo", answer)
    if stage == "mail":
        calls: list[str] = []

        def script(now: str, recipient: str) -> Answer:
            calls.append(now)
            return answer if now == "mail" and calls.count("mail") == 2 else USUAL[now]

    with scripted_smtp(ScriptedServer(script, extensions)) as server:
        bag = carry(server, settings, "anna", "bo", "cille")
    assert bag.kinds().get("anna") == "Accepted" and bag.started == ["anna"]
    allowed = {word, "brought back", "TransientError" if answer is None else word}
    assert bag.kinds()["bo"] in allowed
    assert "cille" not in bag.words and isinstance(bag.end, TransientError)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (None, "UncertainError"),
        (b"what?\r\n", "UncertainError"),
        (b"354 Go on\r\n", "UncertainError"),
        (b"421 4.3.2 Closing\r\n", "TransientError"),
        (MANY_LINES, "TransientError"),
    ],
)
def test_an_end_at_the_final_dot_leaves_one_letter_in_doubt_and_no_other(
    settings: Any, extensions: tuple[str, ...], answer: Answer, word: str
) -> None:
    with scripted_smtp(ScriptedServer(at("dot", "anna", answer), extensions)) as server:
        bag = carry(server, settings, "anna", "bo")
    assert bag.kinds()["anna"] == word and bag.started == ["anna"]
    assert bag.kinds().get("bo", "brought back") == "brought back"
    assert [recipient for recipient, _ in server.contents] == ["anna@example.org"]


def test_a_server_that_stalls_is_left_in_time(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_courier, "FINAL_REPLY_TIMEOUT_S", 0.3)
    monkeypatch.setattr(smtp_courier, "REPLY_TIMEOUT_S", 0.3)
    with scripted_smtp(ScriptedServer(at("dot", "anna", 2.0))) as server:
        bag = carry(server, settings, "anna", "bo")
    assert isinstance(bag.words["anna"], UncertainError) and bag.words.get("bo", "brought back") == "brought back"
    with scripted_smtp(ScriptedServer(at("rcpt", "anna", 2.0))) as server:
        bag = carry(server, settings, "anna")
    assert isinstance(bag.words["anna"], TransientError)


def test_what_must_not_start_at_the_last_look_does_not(settings: Any, extensions: tuple[str, ...]) -> None:
    """Whatever is said after 354 would be its content, so the conversation ends instead."""
    with scripted_smtp(ScriptedServer(extensions=extensions)) as server:
        bag = carry(server, settings, "anna", "bo", may_start=lambda name: name != "bo")
    assert bag.words["bo"] == "not started" and bag.end is None
    assert [name for name, _ in server.contents] == ["anna@example.org"]


def test_an_address_that_could_be_a_command_is_never_said(settings: Any) -> None:
    with scripted_smtp(ScriptedServer()) as server:
        bag = carry(server, settings, "anna", "b> SIZE=1\r\nRCPT TO:<c", "dan")
    assert isinstance(bag.words["b> SIZE=1\r\nRCPT TO:<c"], PermanentError)
    assert not [line for line in server.commands if "<c" in line]
    assert bag.kinds()["dan"] == "Accepted"


@pytest.mark.parametrize(
    "sender", ["nyt@example.org>\r\nRCPT TO:<c@example.org", "nyt\n@example.org", "nyt\0@x", "å@x"]
)
def test_a_sender_that_could_be_a_command_is_never_said(settings: Any, sender: str) -> None:
    """It is ours, so the message is held and nobody's address is to blame."""
    with scripted_smtp(ScriptedServer()) as server:
        bag = carry(server, settings, "anna", "bo", sender=lambda name: sender if name == "anna" else "")
    assert isinstance(bag.words["anna"], AccountError)
    assert [line for line in server.commands if line.startswith("MAIL")] == ["MAIL FROM:<>"]
    assert bag.kinds()["bo"] == "Accepted", "no sender at all is one that may be said"


@pytest.mark.parametrize("farewell", [b"421 4.4.2 Idle too long\r\n", MANY_LINES], ids=["one line", "in lines"])
def test_a_farewell_nobody_asked_for(settings: Any, farewell: bytes) -> None:
    """A 421 between two letters: nothing is in hand, nothing is lost."""
    with scripted_smtp(ScriptedServer(at("dot", "anna", b"250 Ok\r\n" + farewell))) as server:
        bag = carry(server, settings, "anna")
    assert bag.kinds() == {"anna": "Accepted"}


@pytest.mark.parametrize("answer", [b"554 5.3.2 No\r\n", b"421 Busy\r\n", None, b"\xff\xfe\r\n"])
def test_a_server_that_greets_nobody(settings: Any, answer: Answer) -> None:
    with (
        scripted_smtp(ScriptedServer(lambda stage, recipient: answer)) as server,
        pytest.raises(TransientError),
    ):
        carry(server, settings, "anna")


def test_an_account_error_is_what_a_refused_sender_is(settings: Any) -> None:
    script = lambda stage, recipient: b"550 5.7.1 Not you\r\n" if stage == "mail" else USUAL[stage]  # noqa: E731
    with scripted_smtp(ScriptedServer(script)) as server:
        bag = carry(server, settings, "anna")
    assert isinstance(bag.words["anna"], AccountError)
