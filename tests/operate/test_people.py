"""Making users from the command line."""

from __future__ import annotations

import pytest

from publisher.errors import InputError
from publisher.models import Organisation, Role, User
from publisher.operate.people import chosen_organisation, ensure_user, find_organisation
from publisher.operate.slugs import slug_of
from publisher.vocabulary import RoleKind

pytestmark = pytest.mark.database
GOOD = "kanel-og-æblegrød"


def test_a_first_user_brings_the_first_organisation(db: None) -> None:
    user = ensure_user("Anna@Example.ORG", GOOD, name="Anna", organisation="Køge Museum", role=RoleKind.OWNER)
    assert user.email == "anna@example.org"
    assert user.check_password(GOOD)
    role = Role.objects.get(user=user)
    assert (role.kind, role.organisation.name, role.organisation.slug) == (
        RoleKind.OWNER,
        "Køge Museum",
        "koege-museum",
    )


def test_again_it_changes_password_and_role_and_makes_nobody_new(secretariat: Organisation) -> None:
    ensure_user("anna@example.org", GOOD, name="Anna", role=RoleKind.OWNER)
    user = ensure_user("anna@example.org", "en-helt-anden-en", role=RoleKind.EDITOR)
    assert User.objects.count() == 1
    assert (user.name, user.check_password("en-helt-anden-en")) == ("Anna", True)
    assert Role.objects.get(user=user).kind == RoleKind.EDITOR


@pytest.mark.parametrize(("email", "password"), [("not an address", GOOD), ("anna@example.org", "kort")])
def test_what_will_not_do_is_refused_and_nothing_is_made(secretariat: Organisation, email: str, password: str) -> None:
    with pytest.raises(InputError):
        ensure_user(email, password, role=RoleKind.OWNER)
    assert not User.objects.exists()


def test_among_several_organisations_one_must_be_named(secretariat: Organisation, elsewhere: Organisation) -> None:
    with pytest.raises(InputError, match="--organisation"):
        ensure_user("anna@example.org", GOOD, role=RoleKind.OWNER)
    assert find_organisation("museet") == elsewhere
    with pytest.raises(InputError, match="kulturfaellesskabet, museet"):
        find_organisation("findes-ikke")


@pytest.mark.parametrize(
    ("name", "slug"), [("Rødovre Kommune", "roedovre-kommune"), ("Ærø", "aeroe"), ("Ålborg  Å", "aalborg-aa")]
)
def test_danish_letters_survive_in_short_names(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_the_only_organisation_needs_no_name(secretariat: Organisation) -> None:
    assert chosen_organisation() == secretariat


def test_a_name_that_is_unknown_is_said_to_be(secretariat: Organisation, elsewhere: Organisation) -> None:
    assert chosen_organisation("museet") == elsewhere
    with pytest.raises(InputError, match="--organisation"):
        chosen_organisation()
    with pytest.raises(InputError, match="“nix”"):
        chosen_organisation("nix")
