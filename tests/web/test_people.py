"""People and roles: seen by all, changed by administrators, never without one; passwords handed over once."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from publisher.models import AuditEntry, Organisation, Role, User
from publisher.vocabulary import RoleKind
from tests.cast import PASSWORD
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

INVITE = "/settings/people/invite"
NEW = {"name": "Nina", "email": "Nina@Example.org", "kind": RoleKind.EDITOR}


def role_of(user: User, organisation: Organisation) -> Role:
    return Role.objects.get(user=user, organisation=organisation)


def password_in(page: str) -> str:
    return re.findall(r"<code>(.*?)</code>", page)[0]


@pytest.mark.parametrize(("language", "never"), [("en", "never"), ("da", "")])
def test_everyone_sees_who_works_here(
    anna: User, bo: User, olga: User, sven: User, secretariat: Organisation, language: str, never: str
) -> None:
    page = signed_in(reader_in(secretariat), language).get("/settings/people")
    assert f'<html lang="{language}">' in source_of(page)
    assert all(name in words(page) for name in ("Anna", "Bo", "Olga", "Rita"))
    assert never in words(page)
    assert "Sven" not in words(page)
    assert INVITE not in source_of(page)


def test_the_list_asks_the_database_as_often_for_many_people(
    anna: User, bo: User, olga: User, django_assert_num_queries
) -> None:
    client = signed_in(anna)
    with django_assert_num_queries(7):
        client.get("/settings/people")


def test_somebody_new_signs_in_with_the_password_that_is_shown_once(olga: User, secretariat: Organisation) -> None:
    page = signed_in(olga).post(INVITE, NEW)
    assert "no-store" in page["Cache-Control"]
    assert role_of(User.objects.get(email="nina@example.org"), secretariat).kind == RoleKind.EDITOR
    signing_in = {"username": "nina@example.org", "password": password_in(source_of(page)), "next": "/channels"}
    assert Client().post("/sign-in/", signing_in)["Location"] == "/channels"
    entry = AuditEntry.objects.get(action="person_invited")
    assert entry.user == olga and password_in(source_of(page)) not in str(entry.explanation)


def test_who_works_elsewhere_keeps_their_password(olga: User, sven: User, secretariat: Organisation) -> None:
    before = sven.password
    page = signed_in(olga).post(INVITE, NEW | {"email": sven.email.upper()}, follow=True)
    assert "can work here now, with the same password" in words(page)
    sven.refresh_from_db()
    assert sven.password == before and sven.name == "Sven"
    assert role_of(sven, secretariat).kind == RoleKind.EDITOR


@pytest.mark.parametrize(("field", "value"), [("email", "nina"), ("email", ""), ("name", ""), ("kind", "emperor")])
def test_what_does_not_fit_is_refused(olga: User, field: str, value: str) -> None:
    response = signed_in(olga).post(INVITE, NEW | {field: value})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not User.objects.filter(email="nina@example.org").exists()


def test_who_is_here_already_is_not_invited_again(olga: User, anna: User) -> None:
    response = signed_in(olga).post(INVITE, NEW | {"email": anna.email, "kind": RoleKind.OWNER})
    assert response.status_code == 422
    assert "Anna is already here" in words(response)
    assert Role.objects.get(user=anna).kind == RoleKind.EDITOR


def test_a_role_is_changed_and_taken_away(olga: User, anna: User, secretariat: Organisation) -> None:
    client = signed_in(olga)
    at = f"/settings/people/{role_of(anna, secretariat).pk}"
    client.post(at, {"kind": RoleKind.APPROVER})
    assert role_of(anna, secretariat).kind == RoleKind.APPROVER
    assert "stays, with their name" in words(client.get(at + "/remove"))
    assert role_of(anna, secretariat)
    client.post(at + "/remove")
    assert not Role.objects.filter(user=anna).exists()
    assert User.objects.filter(pk=anna.pk).exists()


def test_somebody_can_always_run_the_place(olga: User, anna: User, secretariat: Organisation) -> None:
    client = signed_in(olga)
    at = f"/settings/people/{role_of(olga, secretariat).pk}"
    response = client.post(at, {"kind": RoleKind.READER})
    assert response.status_code == 422
    assert "Make another person administrator first." in words(response)
    assert "administrator first" in words(client.post(at + "/remove", follow=True))
    assert role_of(olga, secretariat).kind == RoleKind.OWNER
    client.post(f"/settings/people/{role_of(anna, secretariat).pk}", {"kind": RoleKind.OWNER})
    client.post(at, {"kind": RoleKind.READER})
    assert role_of(olga, secretariat).kind == RoleKind.READER


def test_a_forgotten_password_is_replaced(olga: User, anna: User, secretariat: Organisation) -> None:
    page = signed_in(olga).post(f"/settings/people/{role_of(anna, secretariat).pk}/password")
    assert "no-store" in page["Cache-Control"]
    anna.refresh_from_db()
    assert anna.check_password(password_in(source_of(page)))


def test_nobody_gets_a_key_to_another_organisation_this_way(
    olga: User, sven: User, anna: User, secretariat: Organisation
) -> None:
    client = signed_in(olga)
    client.post(INVITE, NEW | {"email": sven.email})
    at = f"/settings/people/{role_of(sven, secretariat).pk}"
    before = User.objects.get(pk=sven.pk).password
    assert "Give a new password" not in words(client.get(at))
    assert "also works elsewhere" in words(client.post(at + "/password", follow=True))
    assert User.objects.get(pk=sven.pk).password == before
    User.objects.filter(pk=anna.pk).update(is_superuser=True)
    assert "also works" in words(client.post(f"/settings/people/{role_of(anna, secretariat).pk}/password", follow=True))


def test_only_administrators_change_people(anna: User, bo: User, sven: User, secretariat: Organisation) -> None:
    at = f"/settings/people/{role_of(anna, secretariat).pk}"
    approver, stranger = signed_in(bo), signed_in(sven)
    assert approver.get(INVITE).status_code == 403
    assert approver.post(INVITE, NEW).status_code == 403
    for path in ("", "/remove", "/password"):
        assert approver.post(at + path, {"kind": RoleKind.OWNER}).status_code == 403
        assert stranger.post(at + path, {"kind": RoleKind.OWNER}).status_code == 404
    assert stranger.get(at).status_code == 404
    assert role_of(anna, secretariat).kind == RoleKind.EDITOR


def test_ones_own_password(anna: User) -> None:
    client = signed_in(anna)
    new = "rugbrød-med-sild"
    given = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    short = given | {"new_password1": "kort", "new_password2": "kort"}
    assert client.post("/settings/people/password", short).status_code == 422
    assert client.post("/settings/people/password", given | {"old_password": "forkert"}).status_code == 422
    page = client.post("/settings/people/password", given, follow=True)
    assert "Your password is changed." in words(page), "and one is still signed in"
    anna.refresh_from_db()
    assert anna.check_password(new)
