"""What an e-mail transport plug-in is: it opens a connection and hands over one message at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Accepted:
    """The server took responsibility for the message: its reply code and text."""

    code: int
    text: str = ""


class Connection(Protocol):
    """An open conversation with a mail server; not thread-safe."""

    def send(self, envelope_from: str, recipient: str, content: bytes) -> Accepted:
        """Hand over one message (`content` in wire form: CRLF lines, not dot-stuffed).

        Raises TransientError, PermanentError (this message or recipient), AccountError (the server refuses us as
        sender), UncertainError (lost after the content was handed over and before the reply).
        """

    def is_open(self) -> bool:
        """Whether another message can be sent on this connection."""

    def close(self) -> None:
        """End politely; never raises."""


class Transport(ABC):
    """How e-mail leaves. Opening may raise TransientError (not reachable) or AccountError (refused credentials)."""

    kind: ClassVar[str]
    label: ClassVar[StrOrPromise]

    @abstractmethod
    def connect(self) -> Connection:
        """Open one connection, ready to send."""

    @abstractmethod
    def check(self) -> str:
        """Try a conversation without sending; answers what the server said of itself (for doctor)."""
