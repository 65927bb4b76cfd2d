"""The embedded broker: which server is taken, where its socket lies, and that it keeps what is queued."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from publisher.errors import InputError
from publisher.operate import broker


@contextmanager
def running(folder: Path) -> Iterator[str]:
    socket = broker.socket_path(folder)
    process = subprocess.Popen(broker.server_command(broker.find_server(), folder, socket), stdout=subprocess.DEVNULL)
    url = broker.url_of(socket)
    deadline = time.monotonic() + 20
    while not broker.answers(url):
        assert time.monotonic() < deadline, "the broker does not answer"
        time.sleep(0.02)
    try:
        yield url
    finally:
        process.kill()
        process.wait()


def test_it_keeps_what_is_queued_when_it_is_killed_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as url, broker.client(url) as client:
        client.rpush("bulk", "a task")
        client.execute_command("WAITAOF", 1, 0, 5000)
    with running(tmp_path) as url, broker.client(url) as client:
        assert client.lrange("bulk", 0, -1) == [b"a task"]
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_nobody_else_may_use_its_socket(tmp_path: Path) -> None:
    with running(tmp_path) as url:
        mode = Path(url.removeprefix("redis+socket://")).stat().st_mode
    assert stat.S_IMODE(mode) == 0o700


def test_a_path_too_long_for_a_socket_moves_it_to_a_private_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with running(deep) as url:
        socket = Path(url.removeprefix("redis+socket://"))
        assert len(os.fsencode(socket)) <= broker.LONGEST_SOCKET_PATH
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    socket.unlink(missing_ok=True)
    socket.parent.rmdir()


def test_a_broker_that_is_not_there_does_not_answer(tmp_path: Path) -> None:
    assert not broker.answers(broker.url_of(tmp_path / "none.sock"))


def test_without_the_bundled_server_one_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="REDIS_URL"):
        broker.find_server(bundled="")
    broken = tmp_path / "valkey-server"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    working = tmp_path / "redis-server"
    working.write_text("#!/bin/sh\nexit 0\n")
    working.chmod(0o755)
    assert broker.find_server(bundled=str(tmp_path / "missing")) == str(working)
