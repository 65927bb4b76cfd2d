"""Signing in at X (OAuth 2 with PKCE). Its code is good for 30 seconds; a refresh token is good for one use."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError
from publisher.platforms import replies
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Found, Profile, SignIn
from publisher.platforms.x_calls import API, KIND, SITE, call, data_of, identified
from publisher.vocabulary import Reason

# offline.access: without it there is no refresh token and the access ends after two hours.
SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")


@dataclass(frozen=True)
class XApp:
    """Our app in X's developer console, of the type “Web App”; without a secret it is a public client."""

    client_id: str = field(metadata={"label": _("Client ID")})
    client_secret: str = field(default="", repr=False, metadata={"label": _("Client secret"), "secret": True})


class XSignIn(SignIn):
    """One profile per sign-in."""

    app_class = XApp

    def address(self, app: XApp, values: Mapping[str, Any], *, redirect_uri: str, state: str, challenge: str) -> str:
        """X's own page that asks the person."""
        asked = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{origin(KIND, SITE)}/i/oauth2/authorize?{urlencode(asked, quote_via=quote)}"

    def redeem(
        self, app: XApp, values: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str
    ) -> tuple[Found, ...]:
        """The tokens, then who they belong to."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        tokens = tokens_for(app, given)
        return (Found(profile_of(tokens["access_token"]), tokens),)


def tokens_for(app: XApp, given: Mapping[str, str]) -> dict[str, str]:
    """The config fields for a code or a refresh token, which is used up by this call.

    Raises AccountError where X does not take it: the code is too old, or the refresh token was used before.
    """
    sent, headers = dict(given), {"Accept": "application/json"}
    if app.client_secret:
        pair = base64.b64encode(f"{quote(app.client_id)}:{quote(app.client_secret)}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    else:
        sent["client_id"] = app.client_id
    reply = http.send("POST", f"{origin(KIND, API)}/2/oauth2/token", data=sent, headers=headers)
    if reply.status in {400, 401, 403}:
        raise AccountError(
            gettext_noop(
                "X did not accept the sign-in: “%(message)s”. Sign in again, and confirm at X without a pause: its "
                "answer is good for half a minute."
            ),
            reason=Reason.ACCOUNT,
            message=replies.platform_message(reply),
        )
    found = replies.object_of(reply)
    tokens = {name: str(found.get(name) or "") for name in ("access_token", "refresh_token")}
    if not tokens["access_token"]:
        raise replies.server_fault(reply, committing=False)
    lasts_s = found.get("expires_in")
    until = datetime.now(UTC) + timedelta(seconds=lasts_s if isinstance(lasts_s, int) else 7200)
    return tokens | {"expires_at": until.isoformat()}


def profile_of(token: str) -> Profile:
    """Who the token belongs to. Raises as `data_of`."""
    reply = call(token, "GET", "/2/users/me", params={"user.fields": "profile_image_url"})
    me = data_of(reply)
    user_id, username = identified(me, reply), str(me.get("username", ""))
    return Profile(
        remote_id=user_id,
        name=str(me.get("name") or username),
        handle=f"@{username}",
        url=f"{origin(KIND, SITE)}/{quote(username)}",
        avatar_url=replies.public_url(me.get("profile_image_url")),
        facts={"user_id": user_id, "username": username},
    )
