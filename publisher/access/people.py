"""The people of an organisation: inviting, changing roles, new passwords. Somebody can always run the place."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.errors import InputError
from publisher.models import Organisation, Role, User
from publisher.vocabulary import RoleKind

# Without letters that look like others.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Invited:
    """The new role, and the password to hand over: "" for somebody who signs in here already."""

    role: Role
    password: str


def invite(organisation: Organisation, by: User, *, email: str, name: str, kind: RoleKind) -> Invited:
    """Give somebody a role, as a new user or as one who works in another organisation of this installation.

    Raises InputError for who is here already; PermissionDenied unless `by` may manage.
    """
    require(by, "manage", organisation)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        user = User.objects.filter(email__iexact=email).first()
        password = "" if user else _new_password()
        if user is None:
            user = User.objects.create_user(email, password, name=name, language=organisation.language)
        role, made = Role.objects.get_or_create(user=user, organisation=organisation, defaults={"kind": kind})
        if not made:
            raise InputError(
                gettext_noop("%(name)s is already here. Change the role in the list instead."), name=str(user)
            )
        record(organisation, by, "person_invited", user, gettext_noop("invited a colleague"), role=kind.value)
    return Invited(role, password)


def change_role(role: Role, by: User, kind: RoleKind) -> None:
    """Give somebody another role. Raises InputError if nobody would be left to run the organisation."""
    require(by, "manage", role.organisation)
    with transaction.atomic():
        if kind != RoleKind.OWNER:
            _keep_an_owner(role)
        Role.objects.filter(pk=role.pk).update(kind=kind)
        words = gettext_noop("changed a colleague’s role")
        record(role.organisation, by, "role_changed", role.user, words, role=kind.value)
    role.refresh_from_db()


def remove(role: Role, by: User) -> None:
    """Take somebody's role away; what they did stays in the account. Raises InputError for the last administrator."""
    require(by, "manage", role.organisation)
    with transaction.atomic():
        _keep_an_owner(role)
        role.delete()
        record(role.organisation, by, "person_removed", role.user, gettext_noop("took a colleague’s access away"))


def may_give_password(role: Role, by: User) -> bool:
    """Whether `by` runs every organisation that the person works in: nobody gets a key to another one this way."""
    if role.user == by or role.user.is_superuser:
        return False
    theirs = Role.objects.filter(user=role.user).values("organisation")
    mine = Role.objects.filter(user=by, kind=RoleKind.OWNER).values("organisation")
    return not Role.objects.filter(organisation__in=theirs).exclude(organisation__in=mine).exists()


def give_password(role: Role, by: User) -> str:
    """A new password for somebody who forgot theirs, to hand over. Raises InputError unless `may_give_password`."""
    require(by, "manage", role.organisation)
    if not may_give_password(role, by):
        raise InputError(
            gettext_noop("%(name)s also works elsewhere, so the password can only be changed by the operator."),
            name=str(role.user),
        )
    password = _new_password()
    with transaction.atomic():
        role.user.set_password(password)
        role.user.save(update_fields=["password"])
        record(role.organisation, by, "password_given", role.user, gettext_noop("gave a colleague a new password"))
    return password


def _keep_an_owner(role: Role) -> None:
    Organisation.objects.select_for_update().get(pk=role.organisation_id)
    others = Role.objects.filter(organisation=role.organisation_id, kind=RoleKind.OWNER).exclude(pk=role.pk)
    if not others.filter(user__is_active=True).exists():
        raise InputError(gettext_noop("Somebody must be able to run this. Make another person administrator first."))


def _new_password() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
