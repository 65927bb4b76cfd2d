"""The only place that makes HTTP calls: one persistent client per process, limits on time and size, our own errors.

`fetch` reads what is public (feeds, pictures) and follows redirects; `send` makes one call to a platform and follows
none. Both return any status: what a status means is for the caller to say.
"""

from __future__ import annotations

import json as json_codec
import os
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, cast

import httpx
from django.conf import settings
from django.utils.translation import gettext_noop

from publisher.address_guard import GuardedTransport, check_url, time_left, time_limit
from publisher.errors import OpslagError, PermanentError, TransientError, UncertainError
from publisher.vocabulary import Reason

TOO_LARGE = "too_large"
TOO_MANY_REDIRECTS = "too_many_redirects"
UNREADABLE_ANSWER = "unreadable_answer"
BAD_REQUEST = "bad_request"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT_REDIRECTS = frozenset({301, 308})
# Validators belong to one address, so they are for the first hop only; the rest stays with the server it is meant for.
_FIRST_HOP_ONLY = frozenset({"if-none-match", "if-modified-since"})
_HARMLESS = frozenset({"accept", "accept-language"})
_RETRY_AFTER_S = (60.0, 86_400.0)


@dataclass(frozen=True)
class FetchLimits:
    """How long (seconds) and how much (bytes, packed or unpacked) a call may take; `total_s` covers all its hops."""

    connect_s: float = 5
    read_s: float = 10
    total_s: float = 30
    max_bytes: int = 5_000_000
    max_redirects: int = 5


@dataclass(frozen=True)
class Reply:
    """A whole answer, from `url`; `permanent_url` is the same if only permanent redirects led there, else empty."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str
    permanent_url: str = ""


class _AnswerError(Exception):
    """An answer that is no use to us, with the sentence for staff."""

    def __init__(self, msgid: str, reason: str) -> None:
        super().__init__(reason)
        self.msgid = msgid
        self.reason = reason


_clients: dict[tuple[int, bool], httpx.Client] = {}
_beneath: list[httpx.Client] = []


def fetch(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    limits: FetchLimits = FetchLimits(),
) -> Reply:
    """GET `url`, following redirects, each hop through the address guard; conditional headers go to the first hop only.

    Raises TransientError (unknown name, refused, TLS, time-out) or PermanentError (forbidden or bad address, too large,
    too many redirects, unreadable).
    """
    current, asked, permanent = url, dict(headers or {}), True
    with time_limit(limits.total_s):
        for hop in range(limits.max_redirects + 1):
            target = check_url(current)
            with _our_errors(target.host), closing(_start("GET", target, limits, headers=asked)) as response:
                onward = response.headers.get("location", "") if response.status_code in _REDIRECTS else ""
                if not onward:
                    body = _read(response, limits.max_bytes)
                    moved = current if hop and permanent else ""
                    return Reply(response.status_code, response.headers, body, current, moved)
            permanent = permanent and response.status_code in _PERMANENT_REDIRECTS
            following = _joined(target, onward)
            asked = _headers_for_next_hop(asked, target, following)
            current = str(following)
    raise PermanentError(
        gettext_noop("%(host)s sends us on from address to address without end."),
        reason=TOO_MANY_REDIRECTS,
        host=target.host,
    )


def send(
    method: str,
    url: str,
    *,
    commit: bool = False,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    data: Mapping[str, Any] | None = None,
    files: Any = None,
    content: bytes | str | None = None,
    limits: FetchLimits = FetchLimits(total_s=60),
) -> Reply:
    """Make one call; a redirect is returned, not followed. `commit` marks a call that must never happen twice unseen.

    Raises TransientError or PermanentError if the request surely did not leave. If it may have left and no whole answer
    came back: UncertainError with `commit`; without it TransientError (PermanentError if the answer was of no use).
    """
    target = check_url(url)
    body: dict[str, Any] = {"params": params, "json": json, "data": data, "files": files, "content": content}
    with (
        time_limit(limits.total_s),
        _our_errors(target.host, commit=commit),
        closing(_start(method, target, limits, fresh=commit, headers=headers, **body)) as response,
    ):
        return Reply(response.status_code, response.headers, _read(response, limits.max_bytes), url)


def json_of(reply: Reply) -> Any:
    """The JSON value in a reply's body. Raises PermanentError (`unreadable_answer`), which quotes nothing of it."""
    try:
        return json_codec.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise PermanentError(
            gettext_noop("%(host)s gave an answer that is not JSON (%(size)s bytes, status %(status)s)."),
            reason=UNREADABLE_ANSWER,
            host=httpx.URL(reply.url).host,
            size=len(reply.body),
            status=reply.status,
        ) from error


def retry_after(reply: Reply) -> float | None:
    """Seconds that a reply asks us to wait, between a minute and a day; None if it does not say.

    Reads Retry-After as seconds or as a date (RFC 9110 §10.2.3).
    """
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(seconds, _RETRY_AFTER_S[0]), _RETRY_AFTER_S[1])


@contextmanager
def use_transport(transport: httpx.BaseTransport) -> Iterator[None]:
    """Tests only: inside this block `transport` (MockTransport, WSGITransport) answers all calls, not the network."""
    _beneath.append(_client_on(transport))
    try:
        yield
    finally:
        _beneath.pop().close()


def _client_on(transport: httpx.BaseTransport) -> httpx.Client:
    return httpx.Client(
        transport=transport,
        trust_env=False,
        headers={"User-Agent": settings.USER_AGENT, "Accept-Encoding": "gzip"},
        # Cookies would tie organisations that use the same server to each other.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def _client(fresh: bool) -> httpx.Client:
    """This process's client. Made after a fork, since two processes must not share a connection.

    `fresh` connects anew: a kept connection that closes just as we write would make a commit uncertain for nothing.
    """
    if _beneath:
        return _beneath[-1]
    key = (os.getpid(), fresh)
    if key not in _clients:
        _clients.setdefault(key, _client_on(GuardedTransport(keep_alive=not fresh)))
    return _clients[key]


def _start(
    method: str, target: httpx.URL, limits: FetchLimits, *, fresh: bool = False, **request: Any
) -> httpx.Response:
    """Send a request and give the response with its body still to be read."""
    client = _client(fresh)
    waits = httpx.Timeout(limits.read_s, connect=limits.connect_s, pool=limits.connect_s)
    return client.send(client.build_request(method, target, timeout=waits, **request), stream=True)


def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """The unpacked body. Counts what arrives and what comes out: a few packed bytes can unpack to gigabytes."""
    unpack = _unpacker(response.headers.get("content-encoding", ""))
    arrived, body = 0, bytearray()
    for chunk in cast("Iterable[bytes]", response.stream):
        arrived += len(chunk)
        body += unpack(chunk, max_bytes + 1 - len(body))
        if max(arrived, len(body)) > max_bytes:
            raise _AnswerError(gettext_noop("The answer from %(host)s is too large."), TOO_LARGE)
        if time_left() <= 0:
            raise httpx.ReadTimeout("too slow")
    return bytes(body)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return lambda chunk, _limit: chunk
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise _unreadable()
    packed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def unpack(chunk: bytes, limit: int) -> bytes:
        try:
            return packed.decompress(chunk, limit)
        except zlib.error as error:
            raise _unreadable() from error

    return unpack


def _unreadable() -> _AnswerError:
    return _AnswerError(
        gettext_noop("The answer from %(host)s is packed in a way that cannot be read."), UNREADABLE_ANSWER
    )


def _joined(base: httpx.URL, location: str) -> httpx.URL:
    try:
        return base.join(location)
    except (httpx.InvalidURL, ValueError):
        return check_url(location)


def _headers_for_next_hop(asked: Mapping[str, str], here: httpx.URL, there: httpx.URL) -> dict[str, str]:
    same_server = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    return {
        name: value
        for name, value in asked.items()
        if name.lower() in _HARMLESS or (same_server and name.lower() not in _FIRST_HOP_ONLY)
    }


@contextmanager
def _our_errors(host: str, *, commit: bool = False) -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, _AnswerError, UnicodeEncodeError) as error:
        raise _as_our_error(error, host, commit) from error


def _as_our_error(error: Exception, host: str, commit: bool) -> OpslagError:
    if isinstance(error, UnicodeEncodeError | httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return PermanentError(
            gettext_noop("The request to %(host)s contains characters that cannot be sent. Check what was pasted in."),
            reason=BAD_REQUEST,
            host=host,
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return _no_connection(gettext_noop("%(host)s could not be reached in time."), host)
    if isinstance(error, httpx.ConnectError):
        return _no_connection(_why_no_connection(error), host)
    if commit:
        return UncertainError(
            gettext_noop("The answer from %(host)s was lost: it may or may not have done what we asked."),
            reason=Reason.ANSWER_LOST,
            host=host,
        )
    if isinstance(error, _AnswerError):
        return PermanentError(error.msgid, reason=error.reason, host=host)
    if isinstance(error, httpx.TimeoutException):
        return _no_connection(gettext_noop("%(host)s answers too slowly."), host)
    return _no_connection(gettext_noop("The connection to %(host)s broke off."), host)


def _why_no_connection(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLError):
            return gettext_noop("No secure connection to %(host)s: its certificate is not valid for it.")
        # httpcore hides its cause by `from None`; the context still has it.
        cause = cause.__cause__ or cause.__context__
    return gettext_noop("%(host)s could not be reached.")


def _no_connection(msgid: str, host: str) -> TransientError:
    return TransientError(msgid, reason=Reason.CONNECTION, host=host)
