"""Opening an SMTP conversation: greeting, EHLO, TLS with verification, sign-in (RFC 5321, 3207, 4954)."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop

from publisher.errors import AccountError
from publisher.transports.smtp_courier import Reply, SmtpCourier
from publisher.transports.smtp_replies import asked_to_wait, detail_of, unreachable

CONNECT_TIMEOUT_S = 10.0
# For the greeting and the answer to EHLO. RFC 5321 §4.5.3.2 asks for 5 minutes; a lane and a notice cannot wait that
# long, and servers that make strangers wait on purpose do so for 5 or 6 seconds.
GREETING_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class SmtpAddress:
    """Where the mail server is and how to speak to it, read from OPSLAG_SMTP_URL."""

    host: str
    port: int
    security: str
    user: str
    password: str

    @classmethod
    def from_url(cls, url: str, *, host: str = "", user: str = "") -> SmtpAddress:
        """Read smtp:// (STARTTLS, 587), smtps:// (TLS, 465) or smtp+plain:// (25). Raises AccountError.

        `host` and `user` stand in for those that the URL leaves out (`smtp://:password@`).
        """
        parts = urlsplit(url)
        defaults = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
        host = parts.hostname or host
        if parts.scheme not in defaults or not host:
            raise AccountError(
                gettext_noop("OPSLAG_SMTP_URL must look like smtp://user:password@mail.example.org:587."),
                reason="account",
            )
        port = parts.port or defaults[parts.scheme]
        password = unquote(parts.password or "")
        return cls(host, port, parts.scheme, unquote(parts.username or "") or (user if password else ""), password)


@dataclass(frozen=True)
class Offer:
    """What the server said in answer to EHLO: its name for itself, and its extensions by keyword."""

    name: str
    extensions: dict[str, str]

    @classmethod
    def of(cls, reply: Reply) -> Offer:
        """Read the lines of an EHLO reply."""
        first, *rest = reply.text.decode("utf-8", "replace").split("\n")
        words = [line.partition(" ") for line in rest]
        return cls(first.partition(" ")[0], {keyword.upper(): values for keyword, _space, values in words})


async def open_session(where: SmtpAddress) -> tuple[SmtpCourier, Offer]:
    """Connect, greet, encrypt and sign in.

    Raises TransientError (not reachable, busy) or AccountError (certificate, TLS or sign-in refused).
    """
    courier = await _connected(where)
    try:
        greeting = await courier.command(timeout_s=GREETING_TIMEOUT_S)
        if greeting.code != 220:
            raise asked_to_wait(greeting.code, greeting.text)
        offer = await _hello(courier)
        if where.security == "smtp":
            await _encrypt(courier, offer, where)
            offer = await _hello(courier)
        if where.user:
            await _sign_in(courier, offer, where)
        if not courier.is_open:
            # It hung up behind its last answer, before there was a bag to be told.
            raise unreachable(None)
    except BaseException:
        courier.close()
        raise
    return courier, offer


async def _connected(where: SmtpAddress) -> SmtpCourier:
    context = ssl.create_default_context() if where.security == "smtps" else None
    loop = asyncio.get_running_loop()
    try:
        opening = loop.create_connection(SmtpCourier, where.host, where.port, ssl=context)
        _transport, courier = await asyncio.wait_for(opening, CONNECT_TIMEOUT_S)
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(error) from error
    except (OSError, TimeoutError) as error:
        raise unreachable(error) from error
    return courier


async def _hello(courier: SmtpCourier) -> Offer:
    # A fixed name: asking DNS for this host's full name may hang.
    name = settings.OPSLAG_MAIL_DOMAIN.encode("idna").decode()
    reply = await courier.command(f"EHLO {name}", timeout_s=GREETING_TIMEOUT_S)
    if reply.code == 250:
        return Offer.of(reply)
    reply = await courier.command(f"HELO {name}", timeout_s=GREETING_TIMEOUT_S)
    if reply.code != 250:
        raise asked_to_wait(reply.code, reply.text)
    return Offer(detail_of(reply.text), {})


async def _encrypt(courier: SmtpCourier, offer: Offer, where: SmtpAddress) -> None:
    if "STARTTLS" not in offer.extensions:
        raise _not_offered("STARTTLS")
    reply = await courier.command("STARTTLS")
    if reply.code != 220:
        raise _not_offered(f"{reply.code} {detail_of(reply.text)}")
    loop, context = asyncio.get_running_loop(), ssl.create_default_context()
    try:
        await courier.encrypt(
            lambda plain: loop.start_tls(plain, courier, context, server_hostname=where.host)  # type: ignore[arg-type, return-value]
        )
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(error) from error
    except (OSError, TimeoutError) as error:
        raise unreachable(error) from error


async def _sign_in(courier: SmtpCourier, offer: Offer, where: SmtpAddress) -> None:
    mechanisms = offer.extensions.get("AUTH", "").upper().split()
    if "PLAIN" in mechanisms:
        secret = b64encode(f"\0{where.user}\0{where.password}".encode()).decode()
        reply = await courier.command(f"AUTH PLAIN {secret}")
    elif "LOGIN" in mechanisms:
        reply = await courier.command("AUTH LOGIN")
        for word in (where.user, where.password):
            if reply.code == 334:
                reply = await courier.command(b64encode(word.encode()).decode())
    else:
        raise _not_offered("AUTH PLAIN")
    if 400 <= reply.code < 500:
        raise asked_to_wait(reply.code, reply.text)
    if reply.code != 235:
        raise AccountError(
            gettext_noop("The mail server refused the user name or password: %(code)s %(detail)s"),
            reason="account",
            code=reply.code,
            detail=detail_of(reply.text),
        )


def _untrusted(error: ssl.SSLCertVerificationError) -> AccountError:
    return AccountError(
        gettext_noop("The mail server's certificate cannot be trusted: %(detail)s"),
        reason="account",
        detail=detail_of(error.verify_message),
    )


def _not_offered(detail: str) -> AccountError:
    return AccountError(
        gettext_noop("The mail server does not offer what OPSLAG_SMTP_URL asks for: %(detail)s"),
        reason="account",
        detail=detail,
    )
