"""A platform whose access is renewed, its app, and a channel on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from publisher import http
from publisher.accounts.apps import save_app
from publisher.accounts.connect import connect_account
from publisher.models import Account, Organisation, PlatformApp, User
from publisher.platforms import PLATFORMS
from tests.accounts.rotating import RotatingPlatform, RotatingServer, config_of_pair
from tests.contract.wire import in_process


@pytest.fixture
def rotating(monkeypatch: pytest.MonkeyPatch) -> Iterator[RotatingServer]:
    """The platform is one of this installation's, its server is in this process."""
    monkeypatch.setitem(PLATFORMS, "rotating", RotatingPlatform())
    server = RotatingServer()
    with http.use_transport(in_process(server)):
        yield server


@pytest.fixture
def app(secretariat: Organisation, olga: User, rotating: RotatingServer) -> PlatformApp:
    """The secretariat's app there, shared with its cooperations."""
    values = {"client_id": "app", "client_secret": "hemmelig"}
    return save_app(secretariat, "rotating", values, olga, shared=True)


@pytest.fixture
def board(secretariat: Organisation, app: PlatformApp, rotating: RotatingServer) -> Account:
    """A channel that was connected with that app."""
    return connect_account(secretariat, "rotating", config_of_pair(rotating.new_pair()), app=app)
