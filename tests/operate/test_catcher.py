"""The mail catcher against a real SMTP conversation."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from publisher.operate.catcher import catch
from publisher.operate.ports import free_port

MAIL = b"Subject: =?utf-8?q?H=C3=B8r?=\r\nTo: all@example.org\r\n\r\n.begins with a dot\r\n\r\nslut\r\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A catcher that keeps its mail in tmp_path/mail."""
    chosen = free_port("127.0.0.1", 21_025)
    loop = asyncio.new_event_loop()
    catching = loop.create_task(catch(tmp_path / "mail", "127.0.0.1", chosen))

    def run() -> None:
        try:
            loop.run_until_complete(catching)
        except asyncio.CancelledError:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", chosen), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    yield chosen
    loop.call_soon_threadsafe(catching.cancel)
    thread.join(timeout=20)


def test_a_mail_is_kept_with_its_envelope_on_top(port: int, tmp_path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="test", timeout=20) as client:
        client.sendmail("bounce+1@kultur.example.org", ["anna@example.org", "bo@example.org"], MAIL)
    (kept,) = (tmp_path / "mail").iterdir()
    assert kept.suffix == ".eml"
    message = message_from_bytes(kept.read_bytes())
    assert message["X-Mail-From"] == "bounce+1@kultur.example.org"
    assert message.get_all("X-Rcpt-To") == ["anna@example.org", "bo@example.org"]
    assert kept.read_bytes().endswith(MAIL)


def test_several_mails_on_one_connection_are_several_files(port: int, tmp_path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="test", timeout=20) as client:
        for number in range(30):
            client.sendmail("nyt@kultur.example.org", [f"laeser{number}@example.org"], MAIL)
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 30
    assert list((tmp_path / "mail").glob("*.part")) == []


def test_where_it_cannot_write_the_sender_is_told_to_come_back(port: int, tmp_path: Path) -> None:
    (tmp_path / "mail").rmdir()
    (tmp_path / "mail").write_text("a file where the folder was")
    client = smtplib.SMTP("127.0.0.1", port, local_hostname="test", timeout=20)
    with client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("nyt@kultur.example.org", ["anna@example.org"], MAIL)
    assert refused.value.smtp_code == 452
