"""The SMTP transport: couriers for newsletters, and one message at a time for notices, over the same conversation."""

from __future__ import annotations

import asyncio
import re

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from publisher.errors import OpslagError
from publisher.transports.contract import Accepted, Connection, Courier, Letter, Mailbag, Transport
from publisher.transports.esps import ESPS, Headers, configured_esp
from publisher.transports.loop_thread import LoopThread
from publisher.transports.smtp_replies import unreachable
from publisher.transports.smtp_session import SmtpAddress, open_session

LOOK_EVERY_S = 1.0


class SmtpTransport(Transport):
    """Speaks to the mail server of OPSLAG_SMTP_URL, with certificate verification where there is TLS."""

    kind = "smtp"
    label = _("Mail server (SMTP)")

    def __init__(self) -> None:
        esp = configured_esp()
        host, user = (esp.host, esp.user) if esp else ("", "")
        self.address = SmtpAddress.from_url(settings.OPSLAG_SMTP_URL, host=host, user=user)

    @classmethod
    def message_headers(cls, *, bulk: bool) -> Headers:
        """Those of the e-mail service behind the mail server, if there is one."""
        esp = ESPS.get(settings.OPSLAG_ESP)
        return esp.headers + (esp.bulk_headers if bulk else esp.notice_headers) if esp else ()

    async def courier(self, mailbag: Mailbag) -> Courier:
        """Open, secure and sign in; pipelines where the server offers it (RFC 2920)."""
        opened, offer = await open_session(self.address)
        opened.carry(mailbag, pipelining="PIPELINING" in offer.extensions)
        return opened

    def connect(self) -> Connection:
        """A connection for one message at a time. Raises TransientError (unreachable, busy) or AccountError."""
        return SmtpConnection(self)

    def check(self) -> str:
        """Connect and hang up again; answers the server's name for itself."""

        async def look() -> str:
            opened, offer = await open_session(self.address)
            opened.close()
            return offer.name

        loop = LoopThread()
        try:
            return loop.run(look())
        finally:
            loop.close()


class SmtpConnection:
    """An open SMTP conversation with an event loop of its own; not thread-safe. It is the bag of its own courier."""

    def __init__(self, transport: SmtpTransport) -> None:
        self._loop = LoopThread()
        self._letter: Letter | None = None
        self._result: asyncio.Future[Accepted] | None = None
        self._open = True
        try:
            self._courier = self._loop.run(transport.courier(self))
        except OpslagError:
            self._loop.close()
            raise

    def send(self, envelope_from: str, recipient: str, content: bytes) -> Accepted:
        """Hand over one message; see Connection.send for what each error means."""
        # RFC 5321 §4.5.2: a line that begins with a dot gets another one in front.
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        ended = stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
        self._letter = Letter(0, envelope_from, recipient, ended)
        return self._loop.run(self._carried())

    async def _carried(self) -> Accepted:
        if not self._open:
            raise unreachable(None)
        self._result = asyncio.get_running_loop().create_future()
        self._courier.wake()
        while not self._result.done():
            await asyncio.wait([self._result], timeout=LOOK_EVERY_S)
            self._courier.look_after()
        return self._result.result()

    def take(self) -> Letter | None:
        """The one letter, once."""
        letter, self._letter = self._letter, None
        return letter

    def starting(self, letter: Letter) -> bool:
        """Nothing speaks against it."""
        return True

    def accepted(self, letter: Letter, code: int) -> None:
        """The answer is yes."""
        if self._result is not None and not self._result.done():
            self._result.set_result(Accepted(code))

    def ended(self, letter: Letter, error: OpslagError) -> None:
        """The answer is no, or there is none."""
        self._fail(error)

    def _fail(self, error: OpslagError) -> None:
        if self._result is not None and not self._result.done():
            self._result.set_exception(error)

    def brought_back(self, letter: Letter) -> None:
        """Only a courier that was closed brings letters back."""

    def lost(self, courier: Courier, error: OpslagError | None) -> None:
        """No further message can be sent."""
        self._open = False
        if error is not None:
            self._fail(error)

    def is_open(self) -> bool:
        """Whether another message can be sent."""
        return self._open

    def close(self) -> None:
        """Say QUIT; a server that no longer listens is no error, since everything has its outcome."""

        async def leave() -> None:
            self._courier.close()
            # The loop must go round once for the farewell to leave.
            await asyncio.sleep(0)

        self._loop.run(leave())
        self._loop.close()
