"""The transport that keeps mail as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from publisher.transports.capture import CaptureTransport
from publisher.transports.contract import Transport
from tests.transports.transport_contract import TransportContract, content


class TestCapture(TransportContract):
    @pytest.fixture
    def transport(self, settings: Any) -> Transport:
        return CaptureTransport()

    def test_it_keeps_every_byte(self, transport: Transport, settings: Any) -> None:
        transport.connect().send("nyt@example.org", "anna@example.org", content())
        (kept,) = (Path(settings.OPSLAG_HOME) / "captured").glob("*.eml")
        assert kept.read_bytes() == b"X-Rcpt-To: anna@example.org\r\n" + content()
