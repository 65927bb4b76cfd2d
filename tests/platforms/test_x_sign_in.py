"""Signing in at X: a code for 30 seconds, and a refresh token that works once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from publisher import http
from publisher.errors import AccountError, TokenExpiredError, TransientError
from publisher.platforms.contract import Found
from publisher.platforms.x import XConfig, XPlatform
from publisher.platforms.x_sign_in import XApp, XSignIn
from tests.contract.wire import in_process
from tests.contract.x import XServer
from tests.platforms.platform_contract import a_post
from tests.platforms.signing_in import CHALLENGE, REDIRECT, VERIFIER, clicked

APP = XApp("contract-app", "contract-secret")
SIGN_IN = XSignIn()
PLATFORM = XPlatform()


@pytest.fixture
def server() -> Iterator[XServer]:
    server = XServer()
    with http.use_transport(in_process(server)):
        yield server


def code_from(server: XServer) -> str:
    back = clicked(server, SIGN_IN.address(APP, {}, redirect_uri=REDIRECT, state="s1", challenge=CHALLENGE))
    assert back["state"] == "s1"
    return back["code"]


def redeemed(code: str, verifier: str = VERIFIER) -> Found:
    (found,) = SIGN_IN.redeem(APP, {}, code=code, verifier=verifier, redirect_uri=REDIRECT)
    return found


def test_a_person_signs_in_and_we_publish(server: XServer) -> None:
    found = redeemed(code_from(server))
    assert found.profile.handle == "@kultur"
    PLATFORM.commit(XConfig(**found.values), found.profile.facts, a_post(), {"media_ids": []})
    assert len(server.public()) == 1


def test_a_code_is_good_for_thirty_seconds(server: XServer) -> None:
    code = code_from(server)
    server.clock.advance(31)
    with pytest.raises(AccountError, match="half a minute"):
        redeemed(code)


def test_a_code_needs_its_verifier_and_works_once(server: XServer) -> None:
    code = code_from(server)
    with pytest.raises(AccountError):
        redeemed(code, "another verifier")
    with pytest.raises(AccountError):
        redeemed(code)


def test_no_is_an_answer_too(server: XServer) -> None:
    address = SIGN_IN.address(APP, {}, redirect_uri=REDIRECT, state="s1", challenge=CHALLENGE)
    assert clicked(server, address, deny=True)["error"] == "access_denied"


def test_a_wrong_secret_is_said_and_not_quoted(server: XServer) -> None:
    with pytest.raises(AccountError) as refused:
        SIGN_IN.redeem(XApp("contract-app", "not-it"), {}, code="x", verifier="y", redirect_uri=REDIRECT)
    assert "not-it" not in str(refused.value)
    assert "contract-secret" not in repr(APP)


def test_renewal_is_due_half_an_hour_before_the_two_hours_are_over(server: XServer) -> None:
    config = XConfig(**redeemed(code_from(server)).values)
    renew_at = PLATFORM.renew_at(config)
    assert renew_at is not None
    assert abs(renew_at - datetime.now(UTC) - timedelta(minutes=90)) < timedelta(minutes=1)
    assert PLATFORM.lasts_until(config) is None
    assert PLATFORM.renew_at(XConfig("t")) is None


def test_the_access_ends_after_two_hours_and_is_renewed(server: XServer) -> None:
    config = XConfig(**redeemed(code_from(server)).values)
    server.clock.advance(7200)
    with pytest.raises(TokenExpiredError):
        PLATFORM.verify(config)
    renewed = XConfig(**PLATFORM.renew(config, APP))
    assert PLATFORM.verify(renewed).handle == "@kultur"
    again = XConfig(**PLATFORM.renew(renewed, APP))
    assert len({config.refresh_token, renewed.refresh_token, again.refresh_token}) == 3


def test_a_refresh_token_that_is_used_twice_ends_all_access(server: XServer) -> None:
    config = XConfig(**redeemed(code_from(server)).values)
    renewed = XConfig(**PLATFORM.renew(config, APP))
    with pytest.raises(AccountError, match="Sign in again"):
        PLATFORM.renew(config, APP)
    with pytest.raises(TokenExpiredError):
        PLATFORM.verify(renewed)
    with pytest.raises(AccountError):
        PLATFORM.renew(renewed, APP)


def test_a_renewal_whose_answer_is_lost_is_no_refusal(server: XServer) -> None:
    config = XConfig(**redeemed(code_from(server)).values)
    server.faults.set("drop_before_read", on="POST /2/oauth2/token")
    with pytest.raises(TransientError):
        PLATFORM.renew(config, APP)
    assert PLATFORM.renew(config, APP)["access_token"]


def test_without_our_app_or_a_refresh_token_a_person_must_connect(server: XServer) -> None:
    for config, app in ((XConfig("t", "r"), None), (XConfig("t"), APP)):
        assert PLATFORM.renew(config, app) is None
