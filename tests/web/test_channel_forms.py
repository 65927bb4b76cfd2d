"""Connecting by fields that are typed: a Telegram channel, and a webhook whose signing secret is offered."""

from __future__ import annotations

import re
from typing import Any

import pytest

from publisher import http
from publisher.compose import public_pictures
from publisher.models import Account, User
from tests.contract.meta_fetch import Fetched
from tests.contract.telegram import CHAT_ID, TOKEN, TelegramServer
from tests.contract.webhook import WebhookServer
from tests.contract.wire import in_process
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database

TELEGRAM, WEBHOOK = "/channels/connect/telegram", "/channels/connect/webhook"


@pytest.mark.parametrize(("ticked", "kept"), [({"alt_in_caption": "on"}, True), ({}, False)])
def test_a_telegram_channel_is_connected_by_the_bots_token(olga: User, ticked: dict[str, str], kept: bool) -> None:
    with http.use_transport(in_process(TelegramServer())):
        page = signed_in(olga).post(TELEGRAM, {"channel": "t.me/kultur", "token": TOKEN} | ticked)
    assert page.status_code == 302
    account = Account.objects.get()
    assert (account.name, account.handle, account.remote_id) == ("Kulturfællesskabet", "@kultur", str(CHAT_ID))
    assert account.facts["alt_in_caption"] is account.config["alt_in_caption"] is kept
    assert account.credentials == {"token": TOKEN}


def test_a_bot_that_may_not_post_is_told_of_and_the_token_is_not_on_the_page(olga: User) -> None:
    server = TelegramServer()
    server.faults.set("no_post_right", times=None)
    with http.use_transport(in_process(server)):
        page = signed_in(olga).post(TELEGRAM, {"channel": "@kultur", "token": TOKEN})
    assert "@opslag_bot may not post" in words(page)
    assert TOKEN not in source_of(page)
    assert not Account.objects.exists()


def test_a_webhook_is_offered_a_new_secret_that_can_be_copied(olga: User) -> None:
    server, client = WebhookServer(), signed_in(olga)
    offered = [re.search(r'value="(whsec_[^"]+)"', source_of(client.get(WEBHOOK))) for _ in range(2)]
    assert offered[0] and offered[1] and offered[0][1] != offered[1][1]
    server.secrets = [offered[0][1]]
    given = {"address": "https://intranet.example.org/hook", "secret": offered[0][1], "old_secret": ""}
    with http.use_transport(in_process(server)):
        assert client.post(WEBHOOK, given).status_code == 302
    account = Account.objects.get()
    assert account.name == "Biblioteket"
    assert account.credentials["secret"] == offered[0][1]
    assert "secret" not in account.config


@pytest.mark.parametrize("reachable", [True, False])
def test_a_receiver_that_gets_no_pictures_of_ours_is_told_of_and_connected(
    olga: User, settings: Any, reachable: bool
) -> None:
    settings.OPSLAG_BASE_URL = "https://opslag.example.org"
    picture = Fetched(200, "image/jpeg", public_pictures._sample().content)
    server = WebhookServer(fetch=lambda url: picture if reachable else None)
    given = {"address": "https://intranet.example.org/hook", "secret": server.token, "old_secret": ""}
    with http.use_transport(in_process(server)):
        page = signed_in(olga).post(WEBHOOK, given, follow=True)
    assert Account.objects.get().name == "Biblioteket"
    assert ("cannot fetch a picture from opslag.example.org" in words(page)) != reachable


@pytest.mark.parametrize(
    ("fault", "channel", "field"),
    [("", "@ingen_saadan", "channel"), ("no_post_right", "@kultur", "channel"), ("", "@kultur", "token")],
)
def test_what_is_wrong_is_said_at_its_own_field(olga: User, fault: str, channel: str, field: str) -> None:
    server = TelegramServer()
    if fault:
        server.faults.set(fault, times=None)
    if field == "token":
        server.revoke(TOKEN)
    with http.use_transport(in_process(server)):
        page = signed_in(olga).post(TELEGRAM, {"channel": channel, "token": TOKEN})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
