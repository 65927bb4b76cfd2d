"""No test asks a name server: the names that tests use belong to nobody, and a server that is slow to say so costs
five seconds a name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

_really = socket.getaddrinfo


def _none_but_ours(host: Any, *arguments: Any, **options: Any) -> Any:
    """As `socket.getaddrinfo` where it need not ask anybody: numbers in any spelling, this machine, no host at all."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    *above, last = name.rstrip(".").split(".")
    if above and last[:1].isalpha() and last.lower() != "localhost" and ":" not in name:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _really(host, *arguments, **options)


@pytest.fixture(scope="session", autouse=True)
def no_names() -> Iterator[None]:
    """For all tests of this process; what they start is given addresses of this machine."""
    patch = pytest.MonkeyPatch()
    patch.setattr(socket, "getaddrinfo", _none_but_ours)
    yield
    patch.undo()
