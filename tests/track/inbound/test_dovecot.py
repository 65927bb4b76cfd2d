"""The same against Dovecot, where Debian's package is installed: a real server's conversation, with TLS verified."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from publisher.models import Delivery, Event, InboundMail, Mailbox
from publisher.track.inbound.mailbox import look_into
from tests.track.inbound.conftest import bounced, return_path, written

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(
        DOVECOT is None or os.geteuid() != 0,
        reason="NOT TESTED against a real IMAP server: needs root and the Debian package dovecot-imapd",
    ),
]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Dovecot:
    """A server of its own with one mailbox; `put` delivers into its Maildir."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.plain, self.tls = folder, free_port(), free_port()
        self.certificate = folder / "certificate.pem"
        self.maildir = folder / "mail" / "retur"
        self.number = 0

    def put(self, *mails: bytes) -> None:
        for mail in mails:
            self.number += 1
            (self.maildir / "new" / f"{int(time.time())}.{self.number}.test").write_bytes(mail)
        subprocess.run(["chown", "-R", "dovecot:dovecot", self.maildir], check=True)

    def left(self) -> int:
        return sum(len(list((self.maildir / place).iterdir())) for place in ("new", "cur"))

    def configuration(self) -> str:
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{self.folder}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{self.folder}/mail/%u
mail_uid = dovecot
mail_gid = dovecot
first_valid_uid = 1
passdb {{
  driver = static
  args = password=hemme:lig/t
}}
userdb {{
  driver = static
  args = uid=dovecot gid=dovecot home={self.folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {self.plain}
  }}
  inet_listener imaps {{
    port = {self.tls}
    ssl = yes
  }}
}}
"""


def certified(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    # Not pytest's own folder: its parents are closed to Dovecot's user.
    folder = Path(tempfile.mkdtemp(prefix="opslag-dovecot-"))
    folder.chmod(0o755)
    certified(folder)
    server = Dovecot(folder)
    for place in ("new", "cur", "tmp"):
        (server.maildir / place).mkdir(parents=True)
    (folder / "dovecot.conf").write_text(server.configuration())
    subprocess.run(["chown", "-R", "dovecot:dovecot", folder / "mail"], check=True)
    assert DOVECOT is not None
    process = subprocess.Popen([DOVECOT, "-F", "-c", str(folder / "dovecot.conf")])
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", server.plain)) == 0:
                    break
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def look() -> int:
    Mailbox.objects.update(due_at=timezone.now())
    return look_into(timezone.now())


def address(scheme: str, server: Dovecot) -> str:
    port = server.tls if scheme == "imaps" else server.plain
    return f"{scheme}://retur:hemme%3Alig%2Ft@localhost:{port}/INBOX"


@pytest.mark.parametrize("scheme", ["imaps", "imap", "imap+plain"])
def test_a_real_mailbox_is_emptied(
    dovecot: Dovecot, delivery: Delivery, settings: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    trusted = ssl.create_default_context(cafile=str(dovecot.certificate))
    monkeypatch.setattr("publisher.transports.imap.ssl.create_default_context", lambda: trusted)
    settings.OPSLAG_BOUNCE_ADDRESS = "bounce+{token}@nyt.example.org"
    settings.OPSLAG_INBOUND_IMAP_URL = address(scheme, dovecot)
    dovecot.put(bounced(return_path(delivery)), *(written("x@nyt.example.org", body=str(n)) for n in range(70)))
    assert look() == 71, Mailbox.objects.get().last_error
    assert dovecot.left() == 0 and look() == 0
    assert Event.objects.get().delivery_id == delivery.pk
    assert InboundMail.objects.count() == 71


def test_an_unknown_certificate_is_not_trusted(
    dovecot: Dovecot, delivery: Delivery, settings: pytest.FixtureRequest
) -> None:
    dovecot.put(bounced(return_path(delivery) if settings.OPSLAG_BOUNCE_ADDRESS else "x@nyt.example.org"))
    for scheme in ("imaps", "imap"):
        settings.OPSLAG_INBOUND_IMAP_URL = address(scheme, dovecot)
        assert look() == 0
        assert "certificate cannot be trusted" in Mailbox.objects.get().last_error["msgid"]
    assert dovecot.left() == 1


def test_what_only_a_person_can_place_is_flagged_and_stays(
    dovecot: Dovecot, delivery: Delivery, settings: pytest.FixtureRequest
) -> None:
    for stale in (*(dovecot.maildir / "new").iterdir(), *(dovecot.maildir / "cur").iterdir()):
        stale.unlink()
    settings.OPSLAG_INBOUND_IMAP_URL = address("imap+plain", dovecot)
    dovecot.put(written("x@nyt.example.org", X_Opslag_Forwarded="1"))
    assert look() == 1 and look() == 0
    assert dovecot.left() == 1 and Mailbox.objects.get().waiting == 1
