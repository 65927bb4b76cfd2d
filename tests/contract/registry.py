"""The registry of contract servers: to add one, write its module and add one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.contract.bluesky import BlueskyServer
from tests.contract.linkedin import LinkedInServer
from tests.contract.mastodon import MastodonServer
from tests.contract.mastodon_kinds import KINDS
from tests.contract.telegram import TelegramServer
from tests.contract.webhook import WebhookServer
from tests.contract.x import XServer


def _its_token(server: Any, address: str) -> Mapping[str, str]:
    return {"token": server.token}


def _its_app(server: Any, address: str) -> Mapping[str, str]:
    return {"client id": server.oauth.client_id, "secret": server.oauth.client_secret}


@dataclass(frozen=True)
class Served:
    """A server that anyone can try a platform on. The names in SERVERS are the kinds of `publisher/platforms/`.

    `make` gives the server; `what` says what it plays. `one_address`: the platform has one address for everybody, so
    Opslag must be told to call this one instead (OPSLAG_PLATFORM_ADDRESSES); otherwise a person types the address.
    `connect_with` answers what a person types to connect a channel, by name, from the server and its address.
    """

    make: Callable[[], Any]
    what: str
    one_address: bool = True
    connect_with: Callable[[Any, str], Mapping[str, str]] = _its_token


SERVERS: dict[str, Served] = {
    **{
        kind: Served(partial(MastodonServer, kind), f"the Mastodon API as {kind} speaks it", one_address=False)
        for kind in KINDS
    },
    "linkedin": Served(
        LinkedInServer, "LinkedIn's API, with a person who looks after two pages", connect_with=_its_app
    ),
    "x": Served(XServer, "the API of X, with one account and what its calls cost", connect_with=_its_app),
    "telegram": Served(
        TelegramServer,
        "the Bot API of Telegram, with one bot and one channel",
        connect_with=lambda server, _address: {"channel": f"@{server.username}", "token": server.token},
    ),
    "webhook": Served(
        WebhookServer,
        "a receiver of signed events",
        one_address=False,
        connect_with=lambda server, address: {"send to": f"{address}/hook", "secret": server.token},
    ),
    "bluesky": Served(BlueskyServer, "a Bluesky server and its public reading host", connect_with=BlueskyServer.how_to),
}
