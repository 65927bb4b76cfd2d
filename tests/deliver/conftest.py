"""A Mastodon server in memory and the secretariat's channel on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from publisher import http
from publisher.models import Account, Organisation
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import in_process
from tests.deliver.posting import connected


@pytest.fixture
def server() -> Iterator[MastodonServer]:
    """It answers every call that our client makes."""
    running = MastodonServer(rate_limit=10_000)
    with http.use_transport(in_process(running)):
        yield running


@pytest.fixture
def account(secretariat: Organisation, server: MastodonServer) -> Account:
    """On Mastodon itself, which honours keys."""
    return connected(secretariat, server)


@pytest.fixture
def keyless(secretariat: Organisation, server: MastodonServer) -> Account:
    """On GoToSocial, which ignores keys: what is committed twice is public twice."""
    return connected(secretariat, server, "gotosocial")
