"""Connecting a Bluesky channel: its session is opened once and kept with the app password, encrypted."""

from __future__ import annotations

import pytest

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.accounts.settings import config_of
from publisher.errors import AccountError
from publisher.models import Account, Organisation
from publisher.platforms.bluesky import BlueskyPlatform
from tests.contract.bluesky import BlueskyServer
from tests.contract.bluesky_sessions import DID, HANDLE
from tests.contract.wire import in_process

pytestmark = pytest.mark.database


def test_handle_and_app_password_become_a_session(secretariat: Organisation) -> None:
    server = BlueskyServer()
    typed = {"handle": f"@{HANDLE}", "app_password": f" {server.sessions.app_password} ", "server": ""}
    with http.use_transport(in_process(server)):
        account = connect_account(secretariat, "bluesky", typed)
        config = config_of(Account.objects.get())
        assert BlueskyPlatform().verify(config).remote_id == account.remote_id == DID
    assert server.calls.count("POST /xrpc/com.atproto.server.createSession") == 1
    assert set(account.credentials) == {"app_password", "access_token", "refresh_token"}
    assert set(account.config) == {"handle", "server", "did", "pds", "session_at"}
    assert (account.handle, account.name) == (f"@{HANDLE}", "Kulturfællesskabet")


def test_a_wrong_app_password_connects_nothing(secretariat: Organisation) -> None:
    with (
        http.use_transport(in_process(BlueskyServer())),
        pytest.raises(AccountError, match=r"app.(password|adgangskode)"),
    ):
        connect_account(secretariat, "bluesky", {"handle": HANDLE, "app_password": "wrong"})
    assert not Account.objects.exists()
