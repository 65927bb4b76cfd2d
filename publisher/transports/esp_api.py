"""An e-mail service's API through django-anymail: one mail and one recipient a call, over our own HTTP client.

Import this only where it is used (`esp.EspTransport` does): what comes with it costs every process 8 MB.
"""

from __future__ import annotations

import io
from typing import Any, cast

import requests
from anymail.backends.base_requests import AnymailRequestsBackend
from anymail.exceptions import AnymailError, AnymailRecipientsRefused
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop
from requests.structures import CaseInsensitiveDict

from publisher import http
from publisher.errors import OpslagError, PermanentError
from publisher.transports.contract import Accepted
from publisher.transports.esp_mail import EspMail, mail_of
from publisher.transports.esp_replies import error_of, not_understood, our_configuration, refused
from publisher.transports.esps import Esp

# Far below the time that the couriers' letters may be on their way (deliver.couriers).
LIMITS = http.FetchLimits(connect_s=5, read_s=25, total_s=30, max_bytes=200_000)
_WELL = frozenset({"sent", "queued", "unknown"})
_NOT_WANTED = frozenset({"invalid", "rejected"})
# What django-anymail raises, and what it stumbles over in an answer that it does not expect.
_WHATEVER = (AnymailError, requests.RequestException, LookupError, ValueError, TypeError, AttributeError)
# Our client makes its own.
_HOP_BY_HOP = frozenset({"content-length", "connection", "accept-encoding", "host", "user-agent"})


class _OurAnswerError(requests.RequestException):
    """Says that our client met an error; the `Way` keeps it."""


class Way(requests.adapters.BaseAdapter):
    """Carries a call of `requests` out over `publisher.http`: its address guard, its limits, its errors.

    `reply` is the last call's answer, `error` why there is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reply: http.Reply | None = None
        self.error: OpslagError | None = None

    def begin(self) -> None:
        """Forget the last call."""
        self.reply = self.error = None

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Make the one call that must never happen twice unseen."""
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            self.reply = http.send(
                request.method or "POST",
                request.url or "",
                commit=True,
                headers=headers,
                content=cast("bytes | str | None", request.body),
                limits=LIMITS,
            )
        except OpslagError as error:
            self.error = our_configuration(error) if isinstance(error, PermanentError) else error
            raise _OurAnswerError(request=request) from error
        return _as_response(self.reply, request)

    def close(self) -> None:
        """Nothing to close: our client is the process's own."""


def _as_response(reply: http.Reply, request: requests.PreparedRequest) -> requests.Response:
    response = requests.Response()
    response.status_code, response.url, response.request = reply.status, reply.url, request
    # django-anymail reads it without asking whether it is there.
    response.headers = CaseInsensitiveDict({"Content-Type": "", **reply.headers})
    response.encoding = "utf-8"
    response.raw = io.BytesIO(reply.body)
    return response


class EspConnection:
    """Calls the API, one mail after the other. Nothing is kept open between calls, so there is nothing to lose."""

    def __init__(self, esp: Esp, credentials: dict[str, str], api_url: str) -> None:
        self._esp, self._way = esp, Way()
        options = {**credentials, **({"api_url": api_url} if api_url else {})}
        make = cast("type[AnymailRequestsBackend]", import_string(f"anymail.backends.{esp.backend}.EmailBackend"))
        self._backend = make(**options)
        self._session: requests.Session = self._backend.create_session()
        # No proxies, no passwords from a .netrc: what is sent is what we say.
        self._session.trust_env = False
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, self._way)
        self._backend.session = self._session

    @property
    def api_url(self) -> str:
        """Where the service's API begins."""
        return str(self._backend.api_url)

    def send(self, envelope_from: str, recipient: str, content: bytes) -> Accepted:
        """Hand over one mail; see Connection.send for what each error means. The service makes the envelope's sender.

        TransientError: reason “busy” if we are too fast, “connection” if nobody is there; surely not handed over.
        """
        mail = mail_of(content, recipient, self._esp)
        self._way.begin()
        if self._esp.once_header:
            self._session.headers[self._esp.once_header] = mail.extra_headers["Message-ID"].strip("<>")
        try:
            self._backend.send_messages([mail])
        except AnymailRecipientsRefused:
            raise refused(self._status(), "") from None
        except _WHATEVER as error:
            # Without its cause: that holds the whole mail, and may end in a log.
            raise self._what_it_means(recipient, error) from None
        return self._accepted(mail, recipient)

    def _status(self) -> int:
        return self._way.reply.status if self._way.reply else 0

    def _what_it_means(self, recipient: str, error: Exception) -> OpslagError:
        """Read from what was said on the wire, not from django-anymail's words."""
        if self._way.error is not None:
            return self._way.error
        reply = self._way.reply
        if reply is None:
            return PermanentError(
                gettext_noop("This mail cannot be handed to the e-mail service (%(kind)s)."),
                reason="content_refused",
                kind=type(error).__name__,
            )
        return error_of(reply, recipient)

    def _accepted(self, mail: EspMail, recipient: str) -> Accepted:
        """What the service says of the one recipient."""
        status, reply = mail.anymail_status, self._way.reply
        if reply is None:
            raise not_understood(0)
        said = set(status.status or ())
        if said <= _NOT_WANTED and said:
            raise refused(reply.status)
        if not said <= _WELL or not status.message_id:
            raise error_of(reply, recipient)
        return Accepted(reply.status, str(status.message_id))

    def is_open(self) -> bool:
        """Always: there is no conversation that could end."""
        return True

    def close(self) -> None:
        """Let django-anymail clear up; never raises."""
        self._backend.close()
