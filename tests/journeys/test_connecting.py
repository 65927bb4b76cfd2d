"""Connecting a channel in a real browser: to the platform's own page on another website, back again, and a post out.

The session's cookie must come along on the way back, which begins on another website (SameSite=Lax lets it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from publisher import http
from publisher.accounts.apps import save_app
from publisher.deliver import post
from publisher.models import Account, Delivery, Message, Organisation, Role, SigningIn, User
from publisher.platforms import PLATFORMS
from publisher.vocabulary import AccountStatus, HoldReason, MessageStatus, RoleKind
from tests.accessible import look_over
from tests.accounts.rotating import RotatingPlatform, RotatingServer
from tests.contract.facebook import FacebookServer
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import in_process, listening
from tests.deliver.posting import begun, scheduled
from tests.journeys.staff import Desk, desk, sign_in  # noqa: F401 -- a fixture

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture
def manager(desk: Desk) -> User:  # noqa: F811
    """Bo, who may connect channels here."""
    Role.objects.filter(user=desk.bo).update(kind=RoleKind.OWNER)
    return desk.bo


@pytest.fixture
def mastodon(settings: Any, manager: User) -> Iterator[tuple[MastodonServer, str]]:
    """A Mastodon server on loopback, and its address, which is another website than ours."""
    server = MastodonServer(rate_limit=10_000)
    with listening(server) as address:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
        yield server, address


def to_mastodon(page: Page, address: str) -> None:
    page.get_by_role("link", name="Channels", exact=True).click()
    page.get_by_role("link", name="Connect a channel").click()
    page.get_by_role("link", name="Mastodon", exact=True).click()
    page.get_by_label("Server address").fill(address)
    page.get_by_role("button", name="Sign in at Mastodon").click()
    page.wait_for_url(f"{address}/oauth/authorize?**")


def test_a_channel_is_connected_by_signing_in_and_a_post_goes_out(
    desk: Desk,  # noqa: F811
    manager: User,
    mastodon: tuple[MastodonServer, str],
    page: Page,
) -> None:
    server, address = mastodon
    sign_in(page, desk, manager)
    cookie = next(each for each in page.context.cookies() if each["name"] == "opslag")
    assert cookie["sameSite"] == "Lax"
    to_mastodon(page, address)
    assert "localhost" in desk.url and "127.0.0.1" in address, "two websites"
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What should be connected?")
    assert "code=" not in page.url
    expect(page.get_by_role("checkbox")).to_be_checked()
    # The other website has no icon; nothing else is wrong.
    assert all("404" in words for words in page.complaints)  # type: ignore[attr-defined]
    page.complaints.clear()  # type: ignore[attr-defined]
    look_over(page)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("“Kulturfællesskabet (Mastodon)” is connected.")).to_be_visible()
    expect(page.get_by_text("Until somebody takes it back at the platform")).to_be_visible()
    look_over(page)
    account = Account.objects.get(kind="mastodon")
    delivery = begun(scheduled(account))
    assert post.publish(delivery.pk) == "sent"
    page.goto(address)
    expect(page.get_by_text("Åben øvelse på Ærø – kom & hør")).to_be_visible()
    assert len(server.posts()) == 1


def test_who_says_no_is_told_that_nothing_was_connected(
    desk: Desk,  # noqa: F811
    manager: User,
    mastodon: tuple[MastodonServer, str],
    page: Page,
) -> None:
    sign_in(page, desk, manager)
    to_mastodon(page, mastodon[1])
    page.get_by_role("link", name="Deny").click()
    expect(page.get_by_text("You said no at Mastodon, so nothing was connected.")).to_be_visible()
    expect(page.get_by_label("Server address")).to_be_visible()
    assert not Account.objects.filter(kind="mastodon").exists() and not SigningIn.objects.exists()


def test_the_way_away_is_a_page_of_ours(
    desk: Desk,  # noqa: F811
    manager: User,
    mastodon: tuple[MastodonServer, str],
    page: Page,
) -> None:
    sign_in(page, desk, manager)
    page.route(f"{mastodon[1]}/**", lambda route: route.abort())
    page.goto(f"{desk.url}/channels/connect/mastodon/sign-in")
    page.get_by_label("Server address").fill(mastodon[1])
    with page.expect_request(f"{mastodon[1]}/oauth/authorize?**"):
        page.get_by_role("button", name="Sign in at Mastodon").click()
    assert page.complaints == [] or "ERR_FAILED" in str(page.complaints)  # type: ignore[attr-defined]


@pytest.fixture
def pages(desk: Desk, manager: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[RotatingServer]:  # noqa: F811
    """A platform with an app of ours, and a channel of every state on it."""
    monkeypatch.setitem(PLATFORMS, "rotating", RotatingPlatform())
    server = RotatingServer()
    with http.use_transport(in_process(server)):
        yield server


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["en", "da"])
def test_every_page_of_connecting_is_accessible(
    width: int,
    language: str,
    new_page: NewPage,
    desk: Desk,  # noqa: F811
    manager: User,
    pages: RotatingServer,
    practice_account: Account,
    secretariat: Organisation,
) -> None:
    User.objects.update(language=language)
    Account.objects.filter(pk=practice_account.pk).update(
        lasts_until=timezone.now() + timedelta(days=5),
        warnings=[{"msgid": "The platform is still working on the picture.", "params": {}}],
    )
    delivery = Delivery.objects.get(pk=scheduled(practice_account).pk)
    Message.objects.filter(pk=delivery.message_id).update(
        status=MessageStatus.HELD, hold_reason=HoldReason.ACCOUNT_BROKEN
    )
    page = new_page(width=width)
    paths = ["/", "/channels/connect", f"/channels/{practice_account.pk}"]
    paths += ["/channels/guide/instagram", "/channels/connect/facebook/sign-in", "/channels/apps/facebook"]
    for path in [*paths, "/channels/connect/rotating/sign-in", "/channels/apps/rotating"]:
        desk.open(page, path, manager)
        look_over(page)
    save_app(secretariat, "rotating", {"client_id": "app", "client_secret": "hemmelig"}, manager, shared=True)
    for path in ("/channels/connect/rotating/sign-in", "/channels/apps/rotating", "/channels/apps/rotating/remove"):
        desk.open(page, path, manager)
        look_over(page)
    assert Account.objects.filter(status=AccountStatus.CONNECTED).exists()


@pytest.fixture
def facebook(settings: Any, manager: User, secretariat: Organisation) -> Iterator[FacebookServer]:
    """Facebook on loopback; the secretariat has entered its app."""
    server = FacebookServer()
    save_app(
        secretariat, "facebook", {"client_id": server.app_id, "client_secret": server.app_secret}, manager, shared=True
    )
    with listening(server) as address:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
        settings.OPSLAG_PLATFORM_ADDRESSES = {"facebook": address}
        yield server


def to_facebook(page: Page) -> None:
    page.get_by_role("link", name="Channels", exact=True).click()
    page.get_by_role("link", name="Connect a channel").click()
    page.get_by_role("link", name="Facebook Page", exact=True).click()
    page.get_by_role("button", name="Sign in at Facebook").click()
    page.wait_for_url("**/dialog/oauth?**")


def test_a_page_is_connected_by_six_clicks_of_ours_and_a_person_is_told_how_to_see_that_the_app_is_live(
    desk: Desk,  # noqa: F811
    manager: User,
    facebook: FacebookServer,
    page: Page,
) -> None:
    sign_in(page, desk, manager)
    to_facebook(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("There are 2 profiles on Facebook that you may publish as.")).to_be_visible()
    expect(page.get_by_text("Museet: Your role does not let you publish on Museet.")).to_be_visible()
    assert [box.is_checked() for box in page.get_by_role("checkbox").all()] == [False, False]
    page.complaints.clear()  # type: ignore[attr-defined]  # the other website has no icon
    look_over(page)
    page.get_by_label("Kulturfællesskabet").check()
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("“Kulturfællesskabet (Facebook)” is connected.")).to_be_visible()
    expect(page.get_by_text("open its address in a private window")).to_be_visible()
    look_over(page)
    assert Account.objects.get(kind="facebook").remote_id == "1001"


def test_a_page_that_is_not_found_leads_to_what_helps(
    desk: Desk,  # noqa: F811
    manager: User,
    facebook: FacebookServer,
    page: Page,
) -> None:
    facebook.pages.clear()
    sign_in(page, desk, manager)
    to_facebook(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("Facebook showed no Page on which you have a role")).to_be_visible()
    page.get_by_role("link", name="When something does not work").click()
    row = page.get_by_role("row", name="Facebook showed no Page on which you have a role")
    expect(row.get_by_role("cell")).to_contain_text("Page access")
    assert page.url.endswith("/channels/guide/facebook#trouble")
