"""Editions for tests of the engine that need no composing: a short plain mail with all places filled."""

from __future__ import annotations

import base64

from publisher.models import Message


def bare_segments(message: Message) -> list[list[str]]:
    """Segments as `compose.compiled` stores them (see there)."""

    def text(words: str) -> list[str]:
        return ["bytes", base64.b64encode(words.encode()).decode()]

    return [
        text("To: "),
        ["slot", "to_header"],
        text("\r\nMessage-ID: <d"),
        ["slot", "delivery_id"],
        text(f".{message.public_id.hex}@opslag.test>\r\nSubject: Test\r\n\r\nHej\r\n"),
    ]
