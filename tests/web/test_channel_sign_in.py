"""Connecting by signing in: only who began it comes back, once, in time; what the platform says is said in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from publisher import http
from publisher.accounts.settings import config_of
from publisher.accounts.signing_in import forget_old
from publisher.models import Account, AuditEntry, Cooperation, Membership, Organisation, PlatformApp, SigningIn, User
from publisher.platforms import PLATFORMS
from publisher.vocabulary import AccountStatus
from tests.accounts.rotating import RotatingPlatform, RotatingServer
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import Request, Response, answer, in_process
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database

SERVER = "https://mastodon.example.org"
SIGN_IN = "/channels/connect/mastodon/sign-in"
BACK = "/channels/connected/mastodon"
APP = "/channels/apps/rotating"


@pytest.fixture
def mastodon() -> Iterator[MastodonServer]:
    """A Mastodon server within this process."""
    server = MastodonServer("mastodon", rate_limit=10_000)
    with http.use_transport(in_process(server)):
        yield server


@pytest.fixture
def rotating(monkeypatch: pytest.MonkeyPatch) -> Iterator[RotatingServer]:
    """A platform with an app of ours and several pages."""
    monkeypatch.setitem(PLATFORMS, "rotating", RotatingPlatform())
    server = RotatingServer()
    with http.use_transport(in_process(server)):
        yield server


def address_in(page: HttpResponse) -> str:
    """Where the page goes on to, by itself and by its button."""
    by_itself = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', source_of(page))
    assert by_itself, words(page)
    address = by_itself.group(1).replace("&amp;", "&")
    assert f'href="{by_itself.group(1)}"' in source_of(page)
    return address


def leave(client: Client, server: str = SERVER) -> str:
    """To the platform's page, by the form."""
    return address_in(client.post(SIGN_IN, {"server": server}))


def allowed(mastodon: MastodonServer, address: str) -> str:
    """The person says yes there: the path by which the browser comes back."""
    body = urlsplit(address).query.encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "x", "accept": "*/*"}
    reply = mastodon(Request("POST", f"{SERVER}/oauth/authorize", headers, lambda: body))
    assert reply.status == 302
    parts = urlsplit(reply.headers["Location"])
    return f"{parts.path}?{parts.query}"


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def exchanges(mastodon: MastodonServer) -> int:
    return mastodon.calls.count("POST /oauth/token")


def test_the_whole_way(olga: User, secretariat: Organisation, mastodon: MastodonServer) -> None:
    client = signed_in(olga)
    assert 'href="/channels/connect/mastodon/sign-in"' in source_of(client.get("/channels/connect"))
    address = leave(client)
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{SERVER}/oauth/authorize?")
    assert asked["code_challenge_method"] == ["S256"] and asked["scope"][0].startswith("profile ")
    assert asked["redirect_uri"] == ["https://opslag.test" + BACK]
    came = client.get(allowed(mastodon, address))
    assert came.status_code == 302 and "code" not in came["Location"]
    assert not Account.objects.exists(), "coming back connects nothing"
    page = client.get(came["Location"])
    assert "Kulturfællesskabet" in words(page) and "checked" in source_of(page)
    done = client.post(came["Location"], {"profiles": ["0"]}, follow=True)
    account = Account.objects.get(organisation=secretariat)
    assert f"“{account}” is connected" in words(done)
    assert account.handle == "@kultur@mastodon.example.org" and account.status == AccountStatus.CONNECTED
    assert config_of(account).access_token in mastodon.tokens
    assert AuditEntry.objects.get(action="account_connected").user == olga
    assert not SigningIn.objects.exists(), "it holds access, and is used up"


def test_the_app_is_registered_once_per_server(olga: User, mastodon: MastodonServer) -> None:
    client = signed_in(olga)
    leave(client)
    leave(client, "mastodon.example.org/@kultur")
    assert mastodon.calls.count("POST /api/v1/apps") == 1
    app = PlatformApp.objects.get()
    assert (app.kind, app.host) == ("mastodon", "mastodon.example.org")
    # One that nobody uses may be forgotten by its server; one for another address of ours does not fit any more.
    PlatformApp.objects.update(created_at=timezone.now() - timedelta(days=2))
    leave(client)
    assert mastodon.calls.count("POST /api/v1/apps") == 2
    PlatformApp.objects.update(config=PlatformApp.objects.get().config | {"redirect_uri": "https://old.example.org/"})
    leave(client)
    assert mastodon.calls.count("POST /api/v1/apps") == 3 and PlatformApp.objects.count() == 1


def test_a_server_before_4_3_is_asked_in_its_own_words(olga: User, mastodon: MastodonServer) -> None:
    def older(request: Request) -> Response:
        if request.path.startswith("/.well-known/oauth"):
            return answer({"error": "Not Found"}, 404)
        return mastodon(request)

    with http.use_transport(in_process(older)):
        asked = parse_qs(urlsplit(leave(signed_in(olga))).query)
    assert asked["scope"] == ["read:accounts read:statuses write:statuses write:media"]
    assert "code_challenge" not in asked


@pytest.mark.parametrize("server", ["", "ftp://x.example.org", "http://intranet.example.org"])
def test_a_wrong_server_is_said_on_the_form(olga: User, mastodon: MastodonServer, server: str) -> None:
    page = signed_in(olga).post(SIGN_IN, {"server": server})
    assert page.status_code == 422 and page.context["form"].errors
    assert not SigningIn.objects.exists()


def test_a_server_that_does_not_answer_is_said_on_the_form(olga: User) -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    with http.use_transport(httpx.MockTransport(down)):
        page = signed_in(olga).post(SIGN_IN, {"server": SERVER})
    assert page.status_code == 422 and "could not be reached" in words(page)


def test_the_state_is_not_in_the_database(olga: User, mastodon: MastodonServer) -> None:
    state = state_of(leave(signed_in(olga)))
    assert len(state) >= 32
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM publisher_signingin")
        assert state not in str(cursor.fetchall())


@pytest.mark.parametrize("change", [{"state": "wrong"}, {"state": ""}, {}])
def test_an_unknown_state_redeems_nothing(olga: User, mastodon: MastodonServer, change: dict[str, str]) -> None:
    client = signed_in(olga)
    code = parse_qs(urlsplit(allowed(mastodon, leave(client))).query)["code"][0]
    page = client.get(BACK, {"code": code} | change, follow=True)
    assert "not known here" in words(page) and exchanges(mastodon) == 0
    assert SigningIn.objects.get().redeemed_at is None, "who began it may still come back"


def test_another_persons_sign_in_is_refused(olga: User, bo: User, mastodon: MastodonServer) -> None:
    mine = signed_in(olga)
    path = allowed(mastodon, leave(mine))
    other = User.objects.create_user("otto@example.org", name="Otto")
    olga.roles.model.objects.create(user=other, organisation=olga.roles.get().organisation, kind="owner")
    for stranger in (signed_in(other), signed_in(olga)):
        assert "begun in another browser" in words(stranger.get(path, follow=True))
    assert signed_in(bo).get(path).status_code == 403, "who may not connect channels"
    assert Client().get(path).status_code == 302
    assert exchanges(mastodon) == 0
    assert "/channels/profiles/" in mine.get(path)["Location"]


def test_what_was_begun_for_another_organisation_is_refused(
    olga: User, elsewhere: Organisation, mastodon: MastodonServer
) -> None:
    client = signed_in(olga)
    path = allowed(mastodon, leave(client))
    olga.roles.create(organisation=elsewhere, kind="owner")
    session = client.session
    session["organisation"] = elsewhere.pk
    session.save()
    assert "for another organisation" in words(client.get(path, follow=True))
    assert exchanges(mastodon) == 0


def test_coming_back_twice_redeems_once(olga: User, mastodon: MastodonServer) -> None:
    client = signed_in(olga)
    path = allowed(mastodon, leave(client))
    first, second = client.get(path), client.get(path)
    assert first["Location"] == second["Location"] and exchanges(mastodon) == 1
    client.post(first["Location"], {"profiles": ["0"]})
    assert "used already" in words(client.get(path, follow=True))
    assert "used already" in words(client.post(first["Location"], {"profiles": ["0"]}, follow=True))
    assert exchanges(mastodon) == 1 and Account.objects.count() == 1


def test_what_took_too_long_begins_again(olga: User, mastodon: MastodonServer) -> None:
    client = signed_in(olga)
    path = allowed(mastodon, leave(client))
    SigningIn.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    assert "longer than a quarter of an hour" in words(client.get(path, follow=True))
    assert exchanges(mastodon) == 0
    path = allowed(mastodon, leave(client))
    where = client.get(path)["Location"]
    SigningIn.objects.update(redeemed_at=timezone.now() - timedelta(minutes=16))
    assert "longer than a quarter of an hour" in words(client.post(where, {"profiles": ["0"]}, follow=True))
    assert not Account.objects.exists()
    SigningIn.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert forget_old(timezone.now()) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"error": "access_denied"}, "You said no at Mastodon"),
        ({"error": "x", "error_reason": "user_denied"}, "You said no at Mastodon"),
        ({"error": "server_error", "error_description": "Kom <b>igen</b>"}, "Mastodon ended the sign-in: “Kom <b>igen"),
        ({}, "without an answer"),
        ({"code": "invented"}, "did not accept the sign-in"),
    ],
)
def test_what_went_wrong_there_is_said_here(
    olga: User, mastodon: MastodonServer, given: dict[str, str], said: str
) -> None:
    client = signed_in(olga)
    state = state_of(leave(client))
    page = client.get(BACK, given | {"state": state}, follow=True)
    assert said in words(page) and "<b>igen" not in source_of(page)
    assert page.redirect_chain[-1][0] == SIGN_IN, "and one can begin again at once"
    assert not SigningIn.objects.exists() and not Account.objects.exists()


def test_nobody_comes_back_by_post_or_head(olga: User, mastodon: MastodonServer) -> None:
    client = signed_in(olga)
    path = allowed(mastodon, leave(client))
    assert client.head(path).status_code == 405 and client.post(path).status_code == 405
    assert exchanges(mastodon) == 0


def test_connecting_again_keeps_the_row_and_says_who_is_missing(olga: User, mastodon: MastodonServer) -> None:
    client = signed_in(olga)
    where = client.get(allowed(mastodon, leave(client)))["Location"]
    client.post(where, {"profiles": ["0"]})
    account = Account.objects.get()
    Account.objects.update(status=AccountStatus.NEEDS_RECONNECT)
    again = f"{SIGN_IN}?again={account.pk}"
    assert again in source_of(client.get(f"/channels/{account.pk}"))
    assert f'value="{SERVER}"' in source_of(client.get(again))
    where = client.get(allowed(mastodon, address_in(client.post(again, {"server": SERVER}))))["Location"]
    assert "is a channel here, gets new access" in words(client.get(where))
    client.post(where, {"profiles": ["0"]})
    account.refresh_from_db()
    assert account.status == AccountStatus.CONNECTED and Account.objects.count() == 1
    # The same number on another server is somebody else.
    Account.objects.update(url="https://other.example.org/@kultur", config={"server": "https://other.example.org"})
    where = client.get(allowed(mastodon, address_in(client.post(again, {"server": SERVER}))))["Location"]
    page = client.get(where)
    assert "is not among them" in words(page) and "checked" not in source_of(page)
    client.post(where, {"profiles": ["0"]})
    assert Account.objects.count() == 2


def test_disconnecting_takes_the_access_back_at_the_server(olga: User, mastodon: MastodonServer) -> None:
    client = signed_in(olga)
    client.post(client.get(allowed(mastodon, leave(client)))["Location"], {"profiles": ["0"]})
    account = Account.objects.get()
    token = config_of(account).access_token
    client.post(f"/channels/{account.pk}/disconnect")
    assert mastodon.tokens[token].revoked
    account.refresh_from_db()
    assert account.status == AccountStatus.DISCONNECTED and not account.credentials


def enter_app(client: Client, **values: str) -> HttpResponse:
    given = {"client_id": "app", "client_secret": "hemmelig", "shared": "on"} | values
    return client.post(APP, given, follow=True)


def test_a_platform_that_wants_an_app_says_so(olga: User, rotating: RotatingServer) -> None:
    client = signed_in(olga)
    page = client.get("/channels/connect/rotating/sign-in")
    assert "Enter the app" in words(page) and "Sign in at" not in words(page).partition("Enter the app")[2]
    assert client.get("/channels/connect/rotating").status_code == 404, "nothing of it can be typed"
    form = source_of(client.get(APP))
    assert 'value="https://opslag.test/channels/connected/rotating"' in form and "readonly" in form
    refused = client.post("/channels/connect/rotating/sign-in", {})
    assert refused.status_code == 422 and not SigningIn.objects.exists()


def test_an_app_is_entered_once_and_its_secret_never_shown(olga: User, rotating: RotatingServer) -> None:
    client = signed_in(olga)
    assert client.post(APP, {"client_id": "app"}).status_code == 422
    assert "Now sign in" in words(enter_app(client))
    page = source_of(client.get(APP))
    assert 'value="app"' in page and "hemmelig" not in page
    enter_app(client, client_id="app2", client_secret="")
    app = PlatformApp.objects.get()
    assert (app.config, app.credentials) == ({"client_id": "app2"}, {"client_secret": "hemmelig"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM publisher_platformapp")
        assert "hemmelig" not in str(cursor.fetchall())
    assert [entry.user for entry in AuditEntry.objects.filter(action="app_saved")] == [olga, olga]
    client.post(f"{APP}/remove")
    assert not PlatformApp.objects.exists()


def test_an_app_is_shared_within_the_cooperation_and_no_further(
    olga: User, sven: User, elsewhere: Organisation, cooperation: Cooperation, rotating: RotatingServer
) -> None:
    enter_app(signed_in(olga))
    sign_in = "/channels/connect/rotating/sign-in"
    stranger = signed_in(sven)
    assert "Enter the app" in words(stranger.get(sign_in))
    Membership.objects.create(cooperation=cooperation, organisation=elsewhere)
    assert "Kulturfællesskabet’s app is used" in words(stranger.get(sign_in))
    assert 'value="app"' not in source_of(stranger.get(APP)), "it is theirs to see and to change"
    enter_app(stranger, client_id="own", client_secret="egen")
    assert parse_qs(urlsplit(address_in(stranger.post(sign_in))).query)["client_id"] == ["own"]
    PlatformApp.objects.filter(organisation=elsewhere).delete()
    PlatformApp.objects.update(shared=False)
    assert "Enter the app" in words(stranger.get(sign_in))


def test_editors_may_neither_sign_in_nor_see_apps(anna: User, rotating: RotatingServer) -> None:
    client = signed_in(anna)
    for path in (SIGN_IN, APP, f"{APP}/remove", BACK, "/channels/profiles/1"):
        assert client.get(path).status_code == 403


def test_where_nobody_signs_in_there_is_no_page(olga: User) -> None:
    client = signed_in(olga)
    for kind in ("practice", "myspace"):
        for path in (f"/channels/connect/{kind}/sign-in", f"/channels/apps/{kind}", f"/channels/connected/{kind}"):
            assert client.get(path).status_code == 404
    assert client.get("/channels/apps/mastodon").status_code == 404, "that app is registered by itself"


def test_several_pages_are_connected_at_once_and_each_refusal_is_named(olga: User, rotating: RotatingServer) -> None:
    client = signed_in(olga)
    enter_app(client)
    state = state_of(address_in(client.post("/channels/connect/rotating/sign-in")))
    where = client.get("/channels/connected/rotating", {"code": "code", "state": state})["Location"]
    page = client.get(where)
    assert all(name in words(page) for name in ("Rådhuset", "Biblioteket", "Museet"))
    assert "checked" not in source_of(page), "whoever looks after nine Pages connects one of them here"
    assert client.post(where, {}).status_code == 422
    rotating.refused_pages = {"3"}
    page = client.post(where, {"profiles": ["0", "2"]})
    assert page.status_code == 422 and "Museet: The platform refused us access" in words(page)
    assert [account.name for account in Account.objects.all()] == ["Rådhuset"]
    assert f"“{Account.objects.get()}” is connected." in words(page), "and what is done is not offered once more"
    assert 'value="0"' not in source_of(page) and 'value="2"' in source_of(page)
    assert "Nothing is lost" not in words(page)
    rotating.refused_pages = set()
    client.post(where, {"profiles": ["1", "2"]})
    assert sorted(Account.objects.values_list("name", flat=True)) == ["Biblioteket", "Museet", "Rådhuset"]
    assert not SigningIn.objects.exists()
    assert {account.config["signed_in_with"] for account in Account.objects.all()} == {PlatformApp.objects.get().pk}


@pytest.mark.parametrize("path", ["/channels/apps/facebook", "/channels/connect/instagram/sign-in"])
def test_who_cannot_come_back_is_told_before(olga: User, settings: Any, path: str) -> None:
    client, warning = signed_in(olga), "Facebook sends people back only to an address with https"
    assert warning not in words(client.get(path))
    settings.OPSLAG_BASE_URL = "http://192.0.2.7:8000"
    page = words(client.get(path))
    assert warning in page and "Opslag’s own is http://192.0.2.7:8000." in page
    assert warning not in words(client.get("/channels/connect/mastodon/sign-in"))
    settings.OPSLAG_PLATFORM_ADDRESSES = {"facebook": "http://127.0.0.1:9", "instagram": "http://127.0.0.1:9"}
    assert warning not in words(client.get(path)), "a contract server asks for no https"


def test_where_one_signs_in_and_which_redirect_uri_is_whose(olga: User) -> None:
    client = signed_in(olga)
    app = words(client.get("/channels/apps/facebook"))
    assert "Redirect URI for Facebook: enter it at Facebook exactly like this" in app
    assert "Redirect URI for Instagram: enter it at Facebook exactly like this" in app
    page = words(client.get("/channels/connect/instagram/sign-in"))
    assert "Connect Instagram" in page and "You sign in at Facebook and say there what Opslag may do." in page


def test_what_it_takes_at_facebook_is_said_before_one_begins(olga: User) -> None:
    client = signed_in(olga)
    page = words(client.get("/channels/connect/facebook/sign-in"))
    assert "You need a role on the Page that may publish" in page and "business portfolio" in page
    assert "Switch the app to Live." in words(client.get("/channels/apps/facebook"))
    instagram = words(client.get("/channels/connect/instagram/sign-in"))
    assert "must be a professional one and belong to a Facebook Page" in instagram
    assert "What it takes" not in words(client.get("/channels/connect/mastodon/sign-in"))
