"""A person signs in at a platform to connect channels (OAuth 2, RFC 6749; PKCE, RFC 7636): there, back, choose.

Each sign-in is one row, good for a quarter of an hour, once, and only for who began it, in the same organisation and
the same browser.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.apps import app_kind, config_of_app, ready_app, sign_in_of
from publisher.accounts.connect import connect_account
from publisher.errors import Explanation, InputError, OpslagError
from publisher.models import Account, Organisation, SigningIn, User
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Found, Profile

LASTS = timedelta(minutes=15)
# Rows hold access that nobody took up; they go soon after they are of no use.
_KEPT = timedelta(hours=1)
SAID_LENGTH = 200

_UNKNOWN = gettext_noop("This sign-in is not known here, or it was used already. Begin again.")
_OTHERS = gettext_noop(
    "This sign-in was begun in another browser, by somebody else or for another organisation. Begin again here."
)
_TOO_LATE = gettext_noop("This sign-in took longer than a quarter of an hour. Begin again.")
_SAID_NO = gettext_noop("You said no at %(platform)s, so nothing was connected.")
_SAID = gettext_noop("%(platform)s ended the sign-in: “%(message)s”. Nothing was connected.")
_NO_CODE = gettext_noop("%(platform)s sent you back without an answer. Begin again.")
# What platforms call a person's no (RFC 6749 §4.1.2.1; LinkedIn has words of its own).
_NOES = frozenset({"access_denied", "user_denied", "user_cancelled_login", "user_cancelled_authorize"})


@dataclass(frozen=True)
class Whose:
    """Who is signing in: the person, the organisation they work in, and a secret of their browser session."""

    user: User
    organisation: Organisation
    session: str


@dataclass(frozen=True)
class Choice:
    """A profile that may be connected; `known` is its channel, if it has one; `wanted`: surely somebody came for it.

    `obstacle` says why it cannot be connected, where the platform told that already.
    """

    number: int
    profile: Profile
    known: Account | None
    wanted: bool
    obstacle: Explanation | None = None


def start(
    whose: Whose, kind: str, values: Mapping[str, Any], *, redirect_uri: str, again: Account | None = None
) -> str:
    """Where to send the person. `values` are the fields that the platform `asks` for before.

    Raises InputError for what is missing, an app included, and what registering an app raises.
    """
    sign_in = sign_in_of(kind)
    asked = {name: str(values.get(name, "")).strip() for name in sign_in.asks}
    for name in sign_in.asks:
        if not asked[name]:
            raise InputError(gettext_noop("Fill in “%(field)s”."), field=_label(kind, name))
    app = ready_app(whose.organisation, kind, asked, redirect_uri)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    address = sign_in.address(
        config_of_app(app), asked, redirect_uri=redirect_uri, state=state, challenge=challenge_of(verifier)
    )
    kept: Any = {"values": asked, "verifier": verifier, "redirect_uri": redirect_uri}
    kept["session"] = _sha256(whose.session)
    SigningIn.objects.create(
        organisation=whose.organisation,
        user=whose.user,
        app=app,
        again=again,
        kind=kind,
        state_key=_sha256(state),
        kept=kept,
    )
    return address


def come_back(whose: Whose, kind: str, given: Mapping[str, str]) -> SigningIn:
    """The person is back with what the platform put into the address: change its code for profiles to choose from.

    Loading the page twice redeems once. Raises InputError in words that say what happened, and what redeeming raises.
    """
    row = _own(whose, kind, given.get("state", ""))
    if "found" in row.kept:
        return row
    if not SigningIn.objects.filter(pk=row.pk, redeemed_at=None).update(redeemed_at=timezone.now()):
        raise InputError(_UNKNOWN)
    try:
        _refuse_without_code(kind, given)
        found = _redeem(row, given["code"])
    except OpslagError:
        row.delete()
        raise
    kept = {"values": row.kept["values"], "session": row.kept["session"], "found": [_stored(each) for each in found]}
    SigningIn.objects.filter(pk=row.pk).update(kept=kept)
    row.refresh_from_db()
    return row


def waiting(whose: Whose, pk: int) -> SigningIn:
    """A sign-in of theirs whose profiles wait to be chosen. Raises InputError."""
    row = SigningIn.objects.select_related("app", "again").filter(pk=pk).first()
    if row is None or "found" not in row.kept:
        raise InputError(_UNKNOWN)
    _refuse(row, whose)
    return row


def choices(row: SigningIn) -> list[Choice]:
    """The profiles that the person may connect. Wanted is the channel that is connected again, else the only one.

    Of several none is: whoever looks after the Pages of nine organisations connects one of them here.
    """
    accounts = list(Account.objects.filter(organisation=row.organisation_id, kind=row.kind).order_by("pk"))
    offered = []
    alone = sum(not stored.get("obstacle") for stored in row.kept["found"]) == 1
    for number, stored in enumerate(row.kept["found"]):
        known = next((account for account in accounts if _is(account, stored)), None)
        obstacle = Explanation.from_json(stored["obstacle"]) if stored.get("obstacle") else None
        wanted = obstacle is None and (_is(row.again, stored) if row.again else alone)
        offered.append(Choice(number, Profile(**stored["profile"]), known, wanted, obstacle))
    return offered


def connect_chosen(
    row: SigningIn, numbers: Collection[int], user: User
) -> tuple[list[Account], list[tuple[str, OpslagError]]]:
    """Connect the chosen profiles, each by itself: those that are channels now, and those refused with the reason.

    The sign-in is used up once nothing is left to try again.
    """
    connected, refusals = [], []
    for choice in choices(row):
        if choice.number not in numbers:
            continue
        values = row.kept["values"] | row.kept["found"][choice.number]["values"]
        again = row.again if choice.wanted else None
        try:
            connected.append(connect_account(row.organisation, row.kind, values, user, app=row.app, again=again))
        except OpslagError as error:
            refusals.append((choice.profile.name, error))
    if connected and not refusals:
        row.delete()
    return connected, refusals


def forget_old(now: datetime) -> int:
    """Remove the sign-ins that are of no use any more; gives how many."""
    return SigningIn.objects.filter(created_at__lt=now - _KEPT).delete()[0]


def challenge_of(verifier: str) -> str:
    """The S256 code challenge (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _own(whose: Whose, kind: str, state: str) -> SigningIn:
    """The sign-in that `state` belongs to. Looked for by its hash, so that the time it takes tells nothing."""
    row = SigningIn.objects.select_related("app").filter(state_key=_sha256(state), kind=kind).first()
    if row is None:
        raise InputError(_UNKNOWN)
    _refuse(row, whose)
    return row


def _refuse(row: SigningIn, whose: Whose) -> None:
    """Raise InputError for a sign-in that is not theirs or too old; it stays as it is, for who began it."""
    same_session = secrets.compare_digest(row.kept.get("session", ""), _sha256(whose.session))
    if not same_session or row.user_id != whose.user.pk or row.organisation_id != whose.organisation.pk:
        raise InputError(_OTHERS)
    if timezone.now() > (row.redeemed_at or row.created_at) + LASTS:
        raise InputError(_TOO_LATE)


def _refuse_without_code(kind: str, given: Mapping[str, str]) -> None:
    platform = str(PLATFORMS[app_kind(kind)].called)
    error = given.get("error", "")
    if error in _NOES or given.get("error_reason", "") in _NOES:
        raise InputError(_SAID_NO, platform=platform)
    if error:
        said = " ".join((given.get("error_description") or error).split())[:SAID_LENGTH]
        raise InputError(_SAID, platform=platform, message=said)
    if not given.get("code"):
        raise InputError(_NO_CODE, platform=platform)


def _redeem(row: SigningIn, code: str) -> tuple[Found, ...]:
    if row.app is None:
        raise InputError(_UNKNOWN)
    kept = row.kept
    return sign_in_of(row.kind).redeem(
        config_of_app(row.app),
        kept["values"],
        code=code,
        verifier=kept["verifier"],
        redirect_uri=kept["redirect_uri"],
    )


def _stored(found: Found) -> dict[str, Any]:
    """A profile for the row: who it is, without what its server told, which is asked again when it is connected."""
    profile = found.profile
    shown = ("remote_id", "name", "handle", "url", "avatar_url")
    told = {"profile": {name: getattr(profile, name) for name in shown}, "values": dict(found.values)}
    return told | ({"obstacle": found.obstacle.as_json()} if found.obstacle else {})


def _is(account: Account, stored: Mapping[str, Any]) -> bool:
    """Whether a found profile is the account's: where there are many servers, an id is unique on each only."""
    profile, values = stored["profile"], stored["values"]
    asks = sign_in_of(account.kind).asks
    same_place = account.url == profile["url"] or all(account.config.get(name) == values.get(name) for name in asks)
    return bool(account.remote_id == profile["remote_id"][:200] and same_place)


def _label(kind: str, name: str) -> str:
    found = next((each for each in fields(PLATFORMS[kind].config_class) if each.name == name), None)
    return str(found.metadata.get("label", name)) if found else name


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
