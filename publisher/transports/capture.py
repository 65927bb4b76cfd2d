"""The transport that sends nothing: it keeps each message as a file, for environments that must never send."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from publisher.transports.contract import Accepted, Connection, Courier, Mailbag, Transport
from publisher.transports.plain_courier import PlainCourier


class CaptureConnection:
    """Writes each message into the folder, as one .eml file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, envelope_from: str, recipient: str, content: bytes) -> Accepted:
        """Keep the message; always accepted."""
        finished = self.folder / f"{uuid.uuid4().hex}.eml"
        half = finished.with_suffix(".part")
        half.write_bytes(b"X-Rcpt-To: " + recipient.encode() + b"\r\n" + content)
        half.rename(finished)
        return Accepted(250, "kept")

    def is_open(self) -> bool:
        """Always: a folder does not hang up."""
        return True

    def close(self) -> None:
        """Nothing to close."""


class CaptureTransport(Transport):
    """Keeps mail in OPSLAG_HOME/captured instead of sending it."""

    kind = "capture"
    label = _("Keep as files")

    def connect(self) -> Connection:
        """Make sure that the folder is there."""
        folder = Path(settings.OPSLAG_HOME) / "captured"
        folder.mkdir(parents=True, exist_ok=True)
        return CaptureConnection(folder)

    async def courier(self, mailbag: Mailbag) -> Courier:
        """One that writes file after file."""
        return PlainCourier(self.connect(), mailbag)

    def check(self) -> str:
        """Answers with the folder."""
        return str(Path(settings.OPSLAG_HOME) / "captured")
