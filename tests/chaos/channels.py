"""Channels on contract servers, and the person who connects one again when its platform refuses it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from publisher.accounts.connect import connect_account
from publisher.errors import OpslagError
from publisher.models import Account, Organisation, PlatformApp
from publisher.vocabulary import AccountStatus
from tests.chaos.platforms_served import Platforms, Watched
from tests.contract.bluesky_sessions import HANDLE
from tests.contract.mastodon_state import OUR_SCOPES
from tests.contract.telegram import BOT

Values = Mapping[str, Any]


def _later(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def _x(server: Any, _address: str) -> Values:
    access, refresh = server.oauth.issue()
    return {"access_token": access, "refresh_token": refresh, "expires_at": _later(hours=2)}


def _telegram(server: Any, _address: str) -> Values:
    """Telegram gives a new token once the old one was taken back."""
    if server.token in server._revoked:
        server.token = f"{BOT['id']}:{secrets.token_urlsafe(32)}"
    return {"channel": f"@{server.username}", "token": server.token}


def _bluesky(server: Any, _address: str) -> Values:
    """Who took the app password back makes another."""
    if not server.sessions.app_password:
        server.sessions.app_password = secrets.token_hex(8)
    return {"handle": HANDLE, "app_password": server.sessions.app_password}


def _webhook(server: Any, address: str) -> Values:
    """Who looks after the receiver gives it a new secret once the old one was taken back."""
    if server.token not in server.secrets:
        server.token = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        server.secrets.append(server.token)
    return {"address": f"{address}/hook", "secret": server.token}


# What a person has after signing in (again), by kind of platform.
SIGNED_IN: dict[str, Callable[[Any, str], Values]] = {
    "mastodon": lambda server, address: {"server": address, "access_token": server.new_token(OUR_SCOPES)},
    "facebook": lambda server, _: {"access_token": server.page_token("1001"), "page_id": "1001"},
    "instagram": lambda server, _: {"access_token": server.page_token("1001"), "account_id": "17841"},
    "threads": lambda server, _: {"access_token": server.oauth.long_token(), "ends_at": _later(days=50)},
    "linkedin": lambda server, _: {
        "organisation": "urn:li:organization:1",
        "access_token": server.oauth.issue(),
        "expires_at": _later(days=60),
    },
    "x": _x,
    "telegram": _telegram,
    "webhook": _webhook,
    "bluesky": _bluesky,
    "practice": lambda server, _: {"channel": "proeve", "token": server.token},
}


class Channels:
    """One channel on each server. `reconnected`: how often a person had to connect one again."""

    def __init__(self, organisation: Organisation, platforms: Platforms) -> None:
        self.organisation = organisation
        self.reconnected = 0
        x = platforms.named("x").server
        PlatformApp.objects.create(
            organisation=organisation,
            kind="x",
            config={"client_id": x.oauth.client_id},
            credentials={"client_secret": x.oauth.client_secret},
        )
        self._served = {self._connect(each).pk: each for each in platforms.all}

    def all(self) -> list[tuple[Account, Watched]]:
        """The channels with their servers."""
        accounts = Account.objects.select_related("organisation").in_bulk(list(self._served))
        return [(accounts[pk], each) for pk, each in self._served.items()]

    def connect_again(self) -> None:
        """What the person does who got the mail: connect each channel again that was refused."""
        for account in Account.objects.filter(pk__in=self._served, status=AccountStatus.NEEDS_RECONNECT):
            try:
                self._connect(self._served[account.pk], account)
            except OpslagError:
                # The server misbehaves at this moment; the person tries again.
                continue
            self.reconnected += 1

    def _connect(self, served: Watched, again: Account | None = None) -> Account:
        values = SIGNED_IN[served.kind](served.server, served.address)
        return connect_account(self.organisation, served.kind, values, again=again)
