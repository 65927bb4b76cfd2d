"""The staff's frame: whose organisation, which language, what is stopped; the switches; the error pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone, translation

from publisher.models import Organisation, Role, StopStamp, User
from publisher.vocabulary import RoleKind

pytestmark = [pytest.mark.database, pytest.mark.urls("tests.web.pages")]


@pytest.fixture(autouse=True)
def language_as_before() -> None:
    with translation.override("da"):
        yield


@pytest.fixture
def annas(client: Client, anna: User) -> Client:
    client.force_login(anna)
    return client


def test_a_stranger_is_asked_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/framed/")
    assert response.status_code == 302
    assert response["Location"] == "/sign-in/?next=/framed/"


def test_the_frame_names_the_organisation_and_the_user(annas: Client) -> None:
    page = annas.get("/framed/").content.decode()
    assert "<b>Kulturfællesskabet</b>" in page
    assert "Anna" in page
    assert "Museet" not in page


def test_one_changes_between_ones_own_organisations_and_no_others(
    annas: Client, anna: User, elsewhere: Organisation
) -> None:
    assert annas.post("/organisation/", {"organisation": elsewhere.pk}).status_code == 404
    Role.objects.create(user=anna, organisation=elsewhere, kind=RoleKind.READER)
    assert annas.post("/organisation/", {"organisation": elsewhere.pk}).status_code == 302
    assert "<b>Museet i Svendborg</b>" in annas.get("/framed/").content.decode()


def test_a_role_taken_away_is_not_used_any_more(annas: Client, anna: User, elsewhere: Organisation) -> None:
    role = Role.objects.create(user=anna, organisation=elsewhere, kind=RoleKind.READER)
    annas.post("/organisation/", {"organisation": elsewhere.pk})
    role.delete()
    assert annas.get("/framed/").wsgi_request.organisation.slug == "kulturfaellesskabet"


def test_a_user_without_any_role_has_no_organisation(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("ny@example.org"))
    response = client.get("/framed/")
    assert (response.status_code, response.wsgi_request.organisation) == (200, None)


def test_the_page_runs_in_the_organisations_time_zone(annas: Client, secretariat: Organisation) -> None:
    secretariat.timezone = "Atlantic/Faroe"
    secretariat.save()
    annas.get("/framed/")
    assert timezone.get_current_timezone_name() == "Atlantic/Faroe"
    Client().get("/sign-in/")
    assert timezone.get_current_timezone_name() == "Europe/Copenhagen"


def test_the_language_is_the_users_own(annas: Client, anna: User) -> None:
    response = annas.post("/language/", {"language": "en", "next": "/framed/?a=1"})
    assert response["Location"] == "/framed/?a=1"
    anna.refresh_from_db()
    assert anna.language == "en"
    assert '<html lang="en">' in annas.get("/framed/").content.decode()


@pytest.mark.parametrize("onward", ["https://elsewhere.example.org/", "//elsewhere.example.org", ""])
def test_the_language_switch_never_leads_elsewhere(onward: str, client: Client, db: None) -> None:
    response = client.post("/language/", {"language": "en", "next": onward})
    assert response["Location"] == "/"
    assert client.cookies["opslag-language"].value == "en"


def test_an_unknown_language_changes_nothing(client: Client, db: None) -> None:
    assert "opslag-language" not in client.post("/language/", {"language": "xx"}).cookies


def test_a_stop_is_said_on_every_page(annas: Client, anna: User, secretariat: Organisation) -> None:
    assert 'strip-bad">' not in annas.get("/framed/").content.decode()
    StopStamp.objects.create(organisation=secretariat, stopped_by=anna)
    page = annas.get("/framed/").content.decode()
    assert 'strip-bad">' in page
    assert "stop-on" in page


def test_the_whole_installations_stop_is_said_too_and_a_neighbours_is_not(
    annas: Client, elsewhere: Organisation
) -> None:
    StopStamp.objects.create(organisation=elsewhere)
    assert "stop-on" not in annas.get("/framed/").content.decode()
    StopStamp.objects.create()
    assert "stop-on" in annas.get("/framed/").content.decode()


def test_a_test_installation_says_so(annas: Client, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_NEVER_SEND = True
    assert '<div class="strip">' in annas.get("/framed/").content.decode()


def test_pages_carry_the_strict_policy(annas: Client) -> None:
    policy = annas.get("/framed/")["Content-Security-Policy"]
    assert "style-src 'self';" in policy + ";"
    assert "unsafe" not in policy


def test_error_pages(annas: Client) -> None:
    annas.raise_request_exception = False
    for path, status in (("/nowhere/", 404), ("/forbidden/", 403), ("/broken/", 500)):
        response = annas.get(path)
        assert response.status_code == status
        assert "<h1>" in response.content.decode()


def test_a_form_without_its_token_changes_nothing(anna: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(anna)
    response = strict.post("/organisation/", {"organisation": 1})
    assert response.status_code == 403
    assert "web/errors/csrf.html" in [template.name for template in response.templates]


def test_the_process_says_that_it_is_well(client: Client, db: None) -> None:
    assert client.get("/healthz").content == b"ok\n"


def test_browsers_find_the_icon_by_themselves(client: Client, db: None) -> None:
    response = client.get("/favicon.ico")
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    assert response.content.startswith(b"<svg")


def test_an_administrator_finds_the_caught_mail_where_there_is_a_catcher(
    annas: Client, olga: User, settings: pytest.FixtureRequest, tmp_path: Path
) -> None:
    olgas = Client()
    olgas.force_login(olga)
    settings.OPSLAG_CATCHER_DIR = ""
    assert 'href="/catcher/"' not in olgas.get("/framed/").content.decode()
    settings.OPSLAG_CATCHER_DIR = str(tmp_path)
    assert 'href="/catcher/"' in olgas.get("/framed/").content.decode()
    assert 'href="/catcher/"' not in annas.get("/framed/").content.decode()
