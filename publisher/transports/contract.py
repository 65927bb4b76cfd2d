"""What an e-mail transport plug-in is: it opens connections, and hands over one mail at a time or a bag of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from publisher.errors import OpslagError
from publisher.transports.esps import Headers

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Accepted(NamedTuple):
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


class Letter(NamedTuple):
    """One mail in hand: the delivery's number, its envelope, and its content.

    The content is in wire form: CRLF lines of which none begins with a dot, and CRLF at its end.
    """

    number: int
    sender: str
    recipient: str
    content: bytes


class Mailbag(Protocol):
    """Where couriers take letters from, and whom they tell what became of them; each letter gets exactly one word.

    All of it is called in the couriers' event loop, so none of it may block.
    """

    def take(self) -> Letter | None:
        """The next letter; None if there is none at the moment."""

    def starting(self, letter: Letter) -> bool:
        """The first byte of its content is about to leave. False: it must not; the courier forgets the letter."""

    def accepted(self, letter: Letter, code: int) -> None:
        """The server took responsibility for it, and said so with this code."""

    def ended(self, letter: Letter, error: OpslagError) -> None:
        """It was not accepted: an error as `Connection.send` raises them."""

    def brought_back(self, letter: Letter) -> None:
        """It was not handed over, and no answer speaks of it: another courier may take it."""

    def lost(self, courier: Courier, error: OpslagError | None) -> None:
        """A courier's connection ended; `error` says why, unless `close` was called."""


class Courier(Protocol):
    """One connection that hands over letters, as many at a time as it likes; `answered` counts those with an answer."""

    answered: int

    def wake(self) -> None:
        """There may be letters to take."""

    def is_idle(self) -> bool:
        """Whether it holds no letter."""

    def look_after(self) -> None:
        """Give up on an answer that does not come; to be called about once a second."""

    def close(self) -> None:
        """End: politely if it is idle, else at once. What was handed over and not answered is uncertain."""


class Transport(ABC):
    """How e-mail leaves. Opening may raise TransientError (not reachable) or AccountError (refused credentials)."""

    kind: ClassVar[str]
    label: ClassVar[StrOrPromise]

    @abstractmethod
    def connect(self) -> Connection:
        """Open one connection, ready to send."""

    @abstractmethod
    async def courier(self, mailbag: Mailbag) -> Courier:
        """Open one connection for a courier; it begins to take letters when it is woken."""

    @classmethod
    def message_headers(cls, *, bulk: bool) -> Headers:
        """Header lines (name, value) that every mail carries for this way out: newsletters (`bulk`), or other mail.

        `esps.DELIVERY_KEY` in a value stands for what is before the @ of the mail's Message-ID.
        """
        return ()

    @abstractmethod
    def check(self) -> str:
        """Try a conversation without sending; answers what the server said of itself (for doctor)."""
