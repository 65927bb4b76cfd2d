"""Our apps on the platforms: what a platform gave to staff, or what we registered on a server ourselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, IntegerField, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.settings import split_values, typed
from publisher.errors import InputError
from publisher.models import Account, AuditEntry, Organisation, PlatformApp, User
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import SignIn
from publisher.vocabulary import AccountStatus

# Beside a channel's connection fields: which app it was connected with.
SIGNED_IN_WITH = "signed_in_with"
# Beside an app's own fields: where its server sends people back to.
_REDIRECT = "redirect_uri"
# Servers forget apps that nobody uses; one that was just registered is surely there.
_FRESH = timedelta(hours=1)


def sign_in_of(kind: str) -> SignIn:
    """How a person signs in at a platform. Raises InputError for one where nobody does."""
    platform = PLATFORMS.get(kind)
    if platform is None or platform.sign_in is None:
        raise InputError(gettext_noop("Nobody signs in at “%(kind)s” to connect a channel."), kind=kind)
    return platform.sign_in


def app_kind(kind: str) -> str:
    """The kind of account under which the app is kept that people sign in with. Raises InputError as `sign_in_of`."""
    return sign_in_of(kind).app_of or kind


def kinds_with_app(kind: str) -> list[str]:
    """All kinds of account that people connect with the same app as `kind`, in the order in which they are offered."""
    shared = app_kind(kind)
    return [each for each, platform in PLATFORMS.items() if platform.sign_in and app_kind(each) == shared]


def app_for(organisation: Organisation, kind: str, host: str = "") -> PlatformApp | None:
    """The organisation's own app, else one that an organisation of the same cooperations shares, else None."""
    ours = Q(organisation=organisation)
    shared = Q(shared=True, organisation__cooperations__in=organisation.cooperations.all())
    own_first = Case(When(ours, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = PlatformApp.objects.filter(ours | shared, kind=app_kind(kind), host=host).select_related("organisation")
    return found.annotate(rank=own_first).order_by("rank", "pk").first()


def own_app(organisation: Organisation, kind: str) -> PlatformApp | None:
    """The app that the organisation itself has entered."""
    return PlatformApp.objects.filter(organisation=organisation, kind=app_kind(kind), host="").first()


def save_app(
    organisation: Organisation, kind: str, values: Mapping[str, Any], user: User, *, shared: bool
) -> PlatformApp:
    """Keep what a platform gave to our app, secrets encrypted; a secret that is left out stays as it was.

    Raises InputError naming what is missing.
    """
    sign_in = sign_in_of(kind)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        app = own_app(organisation, kind) or PlatformApp(organisation=organisation, kind=app_kind(kind))
        given = {name: value for name, value in values.items() if value not in ("", None)}
        app.config, app.credentials = split_values(sign_in.app_class, {**app.credentials, **given})
        app.shared = shared
        app.save()
        _note(app, user, "app_saved", gettext_noop("entered the app for %(platform)s"))
    return app


def remove_app(app: PlatformApp, user: User) -> None:
    """Forget an app; the channels that were connected with it work until they must be renewed."""
    with transaction.atomic():
        _note(app, user, "app_removed", gettext_noop("removed the app for %(platform)s"))
        app.delete()


def ready_app(organisation: Organisation, kind: str, values: Mapping[str, Any], redirect_uri: str) -> PlatformApp:
    """The app with which somebody signs in now: the one that is there, or one registered on the spot.

    Raises InputError where staff must enter one first, and what registering raises.
    """
    sign_in = sign_in_of(kind)
    app = app_for(organisation, kind, sign_in.host(values))
    if not sign_in.registers:
        if app is None:
            raise InputError(gettext_noop("The platform wants an app of ours first. Enter it, then sign in."))
        return app
    if app is not None and _still_known(app, redirect_uri):
        return app
    return _registered(organisation, kind, values, redirect_uri)


def config_of_app(app: PlatformApp) -> Any:
    """What the platform's sign-in needs. Raises AccountError where a field is missing."""
    return typed(sign_in_of(app.kind).app_class, {**app.config, **app.credentials})


def app_of(account: Account) -> Any | None:
    """The app that a channel was connected with, else the one that would be used now; None if there is none."""
    platform = PLATFORMS.get(account.kind)
    if platform is None or platform.sign_in is None:
        return None
    app = PlatformApp.objects.filter(pk=account.config.get(SIGNED_IN_WITH), kind=app_kind(account.kind)).first()
    app = app or app_for(account.organisation, account.kind)
    return config_of_app(app) if app else None


def _still_known(app: PlatformApp, redirect_uri: str) -> bool:
    if app.config.get(_REDIRECT) != redirect_uri:
        return False
    used = Account.objects.filter(
        kind=app.kind, status=AccountStatus.CONNECTED, **{f"config__{SIGNED_IN_WITH}": app.pk}
    )
    return app.created_at > timezone.now() - _FRESH or used.exists()


def _registered(organisation: Organisation, kind: str, values: Mapping[str, Any], redirect_uri: str) -> PlatformApp:
    sign_in = sign_in_of(kind)
    made = sign_in.register(values, redirect_uri)
    if made is None:
        raise InputError(gettext_noop("The platform wants an app of ours first. Enter it, then sign in."))
    config, secrets = split_values(sign_in.app_class, asdict(made))
    fields = {"config": config | {_REDIRECT: redirect_uri}, "credentials": secrets, "created_at": timezone.now()}
    app, _new = PlatformApp.objects.update_or_create(
        organisation=organisation, kind=kind, host=sign_in.host(values), defaults=fields
    )
    return app


def _note(app: PlatformApp, user: User, action: str, msgid: str) -> None:
    AuditEntry.objects.create(
        organisation=app.organisation,
        user=user,
        action=action,
        subject_kind="platformapp",
        subject_id=app.pk,
        explanation={"msgid": msgid, "params": {"platform": str(PLATFORMS[app.kind].called)}},
    )
