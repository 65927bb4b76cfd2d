"""The SMTP transport against a real server: every reply has its one meaning."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from publisher.errors import AccountError, OpslagError, PermanentError, TransientError, UncertainError
from publisher.transports.smtp import SmtpTransport
from publisher.transports.smtp_replies import refusal_of_content, refusal_of_recipient
from publisher.transports.smtp_session import SmtpAddress
from tests.smtp_sink import RunningSink, running_sink

CONTENT = b"Message-ID: <d1@opslag.test>\r\nSubject: x\r\n\r\n.starts with a dot\r\n..two\r\nlast"


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSink]:
    with running_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


@pytest.fixture
def transport(sink: RunningSink, settings: pytest.FixtureRequest) -> SmtpTransport:
    settings.OPSLAG_SMTP_URL = sink.url
    return SmtpTransport()


def test_an_accepted_message_arrives_byte_for_byte(transport: SmtpTransport, sink: RunningSink) -> None:
    connection = transport.connect()
    accepted = connection.send("nyt@example.org", "anna@example.org", CONTENT)
    assert accepted.code == 250 and connection.is_open()
    connection.close()
    assert sink.accepted()[-1] == ("<d1@opslag.test>", "anna@example.org")
    assert sink.messages()[-1] == b"X-Rcpt-To: anna@example.org\r\n" + CONTENT + b"\r\n"


@pytest.mark.parametrize(
    ("recipient", "error", "reason", "stays_open"),
    [
        ("unknown@example.org", PermanentError, "refused", True),
        ("grey@example.org", TransientError, "busy", True),
        ("full@example.org", TransientError, "busy", True),
        ("policy@example.org", AccountError, "account", True),
        ("spam@example.org", PermanentError, "content_refused", True),
        ("busy@example.org", TransientError, "busy", True),
        ("droprcpt@example.org", TransientError, "connection", False),
        ("dropdata@example.org", TransientError, "connection", False),
        ("dropbefore@example.org", UncertainError, "answer_lost", False),
        ("dropafter@example.org", UncertainError, "answer_lost", False),
        ("anna <x>@example.org", PermanentError, "refused", True),
        ("a@b.dk\r\nRCPT TO:<c@d.dk>", PermanentError, "refused", True),
        ("søren@example.org", PermanentError, "refused", True),
    ],
)
def test_what_each_answer_means(
    transport: SmtpTransport, recipient: str, error: type[OpslagError], reason: str, stays_open: bool
) -> None:
    connection = transport.connect()
    with pytest.raises(error) as caught:
        connection.send("nyt@example.org", recipient, CONTENT)
    assert caught.value.reason == reason and str(caught.value)
    assert connection.is_open() == stays_open
    if stays_open:
        assert connection.send("nyt@example.org", "anna@example.org", CONTENT).code == 250
    connection.close()


def test_a_server_that_is_not_there(settings: pytest.FixtureRequest) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.OPSLAG_SMTP_URL = f"smtp+plain://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(TransientError) as caught:
            SmtpTransport().connect()
    assert caught.value.reason == "connection"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://u%40x:p%2Fw@mail.example.org", SmtpAddress("mail.example.org", 587, "smtp", "u@x", "p/w")),
        ("smtps://mail.example.org", SmtpAddress("mail.example.org", 465, "smtps", "", "")),
        ("smtp+plain://127.0.0.1:1025", SmtpAddress("127.0.0.1", 1025, "smtp+plain", "", "")),
    ],
)
def test_the_address_is_read_from_its_setting(url: str, expected: SmtpAddress) -> None:
    assert SmtpAddress.from_url(url) == expected


@pytest.mark.parametrize("url", ["", "mail.example.org", "http://mail.example.org", "smtp://"])
def test_a_wrong_address_says_what_it_should_look_like(url: str) -> None:
    with pytest.raises(AccountError, match="smtp://"):
        SmtpAddress.from_url(url)


@pytest.mark.parametrize(
    ("code", "text", "error"),
    [
        (550, b"5.1.1 no such user", PermanentError),
        (550, b"5.1.8 bad sender", AccountError),
        (550, b"5.7.515 does not authenticate", AccountError),
        (421, b"4.7.0 later", TransientError),
    ],
)
def test_codes_that_speak_of_us_are_never_held_against_the_recipient(
    code: int, text: bytes, error: type[OpslagError]
) -> None:
    assert isinstance(refusal_of_recipient(code, text), error)
    assert isinstance(refusal_of_content(code, text), error)


def test_a_message_for_people_is_in_their_language(transport: SmtpTransport) -> None:
    connection = transport.connect()
    with pytest.raises(PermanentError) as caught:
        connection.send("nyt@example.org", "unknown@example.org", CONTENT)
    assert "5.1.1 User unknown" in str(caught.value)
    connection.close()
