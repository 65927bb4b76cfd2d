"""Signing in at LinkedIn, how long that lasts, and renewing where LinkedIn gave a token for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from publisher import http
from publisher.errors import AccountError, TransientError
from publisher.platforms.contract import Found
from publisher.platforms.linkedin import LinkedInConfig, LinkedInPlatform
from publisher.platforms.linkedin_sign_in import LinkedInApp, LinkedInSignIn
from tests.contract import linkedin
from tests.contract.linkedin import LinkedInServer
from tests.contract.wire import in_process
from tests.platforms.platform_contract import a_post
from tests.platforms.signing_in import CHALLENGE, REDIRECT, VERIFIER, clicked

APP = LinkedInApp("contract-app", "contract-secret")
SIGN_IN = LinkedInSignIn()
PLATFORM = LinkedInPlatform()


@pytest.fixture
def server() -> Iterator[LinkedInServer]:
    server = LinkedInServer()
    with http.use_transport(in_process(server)):
        yield server


def signed_in(server: LinkedInServer) -> tuple[Found, ...]:
    address = SIGN_IN.address(APP, {}, redirect_uri=REDIRECT, state="s1", challenge=CHALLENGE)
    back = clicked(server, address)
    assert back["state"] == "s1"
    return SIGN_IN.redeem(APP, {}, code=back["code"], verifier=VERIFIER, redirect_uri=REDIRECT)


def test_each_page_that_the_person_may_publish_for_is_offered(server: LinkedInServer) -> None:
    found = signed_in(server)
    assert [(each.profile.name, each.values["organisation"]) for each in found] == [
        ("Kulturfællesskabet", "urn:li:organization:1"),
        ("Museet", "urn:li:organization:2"),
    ]
    for each in found:
        config = LinkedInConfig(**each.values)
        PLATFORM.commit(config, each.profile.facts, a_post(), {"media_ids": []})
        assert PLATFORM.verify(config) == each.profile
    assert len(server.public()) == 2


def test_the_address_has_no_pkce_and_asks_for_three_rights(server: LinkedInServer) -> None:
    address = SIGN_IN.address(APP, {}, redirect_uri=REDIRECT, state="s1", challenge=CHALLENGE)
    assert address.startswith("https://www.linkedin.com/oauth/v2/authorization?")
    assert CHALLENGE not in address
    assert "w_organization_social" in address


def test_who_looks_after_no_page_is_told_what_to_do(server: LinkedInServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linkedin, "PAGES", {"3": linkedin.PAGES["3"]})
    with pytest.raises(AccountError, match="Ask an admin of the page"):
        signed_in(server)


def test_a_code_works_once_and_for_half_an_hour(server: LinkedInServer) -> None:
    address = SIGN_IN.address(APP, {}, redirect_uri=REDIRECT, state="s1", challenge="")
    code = clicked(server, address)["code"]
    SIGN_IN.redeem(APP, {}, code=code, verifier="", redirect_uri=REDIRECT)
    late = clicked(server, address)["code"]
    server.clock.advance(1801)
    for used in (code, late):
        with pytest.raises(AccountError, match="Sign in again"):
            SIGN_IN.redeem(APP, {}, code=used, verifier="", redirect_uri=REDIRECT)


def test_no_is_an_answer_too(server: LinkedInServer) -> None:
    address = SIGN_IN.address(APP, {}, redirect_uri=REDIRECT, state="s1", challenge="")
    assert clicked(server, address, deny=True)["error"] == "user_cancelled_authorize"


def test_a_wrong_secret_is_said(server: LinkedInServer) -> None:
    with pytest.raises(AccountError) as refused:
        SIGN_IN.redeem(LinkedInApp("contract-app", "not-it"), {}, code="x", verifier="", redirect_uri=REDIRECT)
    assert "not-it" not in str(refused.value)


def test_a_server_fault_is_tried_again(server: LinkedInServer) -> None:
    server.faults.set("500", on="POST /oauth/v2/accessToken")
    with pytest.raises(TransientError):
        signed_in(server)


def test_it_lasts_sixty_days_and_is_not_renewed(server: LinkedInServer) -> None:
    config = LinkedInConfig(**signed_in(server)[0].values)
    assert PLATFORM.renew_at(config) is None
    until = PLATFORM.lasts_until(config)
    assert until is not None
    assert abs(until - datetime.now(UTC) - timedelta(days=60)) < timedelta(minutes=1)
    assert PLATFORM.renew(config, APP) is None


def test_a_partners_access_is_renewed_for_a_year(server: LinkedInServer) -> None:
    server.oauth.partner = True
    values = dict(signed_in(server)[0].values)
    config = LinkedInConfig(**values)
    renew_at, until = PLATFORM.renew_at(config), PLATFORM.lasts_until(config)
    assert renew_at is not None
    assert until is not None
    assert abs(renew_at - datetime.now(UTC) - timedelta(days=53)) < timedelta(minutes=1)
    assert abs(until - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=1)
    server.clock.advance(timedelta(days=60).total_seconds())
    renewed = LinkedInConfig(**(values | PLATFORM.renew(config, APP)))
    assert PLATFORM.verify(renewed).name == "Kulturfællesskabet"
    assert renewed.access_token != config.access_token
    assert PLATFORM.renew(config, None) is None, "a person must connect it again"


def test_what_is_not_told_is_not_known() -> None:
    assert PLATFORM.lasts_until(LinkedInConfig("urn:li:organization:1", "t")) is None


def test_secrets_are_not_printed() -> None:
    config = LinkedInConfig("urn:li:organization:1", "a-token", refresh_token="another")
    assert "a-token" not in repr(config)
    assert "another" not in repr(config)
    assert "contract-secret" not in repr(APP)
