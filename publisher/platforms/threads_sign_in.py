"""Signing in at Threads to connect a profile: its own OAuth, and access of 60 days that can be renewed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Found, Profile, SignIn
from publisher.platforms.meta_containers import renewed_token
from publisher.platforms.meta_replies import graph_error, named_object_of, object_of
from publisher.platforms.replies import identity_of, public_url
from publisher.vocabulary import Reason

GRAPH = "https://graph.threads.net"
WWW = "https://threads.net"
SCOPES = (
    "threads_basic",
    "threads_content_publish",
    "threads_manage_replies",
    "threads_manage_insights",
    "threads_delete",
)
_WHO = "id,username,name,threads_profile_picture_url"


@dataclass(frozen=True)
class ThreadsApp:
    """Our app's Threads use case at developers.facebook.com: it has an ID and a secret of its own."""

    client_id: str = field(metadata={"label": _("Threads app ID")})
    client_secret: str = field(repr=False, metadata={"label": _("Threads app secret"), "secret": True})


class ThreadsSignIn(SignIn):
    """One profile per sign-in."""

    app_class = ThreadsApp
    https_only = True

    def address(
        self, app: ThreadsApp, values: Mapping[str, Any], *, redirect_uri: str, state: str, challenge: str
    ) -> str:
        """Threads' own page that asks the person."""
        asked = {
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "scope": ",".join(SCOPES),
            "response_type": "code",
            "state": state,
        }
        return f"{origin('threads', WWW)}/oauth/authorize?{urlencode(asked)}"

    def redeem(
        self, app: ThreadsApp, values: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str
    ) -> tuple[Found, ...]:
        """The code becomes access for an hour, and that access for 60 days."""
        given = {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "grant_type": "authorization_code",
            "redirect_uri": redirect_uri,
            # Threads puts "#_" after the code in the address it sends people back to.
            "code": code.removesuffix("#_"),
        }
        reply = http.send("POST", f"{origin('threads', GRAPH)}/oauth/access_token", data=given)
        error = graph_error(reply)
        if error is not None and not error.passing and reply.status < 500:
            words = gettext_noop("Threads did not accept the sign-in: “%(message)s”. Begin again.")
            raise AccountError(words, reason=Reason.ACCOUNT, message=error.said)
        short = object_of(reply)
        asked = {
            "grant_type": "th_exchange_token",
            "client_secret": app.client_secret,
            "access_token": str(short.get("access_token") or ""),
        }
        reply = http.send("GET", f"{origin('threads', GRAPH)}/access_token", params=asked)
        access = renewed_token(reply, datetime.now(UTC))
        return (Found(profile_of(access["access_token"]), access),)


def profile_of(token: str, facts: Mapping[str, Any] | None = None) -> Profile:
    """`GET /me`: whose the access is. Raises as `object_of`."""
    me = named_object_of(http.send("GET", f"{base()}/me", params={"fields": _WHO, "access_token": token}))
    username = str(me.get("username") or "")
    return Profile(
        remote_id=identity_of(me),
        name=str(me.get("name") or username),
        handle=f"@{username}",
        url=f"https://www.threads.net/@{username}",
        avatar_url=public_url(me.get("threads_profile_picture_url")),
        facts={"user_id": identity_of(me)} | dict(facts or {}),
    )


def base() -> str:
    """Where calls begin; Threads has one version."""
    return f"{origin('threads', GRAPH)}/v1.0"
