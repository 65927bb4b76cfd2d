"""Finding a free port."""

from __future__ import annotations

import socket

import pytest

from publisher.errors import InputError
from publisher.operate import ports


def test_a_port_that_is_listened_on_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not ports.is_free("127.0.0.1", taken)
        assert ports.free_port("127.0.0.1", taken) != taken


def test_a_port_promised_to_somebody_else_is_passed_over() -> None:
    first = ports.free_port("127.0.0.1", 20_000)
    assert ports.free_port("127.0.0.1", first, taken=frozenset({first})) > first


def test_where_all_are_taken_it_says_so() -> None:
    with pytest.raises(InputError, match="65500"):
        ports.free_port("127.0.0.1", 65_500, taken=frozenset(range(65_500, 65_536)))
