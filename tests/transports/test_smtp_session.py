"""Opening a conversation: TLS that is verified, sign-in, and what a server that misbehaves gets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from publisher.errors import AccountError, TransientError, UncertainError
from publisher.transports import smtp_session
from publisher.transports.smtp import SmtpTransport
from publisher.transports.smtp_courier import SmtpCourier
from tests.scripted_smtp import USUAL, Answer, ScriptedServer, scripted_smtp

CONTENT = b"Message-ID: <1@x>\r\n\r\n.dot\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A certificate for localhost that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    yield path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were one of the machine's authorities."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def sent(server: ScriptedServer, settings: Any, scheme: str = "smtp", sign_in: str = "") -> list[tuple[str, str]]:
    settings.OPSLAG_SMTP_URL = server.url(scheme, sign_in)
    connection = SmtpTransport().connect()
    connection.send("nyt@example.org", "anna@example.org", CONTENT)
    connection.close()
    return server.accepted


@pytest.mark.usefixtures("trusted")
def test_over_starttls_the_greeting_is_said_again_and_the_mail_arrives(tls: ssl.SSLContext, settings: Any) -> None:
    with scripted_smtp(ScriptedServer(extensions=("STARTTLS", "PIPELINING"), tls=tls)) as server:
        assert sent(server, settings) == [("<1@x>", "anna@example.org")]
    assert [line[:4] for line in server.commands][:3] == ["EHLO", "STAR", "EHLO"]
    assert server.contents == [("anna@example.org", b"Message-ID: <1@x>\r\n\r\n..dot")]


@pytest.mark.usefixtures("trusted")
def test_over_implicit_tls_no_word_is_said_in_clear_and_the_mail_arrives(tls: ssl.SSLContext, settings: Any) -> None:
    """RFC 8314 §3.3."""
    with scripted_smtp(ScriptedServer(tls=tls, tls_from_the_start=True)) as server:
        assert sent(server, settings, "smtps") == [("<1@x>", "anna@example.org")]
    assert [line[:4] for line in server.commands][:2] == ["EHLO", "MAIL"]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_vouches_for_is_refused(tls: ssl.SSLContext, settings: Any, scheme: str) -> None:
    script = ScriptedServer(extensions=("STARTTLS",), tls=tls, tls_from_the_start=scheme == "smtps")
    with scripted_smtp(script) as server, pytest.raises(AccountError) as caught:
        sent(server, settings, scheme)
    assert "certificate" in caught.value.explanation.msgid and not server.accepted


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_of_another_server_is_refused(
    tls: ssl.SSLContext, settings: Any, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    script = ScriptedServer(extensions=("STARTTLS",), tls=tls, tls_from_the_start=scheme == "smtps")
    with scripted_smtp(script) as server, pytest.raises(AccountError) as caught:
        monkeypatch.setattr(server, "url", lambda *_: f"{scheme}://127.0.0.1:{server.port}")
        sent(server, settings, scheme)
    assert "certificate" in caught.value.explanation.msgid and not server.accepted


@pytest.mark.parametrize("answer", [b"454 4.7.0 Not now\r\n", b"220 Go\r\n250 2.0.0 Injected\r\n"])
def test_a_server_that_is_not_clear_about_tls_gets_nothing(tls: ssl.SSLContext, settings: Any, answer: Answer) -> None:
    """The second one is the injection of RFC 3207 §4.2: what was said in clear must not count after."""
    script = lambda stage, recipient: answer if stage == "starttls" else USUAL[stage]  # noqa: E731
    with (
        scripted_smtp(ScriptedServer(script, extensions=("STARTTLS",), tls=tls)) as server,
        pytest.raises((AccountError, TransientError)),
    ):
        sent(server, settings)
    assert not server.accepted


def test_without_starttls_no_word_goes_in_clear(settings: Any) -> None:
    with scripted_smtp(ScriptedServer()) as server, pytest.raises(AccountError) as caught:
        sent(server, settings)
    assert caught.value.explanation.params["detail"] == "STARTTLS"
    assert {line[:4] for line in server.commands} <= {"EHLO", "QUIT"}


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ("AUTH PLAIN LOGIN", ["AUTH PLAIN " + b64encode(b"\0anna\0h@mmelighed").decode()]),
        ("AUTH LOGIN", ["AUTH LOGIN", b64encode(b"anna").decode(), b64encode(b"h@mmelighed").decode()]),
    ],
)
def test_signing_in(settings: Any, offered: str, said: list[str]) -> None:
    with scripted_smtp(ScriptedServer(extensions=(offered, "PIPELINING"))) as server:
        assert sent(server, settings, "smtp+plain", "anna:h%40mmelighed@")
    assert server.commands[1 : 1 + len(said)] == said


@pytest.mark.parametrize(
    ("offered", "answer", "error"),
    [
        ("AUTH PLAIN", b"535 5.7.8 Wrong\r\n", AccountError),
        ("AUTH PLAIN", b"454 4.7.0 Later\r\n", TransientError),
        ("AUTH CRAM-MD5", b"", AccountError),
    ],
)
def test_a_sign_in_that_fails(settings: Any, offered: str, answer: bytes, error: type[Exception]) -> None:
    script = lambda stage, recipient: answer if stage == "auth" else USUAL[stage]  # noqa: E731
    with scripted_smtp(ScriptedServer(script, extensions=(offered,))) as server, pytest.raises(error) as caught:
        sent(server, settings, "smtp+plain", "anna:forkert@")
    assert "forkert" not in str(caught.value) and "Zm9ya2VydA" not in str(caught.value)


@contextmanager
def says_and_hangs_up(*answers: bytes, after_s: float = 0.0) -> Iterator[str]:
    """A server that greets with the first answer, says each further one to whatever it hears, and is gone `after_s`."""

    def serve() -> None:
        talk, _ = listener.accept()
        with talk:
            for number, answer in enumerate(answers):
                if number:
                    talk.recv(10_000)
                talk.sendall(answer)
            time.sleep(after_s)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"smtp+plain://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "answers", [(b"220 x\r\n",), (b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n")], ids=["greeting", "EHLO"]
)
def test_a_server_that_hangs_up_behind_its_answer_is_left_at_once(settings: Any, answers: tuple[bytes, ...]) -> None:
    began_s = time.monotonic()
    with says_and_hangs_up(*answers) as settings.OPSLAG_SMTP_URL, pytest.raises(TransientError) as caught:
        SmtpTransport().connect().send("nyt@example.org", "anna@example.org", CONTENT)
    assert caught.value.reason == "connection" and time.monotonic() - began_s < 5


def on_a_thread(work: Coroutine[Any, Any, None]) -> None:
    # Browser tests leave a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def connected(listener: socket.socket) -> SmtpCourier:
    opening = asyncio.get_running_loop().create_connection(SmtpCourier, *listener.getsockname())
    return (await opening)[1]


def test_a_command_to_nobody_waits_for_no_answer() -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            courier = await connected(listener)
            with listener.accept()[0] as talk:
                talk.sendall(b"220 x\r\n")
            while courier.is_open:
                await asyncio.sleep(0.01)
        assert (await courier.command()).code == 220, "what was said counts"
        with pytest.raises(TransientError) as caught:
            await courier.command("EHLO x", timeout_s=2)
        assert "closed" in caught.value.explanation.msgid

    on_a_thread(work())


def test_a_conversation_that_was_closed_brings_no_greeting() -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            courier = await connected(listener)
            courier.close()
            with pytest.raises(TransientError) as caught:
                await courier.command(timeout_s=2)
        assert "closed" in caught.value.explanation.msgid

    on_a_thread(work())


def test_a_connection_that_was_lost_carries_nothing_more(settings: Any) -> None:
    script = lambda stage, recipient: None if stage == "dot" else USUAL[stage]  # noqa: E731
    with scripted_smtp(ScriptedServer(script)) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        connection = SmtpTransport().connect()
        with pytest.raises(UncertainError):
            connection.send("nyt@example.org", "anna@example.org", CONTENT)
        with pytest.raises(TransientError):
            connection.send("nyt@example.org", "anna@example.org", CONTENT)
        connection.close()


@pytest.mark.parametrize("silent_after", [(), (b"220 x\r\n",)], ids=["no greeting", "no answer to EHLO"])
def test_a_server_that_does_not_greet_is_left_in_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch, silent_after: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(smtp_session, "GREETING_TIMEOUT_S", 0.3)
    began_s = time.monotonic()
    with (
        says_and_hangs_up(*silent_after, after_s=3.0) as settings.OPSLAG_SMTP_URL,
        pytest.raises(TransientError) as caught,
    ):
        SmtpTransport().connect()
    assert "does not answer" in caught.value.explanation.msgid and time.monotonic() - began_s < 2
