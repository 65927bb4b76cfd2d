"""Users as the operator makes them: address, password, and a role in one organisation."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.models import Organisation, Role, User
from publisher.operate.slugs import slug_of
from publisher.vocabulary import RoleKind

# How many organisations an error names.
NAMED = 20


def ensure_user(email: str, password: str, *, name: str = "", organisation: str = "", role: RoleKind) -> User:
    """Make the user, or give one who exists this password, name and role.

    `organisation` is a short name (slug) or the name of a new one; without it, the only one there is.
    Raises InputError for an address or password that will not do, or where the organisation is not clear.
    """
    _check(email, password)
    with transaction.atomic():
        home = _organisation(organisation)
        user = User.objects.filter(email=email.lower()).first() or User(email=email.lower())
        user.name = name or user.name
        user.set_password(password)
        user.save()
        Role.objects.update_or_create(user=user, organisation=home, defaults={"kind": role})
    return user


def _check(email: str, password: str) -> None:
    try:
        validate_email(email)
    except ValidationError as error:
        raise InputError(gettext_noop("“%(email)s” is not an e-mail address."), email=email) from error
    try:
        validate_password(password)
    except ValidationError as error:
        raise InputError(
            gettext_noop("Choose another password: %(reasons)s"), reasons=" ".join(error.messages)
        ) from error


def find_organisation(slug: str) -> Organisation:
    """The organisation of that short name. Raises InputError, naming those that there are."""
    found = Organisation.objects.filter(slug=slug).first()
    if found is None:
        known = _known(Organisation.objects.order_by("slug")[:NAMED])
        raise InputError(
            gettext_noop("There is no organisation “%(slug)s”. There are: %(known)s."), slug=slug, known=known
        )
    return found


def chosen_organisation(slug: str = "") -> Organisation:
    """The organisation of that short name; without one, the only one there is. Raises InputError, naming them."""
    if slug:
        return find_organisation(slug)
    organisations = list(Organisation.objects.order_by("slug")[:NAMED])
    if len(organisations) == 1:
        return organisations[0]
    raise InputError(
        gettext_noop("Say which organisation with --organisation. There are: %(known)s"), known=_known(organisations)
    )


def _known(organisations: Iterable[Organisation]) -> str:
    return ", ".join(organisation.slug for organisation in organisations) or "–"


def _organisation(named: str) -> Organisation:
    if named:
        known = Organisation.objects.filter(slug=slug_of(named)).first()
        return known or Organisation.objects.create(name=named, slug=slug_of(named))
    organisations = list(Organisation.objects.all()[:2])
    if len(organisations) == 1:
        return organisations[0]
    raise InputError(
        gettext_noop("Say which organisation: --organisation NAME (a new one is made if there is none of that name).")
    )
