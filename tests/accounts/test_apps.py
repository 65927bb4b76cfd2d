"""Our apps on the platforms: entered once, also where two kinds of channel are connected with the same one."""

from __future__ import annotations

import pytest

from publisher.accounts.apps import app_for, kinds_with_app, own_app, save_app
from publisher.models import Organisation, User
from publisher.platforms.meta_sign_in import FacebookSignIn, InstagramSignIn, MetaApp

pytestmark = pytest.mark.database


def address(sign_in: FacebookSignIn | InstagramSignIn, app: MetaApp) -> str:
    return sign_in.address(app, {}, redirect_uri="https://opslag.test/", state="s", challenge="c")


@pytest.mark.parametrize("entered_for", ["facebook", "instagram"])
def test_one_app_signs_in_for_pages_and_for_instagram(secretariat: Organisation, olga: User, entered_for: str) -> None:
    given = {"client_id": "9001", "client_secret": "hemmelig"}
    app = save_app(secretariat, entered_for, given, olga, shared=True)
    assert app_for(secretariat, "facebook") == app_for(secretariat, "instagram") == app
    assert own_app(secretariat, "threads") is None
    save_app(secretariat, "instagram", given | {"client_id": "9002"}, olga, shared=False)
    again = own_app(secretariat, "facebook")
    assert again is not None and (again.pk, again.config["client_id"], again.shared) == (app.pk, "9002", False)


def test_whose_app_is_whose() -> None:
    assert kinds_with_app("facebook") == kinds_with_app("instagram") == ["facebook", "instagram"]
    assert kinds_with_app("threads") == ["threads"]


def test_each_asks_with_its_own_configuration() -> None:
    app = MetaApp("9001", "hemmelig", config_id="71", instagram_config_id="72")
    assert "config_id=71" in address(FacebookSignIn(), app) and "scope=" not in address(FacebookSignIn(), app)
    assert "config_id=72" in address(InstagramSignIn(), app)
    only_pages = MetaApp("9001", "hemmelig", config_id="71")
    assert "instagram_content_publish" in address(InstagramSignIn(), only_pages)
