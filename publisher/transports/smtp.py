"""The SMTP transport: one message, one recipient, one lock-step conversation, every reply given a defined meaning."""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher.errors import AccountError, OpslagError, PermanentError, TransientError, UncertainError
from publisher.transports.contract import Accepted, Connection, Transport

CONNECT_TIMEOUT_S = 10
REPLY_TIMEOUT_S = 60
# The longest a server may take to answer the final dot before we call the outcome unknown (RFC 5321 §4.5.3.2.6 asks
# for 10 minutes; a lane's lease does not allow that much).
FINAL_REPLY_TIMEOUT_S = 40

_SAFE_ADDRESS = re.compile(r"[^\s<>,;:\\\"\x00-\x1f\x7f-\U0010ffff]+@[A-Za-z0-9.\-\[\]:]+")
_ENHANCED = re.compile(rb"^\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
# Codes that speak of us as sender, not of the recipient (facts: bounce classification table; RFC 3463, IANA registry).
_OUR_FAULT = {(1, 7), (1, 8), (7, 20), (7, 23), (7, 25), (7, 26), (7, 29), (7, 515)}
_DETAIL_LIMIT = 200


@dataclass(frozen=True)
class SmtpAddress:
    """Where the mail server is and how to speak to it, read from OPSLAG_SMTP_URL."""

    host: str
    port: int
    security: str
    user: str
    password: str

    @classmethod
    def from_url(cls, url: str) -> SmtpAddress:
        """Read smtp:// (STARTTLS, 587), smtps:// (TLS, 465) or smtp+plain:// (25). Raises AccountError."""
        parts = urlsplit(url)
        defaults = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
        if parts.scheme not in defaults or not parts.hostname:
            raise AccountError(
                gettext_noop("OPSLAG_SMTP_URL must look like smtp://user:password@mail.example.org:587."),
                reason="account",
            )
        port = parts.port or defaults[parts.scheme]
        return cls(parts.hostname, port, parts.scheme, unquote(parts.username or ""), unquote(parts.password or ""))


def detail_of(text: bytes | str) -> str:
    """A server's reply as one short printable line, fit for a row and a page."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(c if c.isprintable() else " " for c in decoded).split())[:_DETAIL_LIMIT]


def _is_our_fault(text: bytes) -> bool:
    found = _ENHANCED.match(text)
    return found is not None and (int(found[2]), int(found[3])) in _OUR_FAULT


def _busy(code: int, text: bytes) -> TransientError:
    return TransientError(
        gettext_noop("The mail server asked us to wait: %(code)s %(detail)s"),
        reason="connection" if code == 421 else "busy",
        code=code,
        detail=detail_of(text),
    )


def _sender_refused(code: int, text: bytes) -> AccountError:
    return AccountError(
        gettext_noop("The mail server refuses us as sender: %(code)s %(detail)s"),
        reason="account",
        code=code,
        detail=detail_of(text),
    )


def refusal_of_recipient(code: int, text: bytes) -> OpslagError:
    """What a refused RCPT means: wait, our own fault, or no such recipient."""
    if code < 500:
        return _busy(code, text)
    if _is_our_fault(text):
        return _sender_refused(code, text)
    return PermanentError(
        gettext_noop("The receiving server refused the address: %(code)s %(detail)s"),
        reason="refused",
        code=code,
        detail=detail_of(text),
    )


def refusal_of_content(code: int, text: bytes) -> OpslagError:
    """What a refused DATA or final dot means: wait, our own fault, or this content."""
    if code < 500:
        return _busy(code, text)
    if _is_our_fault(text):
        return _sender_refused(code, text)
    return PermanentError(
        gettext_noop("The receiving server refused the content: %(code)s %(detail)s"),
        reason="content_refused",
        code=code,
        detail=detail_of(text),
    )


def _unreachable(error: Exception) -> TransientError:
    return TransientError(
        gettext_noop("No connection to the mail server: %(detail)s"),
        reason="connection",
        detail=detail_of(str(error) or type(error).__name__),
    )


class SmtpConnection:
    """One open SMTP conversation; not thread-safe."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self.server = server

    def send(self, envelope_from: str, recipient: str, content: bytes) -> Accepted:
        """Hand over one message; see Connection.send for what each error means."""
        if not _SAFE_ADDRESS.fullmatch(recipient):
            raise PermanentError(
                gettext_noop("This is not an address a mail server understands; correct it."), reason="refused"
            )
        try:
            self._envelope(envelope_from, recipient)
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            raise _unreachable(error) from error
        return self._content(content)

    def _envelope(self, envelope_from: str, recipient: str) -> None:
        code, text = self.server.mail(envelope_from)
        if code != 250:
            self._refuse(code, _busy(code, text) if code < 500 else _sender_refused(code, text))
        code, text = self.server.rcpt(recipient)
        if code not in (250, 251):
            self._refuse(code, refusal_of_recipient(code, text))
        code, text = self.server.docmd("DATA")
        if code != 354:
            self._refuse(code, refusal_of_content(code, text))

    def _refuse(self, code: int, error: OpslagError) -> NoReturn:
        if code == 421:
            self._hang_up()
        else:
            self.server.rset()
        raise error

    def _content(self, content: bytes) -> Accepted:
        # RFC 5321 §4.5.2: a line that begins with a dot gets another one in front.
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        ending = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            if self.server.sock is not None:
                self.server.sock.settimeout(FINAL_REPLY_TIMEOUT_S)
            self.server.send(stuffed + ending)
            code, text = self.server.getreply()
            if self.server.sock is not None:
                self.server.sock.settimeout(REPLY_TIMEOUT_S)
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            raise UncertainError(
                gettext_noop("Handed over to the mail server, but its answer was lost: %(detail)s"),
                reason="answer_lost",
                detail=detail_of(str(error) or type(error).__name__),
            ) from error
        if 200 <= code < 300:
            return Accepted(code, detail_of(text))
        if code == 421:
            self._hang_up()
        raise refusal_of_content(code, text)

    def is_open(self) -> bool:
        """Whether the socket is still ours."""
        return self.server.sock is not None

    def _hang_up(self) -> None:
        self.server.close()

    def close(self) -> None:
        """Say QUIT; a server that no longer listens is no error, since everything has its outcome."""
        try:
            if self.is_open():
                self.server.quit()
        except (OSError, smtplib.SMTPException):
            self._hang_up()


class SmtpTransport(Transport):
    """Speaks to the mail server of OPSLAG_SMTP_URL, with certificate verification where there is TLS."""

    kind = "smtp"
    label = _("Mail server (SMTP)")

    def __init__(self) -> None:
        self.address = SmtpAddress.from_url(settings.OPSLAG_SMTP_URL)

    def connect(self) -> Connection:
        """Open, secure and sign in. Raises TransientError (unreachable, busy) or AccountError (refused)."""
        try:
            return SmtpConnection(self._open())
        except smtplib.SMTPAuthenticationError as error:
            raise AccountError(
                gettext_noop("The mail server refused the user name or password: %(code)s %(detail)s"),
                reason="account",
                code=error.smtp_code,
                detail=detail_of(error.smtp_error),
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise AccountError(
                gettext_noop("The mail server's certificate cannot be trusted: %(detail)s"),
                reason="account",
                detail=detail_of(error.verify_message),
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise AccountError(
                gettext_noop("The mail server does not offer what OPSLAG_SMTP_URL asks for: %(detail)s"),
                reason="account",
                detail=detail_of(str(error)),
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise _unreachable(error) from error

    def _open(self) -> smtplib.SMTP:
        where = self.address
        # A fixed EHLO name: the default asks DNS for this host's full name and may hang there.
        name = settings.OPSLAG_MAIL_DOMAIN
        server: smtplib.SMTP
        if where.security == "smtps":
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(
                where.host, where.port, local_hostname=name, timeout=CONNECT_TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(where.host, where.port, local_hostname=name, timeout=CONNECT_TIMEOUT_S)
        try:
            if server.sock is not None:
                server.sock.settimeout(REPLY_TIMEOUT_S)
            if where.security == "smtp":
                server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if where.user:
                server.login(where.user, where.password)
        except BaseException:
            server.close()
            raise
        return server

    def check(self) -> str:
        """Connect and hang up again; answers the server's name for itself."""
        server = self._open()
        try:
            return detail_of(server.ehlo_resp or server.helo_resp or b"")
        finally:
            server.close()
