"""Signing in at a Mastodon server (docs.joinmastodon.org: apps, OAuth): our app is registered there on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError, PermanentError
from publisher.platforms.contract import Found, SignIn
from publisher.platforms.mastodon_profile import profile_of
from publisher.platforms.mastodon_server import origin_of
from publisher.platforms.replies import checked, object_of, platform_message
from publisher.vocabulary import Reason

CLIENT_NAME = "Opslag"
# Reading who we are has its own narrow scope since 4.3; servers before that know a broader one only.
_SCOPES = ("read:statuses", "write:statuses", "write:media")
_WHO, _WHO_BEFORE = "profile", "read:accounts"
_JSON = {"Accept": "application/json"}


@dataclass(frozen=True)
class MastodonApp:
    """Our app on one server; `proves`: the server checks a code verifier (PKCE, since 4.3)."""

    client_id: str = field(metadata={"label": _("Client key")})
    client_secret: str = field(repr=False, metadata={"label": _("Client secret"), "secret": True})
    scopes: str = " ".join((_WHO_BEFORE, *_SCOPES))
    proves: bool = False


class MastodonSignIn(SignIn):
    """One app per server, one profile per sign-in; what is given lasts until somebody takes it back."""

    app_class = MastodonApp
    asks = ("server",)
    registers = True

    def host(self, values: Mapping[str, Any]) -> str:
        """The server's own name. Raises PermanentError for what is no address."""
        return origin_of(str(values["server"])).partition("://")[2].lower()

    def register(self, values: Mapping[str, Any], redirect_uri: str) -> MastodonApp:
        """`POST /api/v1/apps`, with the scopes that the server's version knows."""
        origin = origin_of(str(values["server"]))
        known = _authorization_server(origin)
        who = _WHO if _WHO in _words(known, "scopes_supported") else _WHO_BEFORE
        scopes = " ".join((who, *_SCOPES))
        asked = {
            "client_name": CLIENT_NAME,
            "redirect_uris": redirect_uri,
            "scopes": scopes,
            "website": settings.OPSLAG_BASE_URL,
        }
        app = object_of(http.send("POST", f"{origin}/api/v1/apps", data=asked, headers=_JSON))
        if not app.get("client_id") or not app.get("client_secret"):
            raise PermanentError(
                gettext_noop("The server let us register no app. Paste an access token instead."),
                reason=Reason.REJECTED,
            )
        proves = "S256" in _words(known, "code_challenge_methods_supported")
        return MastodonApp(str(app["client_id"]), str(app["client_secret"]), scopes, proves)

    def address(
        self, app: MastodonApp, values: Mapping[str, Any], *, redirect_uri: str, state: str, challenge: str
    ) -> str:
        """The server's own page that asks the person."""
        asked = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "scope": app.scopes,
            "state": state,
        }
        if app.proves:
            asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{origin_of(str(values['server']))}/oauth/authorize?{urlencode(asked)}"

    def redeem(
        self, app: MastodonApp, values: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str
    ) -> tuple[Found, ...]:
        """`POST /oauth/token`, then who the token belongs to."""
        server = str(values["server"])
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": redirect_uri,
        }
        if app.proves:
            given["code_verifier"] = verifier
        reply = http.send("POST", f"{origin_of(server)}/oauth/token", data=given, headers=_JSON)
        if reply.status in {400, 401}:
            raise AccountError(
                gettext_noop("The server did not accept the sign-in: “%(message)s”. Begin again."),
                reason=Reason.ACCOUNT,
                message=platform_message(reply),
            )
        token = str(object_of(reply).get("access_token") or "")
        if not token:
            raise AccountError(gettext_noop("The server gave no access. Begin again."), reason=Reason.ACCOUNT)
        return (Found(profile_of(server, token), {"server": origin_of(server), "access_token": token}),)

    def revoke(self, app: MastodonApp, config: Any) -> bool:
        """`POST /oauth/revoke`; a token of another app is not ours to take back, which the server then says."""
        given = {"client_id": app.client_id, "client_secret": app.client_secret, "token": config.access_token}
        checked(http.send("POST", f"{origin_of(config.server)}/oauth/revoke", data=given, headers=_JSON))
        return True


def _authorization_server(origin: str) -> dict[str, Any]:
    """What the server tells about its sign-in (RFC 8414); nothing before Mastodon 4.3."""
    try:
        return object_of(http.fetch(f"{origin}/.well-known/oauth-authorization-server", headers=_JSON))
    except (PermanentError, AccountError):
        return {}


def _words(known: Mapping[str, Any], name: str) -> list[str]:
    words = known.get(name)
    return [str(word) for word in words] if isinstance(words, list) else []
