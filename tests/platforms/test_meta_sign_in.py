"""Connecting Pages and Instagram accounts by signing in at Facebook, and why a Page is not found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from publisher import http
from publisher.errors import AccountError
from publisher.platforms.contract import Found
from publisher.platforms.facebook import FacebookConfig, FacebookPlatform
from publisher.platforms.instagram import InstagramConfig, InstagramPlatform
from publisher.platforms.meta_access import Access
from publisher.platforms.meta_sign_in import FacebookSignIn, InstagramSignIn, MetaApp, MetaSignIn
from tests.contract.facebook import FacebookServer
from tests.contract.instagram import InstagramServer
from tests.contract.meta_login import ALL_SCOPES, LoginServer
from tests.contract.wire import in_process, listening

BACK = "https://opslag.example.org/channels/back"
STATE = "s" * 43


@pytest.fixture
def server() -> FacebookServer:
    return FacebookServer()


@pytest.fixture(autouse=True)
def beneath(server: FacebookServer) -> Iterator[None]:
    with http.use_transport(in_process(server)):
        yield


def app_of(server: LoginServer) -> MetaApp:
    return MetaApp(server.app_id, server.app_secret)


def agree(server: LoginServer, sign_in: MetaSignIn, without: tuple[str, ...] = (), **more: Any) -> dict[str, str]:
    """What the person comes back with after Facebook's window, in which they took some permissions away."""
    address = sign_in.address(app_of(server), {}, redirect_uri=BACK, state=STATE, challenge="c" * 43)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    granted = [scope for scope in asked.get("scope", "").split(",") if scope not in without]
    with httpx.Client(transport=in_process(server)) as browser:
        assert "Log in with Facebook" in browser.get(address).text
        form = {**asked, "granted": granted, "page": list(server.pages), **more}
        answer = browser.post(address.partition("?")[0], data=form)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def redeem(server: LoginServer, sign_in: MetaSignIn, **how: Any) -> tuple[Found, ...]:
    back = agree(server, sign_in, **how)
    assert back["state"] == STATE
    return sign_in.redeem(app_of(server), {}, code=back["code"], verifier="", redirect_uri=BACK)


def test_every_page_is_found_also_those_of_a_portfolio(server: FacebookServer) -> None:
    found = redeem(server, FacebookSignIn())
    assert [each.profile.name for each in found] == ["Kulturfællesskabet", "Museet", "Biblioteket"]
    assert [str(each.obstacle or "").partition(".")[0] for each in found] == [
        "", "Your role does not let you publish on Museet", ""
    ]  # fmt: skip
    first = FacebookConfig(**found[0].values)
    assert (first.page_id, first.scopes.split()) == ("1001", sorted(FacebookSignIn.scopes))
    assert FacebookPlatform().verify(first).remote_id == "1001"
    ends = FacebookPlatform().lasts_until(first)
    assert ends is not None and abs(ends - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    with pytest.raises(AccountError, match="does not let you publish on Museet"):
        FacebookPlatform().verify(FacebookConfig(**found[1].values))


def test_a_page_that_moved_to_a_portfolio_is_found_there(server: FacebookServer) -> None:
    server.faults.set("portfolio_page", times=None)
    assert "1001" in [each.profile.remote_id for each in redeem(server, FacebookSignIn())]


def test_a_page_is_told_that_was_not_chosen(server: FacebookServer) -> None:
    assert [each.profile.remote_id for each in redeem(server, FacebookSignIn(), page=["1001"])] == ["1001"]


@pytest.mark.parametrize(
    ("without", "pages", "words"),
    [
        (("pages_show_list", "business_management"), True, "not allowed to see your Pages"),
        (("business_management",), False, "belongs to a business portfolio"),
        ((), False, "no Page on which you have a role"),
    ],
)
def test_why_no_page_is_found(server: FacebookServer, without: tuple[str, ...], pages: bool, words: str) -> None:
    if not pages:
        server.pages.clear()
    with pytest.raises(AccountError, match=words):
        redeem(server, FacebookSignIn(), without=without)


def test_only_pages_on_which_the_role_may_not_publish(server: FacebookServer) -> None:
    for page in server.pages.values():
        page.tasks = ("ANALYZE",)
    with pytest.raises(AccountError, match="does not let you publish on Kulturfællesskabet, Museet"):
        redeem(server, FacebookSignIn())


def test_only_pages_without_a_role(server: FacebookServer) -> None:
    for page in server.pages.values():
        page.tasks = ()
    with pytest.raises(AccountError, match="does not let you publish on Kulturfællesskabet, Museet"):
        redeem(server, FacebookSignIn())


def test_a_permission_that_was_taken_away_is_named_at_once(server: FacebookServer) -> None:
    with pytest.raises(AccountError, match="The permission pages_manage_posts is missing"):
        redeem(server, FacebookSignIn(), without=("pages_manage_posts",))


def test_a_permission_for_one_page_alone_bars_the_others(server: FacebookServer) -> None:
    given = dict.fromkeys(FacebookSignIn.scopes)
    access = Access({**given, "pages_manage_posts": frozenset({"1001"})})
    pages = [{"id": number, "name": number, "access_token": "t"} for number in ("1001", "1003")]
    found = [FacebookSignIn().found(page, access) for page in pages]
    assert [str(each.obstacle or "").partition(".")[0] for each in found] == [
        "", "The permission pages_manage_posts is missing"
    ]  # fmt: skip
    assert FacebookSignIn().found(pages[0], Access({})).obstacle is None, "it was not told which there are"


def test_a_missing_permission_of_those_who_publish_is_named_before_a_missing_role(server: FacebookServer) -> None:
    server.pages["1001"].tasks = server.pages["1003"].tasks = ("ANALYZE",)
    server.pages["1002"].tasks = ("MANAGE",)
    with pytest.raises(AccountError, match="The permission pages_manage_posts is missing"):
        redeem(server, FacebookSignIn(), without=("pages_manage_posts",))


def test_a_no_comes_back_as_one(server: FacebookServer) -> None:
    assert agree(server, FacebookSignIn(), denied="yes")["error"] == "access_denied"


def test_an_app_that_is_not_live_lets_only_people_with_a_role_in(server: FacebookServer) -> None:
    server.faults.set("development_mode", times=None)
    redeem(server, FacebookSignIn())
    with pytest.raises(AssertionError, match="App not active"):
        agree(server, FacebookSignIn(), outsider="on")


def test_a_code_works_once_and_a_wrong_secret_never(server: FacebookServer) -> None:
    code = agree(server, FacebookSignIn())["code"]
    with pytest.raises(AccountError, match="Begin again"):
        FacebookSignIn().redeem(MetaApp("9001", "wrong"), {}, code=code, verifier="", redirect_uri=BACK)
    FacebookSignIn().redeem(app_of(server), {}, code=code, verifier="", redirect_uri=BACK)
    with pytest.raises(AccountError, match="has been used"):
        FacebookSignIn().redeem(app_of(server), {}, code=code, verifier="", redirect_uri=BACK)


def test_an_app_with_a_configuration_names_it_instead_of_permissions(server: FacebookServer) -> None:
    app = MetaApp(server.app_id, server.app_secret, "7001")
    address = FacebookSignIn().address(app, {}, redirect_uri=BACK, state=STATE, challenge="")
    asked = parse_qs(urlsplit(address).query)
    assert asked["config_id"] == ["7001"] and "scope" not in asked and "secret" not in address


def test_secrets_are_not_printed() -> None:
    assert "hemmelig" not in repr(MetaApp("1", "hemmelig")) + repr(FacebookConfig("hemmelig"))


class TestInstagram:
    """By the Page that the account belongs to."""

    @pytest.fixture
    def server(self) -> InstagramServer:
        return InstagramServer(lambda url: None)

    def test_an_account_is_found_by_its_page(self, server: InstagramServer) -> None:
        found = redeem(server, InstagramSignIn())
        assert [each.profile.handle for each in found] == ["@kulturfaellesskabet"]
        config = InstagramConfig(**found[0].values)
        profile = InstagramPlatform().verify(config)
        assert (profile.remote_id, profile.warnings) == ("17841", ())
        assert InstagramPlatform().lasts_until(config) is not None

    def test_a_missing_permission_is_named_at_once(self, server: InstagramServer) -> None:
        with pytest.raises(AccountError, match="The permission instagram_content_publish is missing"):
            redeem(server, InstagramSignIn(), without=("instagram_content_publish",))

    def test_a_page_without_an_account_is_told(self, server: InstagramServer) -> None:
        server.pages["1001"].instagram = ""
        with pytest.raises(AccountError, match="No professional Instagram account belongs to Kulturfællesskabet"):
            redeem(server, InstagramSignIn())

    def test_a_page_in_a_portfolio_leads_there_too(self, server: InstagramServer) -> None:
        server.faults.set("portfolio_page", times=None)
        assert [each.profile.remote_id for each in redeem(server, InstagramSignIn())] == ["17841"]


class TestOverTheNetwork:
    """A browser can click through the window of a server that anyone started by hand."""

    def test_the_window(self, settings: Any) -> None:
        server = FacebookServer()
        with listening(server) as address:
            settings.OPSLAG_PLATFORM_ADDRESSES = {"facebook": address}
            where = FacebookSignIn().address(app_of(server), {}, redirect_uri=BACK, state=STATE, challenge="")
            shown = httpx.get(where).text
        assert where.startswith(f"{address}/v26.0/dialog/oauth?")
        assert all(scope in shown for scope in FacebookSignIn.scopes) and "<button>Allow</button>" in shown


def test_a_token_never_stands_in_an_address(server: FacebookServer) -> None:
    with httpx.Client(transport=in_process(server)) as browser:
        refused = browser.get(f"https://graph.facebook.com/v26.0/me?access_token={server.token}")
    assert refused.status_code == 400 and "Contract" in refused.text
    assert set(FacebookSignIn.scopes) | set(InstagramSignIn.scopes) <= ALL_SCOPES
