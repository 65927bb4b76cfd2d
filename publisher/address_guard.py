"""The address guard: no call of ours reaches a private network, whatever name or number the address is written as.

It has no off switch; `OPSLAG_ALLOWED_TARGETS` lists the exact host:port pairs that are let through. Because the guard
resolves a name once, judges every answer and connects to that very answer, a name that changes its answer between
check and connection (DNS rebinding) gains nothing. Host header and certificate check stay on the name.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import httpcore
import httpx
from django.conf import settings
from django.utils.translation import gettext_noop

from publisher.errors import PermanentError, TransientError
from publisher.vocabulary import Reason

# From a host name and a port to IP addresses in text form; raises OSError if there are none.
Resolver = Callable[[str, int], Sequence[str]]

FORBIDDEN_ADDRESS = "forbidden_address"
BAD_ADDRESS = "bad_address"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_DNS_WAIT_S = 10.0
_WRITE_SLICE = 65_536

# RFC 4291 §2.4: public IPv6 addresses are all in 2000::/3, so compatible, NAT64, multicast and local ones are not.
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
# Inside the public ranges, yet leading into private ones: Teredo, 6to4 and its relay (RFC 4380, 3056, 7526), and the
# documentation range of RFC 9637, which Python 3.11 does not know.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network) for network in ("2001::/32", "2002::/16", "3fff::/20", "192.88.99.0/24")
)
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Hold all that connections do inside this block to `seconds` of wall clock, however slowly answers drip in."""
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def time_left() -> float:
    """Seconds until the innermost `time_limit` ends (infinite outside of one)."""
    return _deadline.get() - time.monotonic()


def resolve(host: str, port: int) -> list[str]:
    """All addresses of `host` as the system resolves it, also for numbers such as 2130706433. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether an IP address in text form is on the public internet (IANA special-purpose registries)."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _PUBLIC_IPV6:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _NOT_PUBLIC)


def check_url(url: str) -> httpx.URL:
    """Check what can be seen without asking the network: http(s), a host, no password, an open port.

    Raises PermanentError (reasons `bad_address`, `forbidden_address`).
    """
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise _bad_address(url) from error
    host = parsed.raw_host.decode("ascii")
    if parsed.scheme not in _DEFAULT_PORTS or not host:
        raise _bad_address(url)
    if parsed.userinfo:
        raise PermanentError(
            gettext_noop("The address for %(host)s contains a user name or password. Write it without."),
            reason=FORBIDDEN_ADDRESS,
            host=host,
        )
    port = parsed.port or _DEFAULT_PORTS[parsed.scheme]
    if not is_allowed_target(host, port):
        _check_port(host, port)
        _check_literal(host, port)
    return parsed


def is_allowed_target(host: str, port: int) -> bool:
    """Whether those who run this installation have named exactly this host:port, as written in the address."""
    return _target(host, port) in {allowed.lower() for allowed in settings.OPSLAG_ALLOWED_TARGETS}


def permitted_addresses(host: str, port: int, wait_s: float, resolver: Resolver = resolve) -> Sequence[str]:
    """The IP addresses of `host` to connect to, and no others: resolved once (in at most `wait_s` seconds) and judged.

    Raises PermanentError (`forbidden_address`), TransientError (unknown name), httpcore.ConnectTimeout.
    """
    addresses = _look_up(resolver, host, port, wait_s)
    if not is_allowed_target(host, port) and not all(is_public(address) for address in addresses):
        raise _not_public(host, port)
    return addresses


def check_port(host: str, port: int, usual: int) -> None:
    """Let a service through on its usual port, on others only if the target is allowed. Raises PermanentError."""
    if port != usual and not is_allowed_target(host, port):
        raise _forbidden_port(host, port)


class GuardedTransport(httpx.HTTPTransport):
    """An HTTP transport whose every connection passes the guard.

    `keep_alive` lets it reuse connections; `resolver` and `tls` are for tests and have safe defaults.
    """

    def __init__(
        self, *, keep_alive: bool = True, resolver: Resolver = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        # SSL_CERT_FILE is honoured here: an intranet feed may have a certificate of its own authority.
        tls = tls or httpx.create_ssl_context()
        super().__init__(verify=tls, trust_env=False)
        # Reading `_pool` first makes this fail loudly, should httpx ever rename it: never an unguarded pool.
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=50,
            max_keepalive_connections=10 if keep_alive else 0,
            keepalive_expiry=30.0,
            network_backend=GuardedBackend(resolver),
        )


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a name once, refuses it if any answer is not public, and connects to what was resolved.

    Raises PermanentError (`forbidden_address`) and TransientError (unknown name) besides httpcore's own errors.
    """

    def __init__(self, resolver: Resolver = resolve) -> None:
        self._resolver = resolver
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers; `timeout` (seconds) is for all of them together."""
        ends = time.monotonic() + min(timeout or _DNS_WAIT_S, time_left())
        addresses = permitted_addresses(host, port, ends - time.monotonic(), self._resolver)
        failure: Exception = httpcore.ConnectError("no address")
        for tried, address in enumerate(addresses):
            share = (ends - time.monotonic()) / (len(addresses) - tried)
            if share <= 0:
                raise httpcore.ConnectTimeout
            try:
                stream = self._plain.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no wait outlasts the call's `time_limit`: time-outs alone are per read."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _within_limit(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_SLICE):
            wait = _within_limit(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _WRITE_SLICE], wait)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = _within_limit(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, wait))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _within_limit(timeout: float | None, too_late: type[Exception]) -> float | None:
    left = time_left()
    if left <= 0:
        raise too_late
    wait = min(math.inf if timeout is None else timeout, left)
    return None if math.isinf(wait) else wait


def _look_up(resolver: Resolver, host: str, port: int, wait_s: float) -> Sequence[str]:
    """Ask the resolver in a thread of its own, since getaddrinfo knows no time-out."""
    answer: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answer.put(resolver(host, port))
        except (OSError, ValueError) as error:
            answer.put(error)

    Thread(target=ask, daemon=True, name=f"look up {host}").start()
    try:
        found = answer.get(timeout=max(wait_s, 0.001))
    except Empty as error:
        raise httpcore.ConnectTimeout from error
    if isinstance(found, Exception) or not found:
        raise TransientError(
            gettext_noop("There is no server called %(host)s. Check the address for typing mistakes."),
            reason=Reason.CONNECTION,
            host=host,
        )
    return found


def _target(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_port(host: str, port: int) -> None:
    if port not in _DEFAULT_PORTS.values():
        raise _forbidden_port(host, port)


def _forbidden_port(host: str, port: int) -> PermanentError:
    return PermanentError(
        gettext_noop(
            "The address %(target)s names a port that is not allowed. Use one without a port number, or ask those "
            "who run this installation to allow %(target)s."
        ),
        reason=FORBIDDEN_ADDRESS,
        target=_target(host, port),
    )


def _check_literal(host: str, port: int) -> None:
    """Refuse a plainly written private address early; every other way to write it is caught when connecting."""
    try:
        public = is_public(host)
    except ValueError:
        return
    if not public:
        raise _not_public(host, port)


def _not_public(host: str, port: int) -> PermanentError:
    return PermanentError(
        gettext_noop(
            "%(host)s is not on the public internet. Use a public address, or ask those who run this installation to "
            "allow %(target)s."
        ),
        reason=FORBIDDEN_ADDRESS,
        host=host,
        target=_target(host, port),
    )


def _bad_address(url: str) -> PermanentError:
    return PermanentError(
        gettext_noop("“%(url)s” is not a web address. It must begin with https:// or http://."),
        reason=BAD_ADDRESS,
        url=url[:200],
    )
