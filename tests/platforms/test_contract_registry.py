"""Anyone can start the contract servers by hand, and is told how to start Opslag with them."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

import pytest

from tests.contract.__main__ import listed, main, settings_for
from tests.contract.registry import SERVERS


def test_without_a_name_it_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out == listed()
    assert all(f"{name} " in listed() for name in SERVERS)


def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["no-such-platform"])


def test_a_port_is_for_a_single_server() -> None:
    with pytest.raises(SystemExit):
        main(["all", "--port", "8123"])


def test_only_platforms_with_one_address_are_called_elsewhere() -> None:
    assert settings_for({"mastodon": "http://127.0.0.1:8123"}) == "export OPSLAG_ALLOWED_TARGETS=127.0.0.1:8123\n"


def test_all_of_them_answer_at_the_addresses_that_they_name() -> None:
    command = [sys.executable, "-m", "tests.contract", "all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        pages = []
        for line in started.stdout:
            if line.startswith("  control"):
                pages.append(line.split()[1])
            if line.startswith("export OPSLAG_ALLOWED_TARGETS="):
                break
        try:
            answers = [urllib.request.urlopen(page, timeout=10).status for page in pages]
        finally:
            started.terminate()
    assert answers == [200] * len(SERVERS)
