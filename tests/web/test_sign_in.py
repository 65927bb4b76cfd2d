"""Signing in and out, and the lock after too many wrong tries."""

from __future__ import annotations

import pytest
from django.test import Client

from publisher.models import User
from tests.cast import PASSWORD

pytestmark = [pytest.mark.database, pytest.mark.urls("tests.web.pages")]


def sign_in(client: Client, address: str, password: str = PASSWORD):
    return client.post("/sign-in/", {"username": address, "password": password, "next": "/framed/"})


def test_the_right_password_leads_on(client: Client, anna: User) -> None:
    assert sign_in(client, anna.email.upper())["Location"] == "/framed/"
    assert client.get("/framed/").status_code == 200


def test_the_wrong_password_says_so_and_keeps_the_address(client: Client, anna: User) -> None:
    page = sign_in(client, anna.email, "forkert").content.decode()
    assert anna.email in page
    assert 'role="alert"' in page
    assert client.get("/framed/").status_code == 302


def test_ten_wrong_tries_lock_the_address(client: Client, anna: User, bo: User) -> None:
    for _ in range(9):
        assert sign_in(client, anna.email, "forkert").status_code == 200
    response = sign_in(client, anna.email, "forkert")
    assert response.status_code == 429
    assert "web/sign_in_locked.html" in [template.name for template in response.templates]
    assert sign_in(client, anna.email).status_code == 429
    assert sign_in(client, bo.email).status_code == 302


def test_signing_out_needs_a_form(client: Client, anna: User) -> None:
    client.force_login(anna)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/framed/").status_code == 302
