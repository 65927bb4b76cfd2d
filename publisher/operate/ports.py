"""Find a port that nobody listens on."""

from __future__ import annotations

import socket

from django.utils.translation import gettext_noop

from publisher.errors import InputError

TRIES = 50


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `host`:`port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str, first: int, *, taken: frozenset[int] = frozenset()) -> int:
    """The first free port from `first` on, apart from those in `taken`. Raises InputError if 50 in a row are in use."""
    for port in range(first, min(first + TRIES, 65536)):
        if port not in taken and is_free(host, port):
            return port
    raise InputError(
        gettext_noop("No free port between %(first)s and %(last)s on %(host)s; stop something or choose another."),
        first=first,
        last=min(first + TRIES, 65536) - 1,
        host=host,
    )
