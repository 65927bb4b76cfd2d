"""Signing in at LinkedIn (OAuth 2 without PKCE): one channel per page that the person may publish for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError
from publisher.platforms import replies
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Found, Profile, SignIn
from publisher.platforms.linkedin_calls import KIND, SITE, call, elements_of, object_of, quoted
from publisher.vocabulary import Reason

SCOPES = ("w_organization_social", "r_organization_social", "rw_organization_admin")
# Who may publish for a page (Organization Access Control).
ROLES = ("ADMINISTRATOR", "CONTENT_ADMIN")
ORGANISATION = "urn:li:organization:"


@dataclass(frozen=True)
class LinkedInApp:
    """Our app at LinkedIn; it needs the product “Community Management API”, which LinkedIn grants on application."""

    client_id: str = field(metadata={"label": _("Client ID")})
    client_secret: str = field(repr=False, metadata={"label": _("Client secret"), "secret": True})


class LinkedInSignIn(SignIn):
    """What is given lasts 60 days; only partners of LinkedIn's get a refresh token with it."""

    app_class = LinkedInApp

    def address(
        self, app: LinkedInApp, values: Mapping[str, Any], *, redirect_uri: str, state: str, challenge: str
    ) -> str:
        """LinkedIn's own page that asks the person; it has no PKCE, so `challenge` stays here."""
        asked = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "scope": " ".join(SCOPES),
        }
        return f"{origin(KIND, SITE)}/oauth/v2/authorization?{urlencode(asked)}"

    def redeem(
        self, app: LinkedInApp, values: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str
    ) -> tuple[Found, ...]:
        """The tokens, then the pages whose administrator or content administrator the person is."""
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        tokens = tokens_for(app, given)
        pages = administered(tokens["access_token"])
        if not pages:
            raise AccountError(
                gettext_noop(
                    "You are neither super admin nor content admin of any LinkedIn page. Ask an admin of the page to "
                    "give you that role, and sign in again."
                ),
                reason=Reason.ACCOUNT,
            )
        return tuple(
            Found(profile_of(tokens["access_token"], page), {"organisation": page, **tokens}) for page in pages
        )


def tokens_for(app: LinkedInApp, given: Mapping[str, str]) -> dict[str, str]:
    """The config fields that change, for a code or a refresh token. Raises AccountError where it is not taken."""
    sent = {**given, "client_id": app.client_id, "client_secret": app.client_secret}
    reply = http.send("POST", f"{origin(KIND, SITE)}/oauth/v2/accessToken", data=sent)
    if reply.status in {400, 401}:
        raise AccountError(
            gettext_noop("LinkedIn did not accept the sign-in: “%(message)s”. Sign in again."),
            reason=Reason.ACCOUNT,
            message=replies.platform_message(reply),
        )
    found, now = replies.object_of(reply), datetime.now(UTC)
    if not isinstance(found.get("access_token"), str) or not found["access_token"]:
        raise replies.server_fault(reply, committing=False)
    tokens = {"access_token": found["access_token"], "expires_at": _until(now, found.get("expires_in"))}
    if isinstance(found.get("refresh_token"), str):
        until = _until(now, found.get("refresh_token_expires_in"))
        tokens |= {"refresh_token": found["refresh_token"], "refresh_expires_at": until}
    return tokens


def administered(token: str) -> list[str]:
    """The pages (URNs) that whom the token belongs to may publish for. Raises as `linkedin_calls.checked`."""
    pages: list[str] = []
    for role in ROLES:
        rows = elements_of(call(token, "GET", f"/organizationAcls?q=roleAssignee&role={role}&state=APPROVED"))
        pages += [str(row.get("organization")) for row in rows]
    return list(dict.fromkeys(page for page in pages if page.startswith(ORGANISATION)))


def profile_of(token: str, page: str) -> Profile:
    """The page's name and address. Raises as `linkedin_calls.checked`."""
    number = page.removeprefix(ORGANISATION)
    organisation = object_of(call(token, "GET", f"/organizations/{quoted(number)}"))
    name = str(organisation.get("localizedName") or organisation.get("vanityName") or page)
    vanity = str(organisation.get("vanityName") or number)
    url = f"{origin(KIND, SITE)}/company/{quoted(vanity)}"
    return Profile(remote_id=page, name=name, handle=f"@{vanity}", url=url, facts={"vanity_name": vanity})


def _until(now: datetime, seconds: object) -> str:
    known = isinstance(seconds, int) and not isinstance(seconds, bool)
    return (now + timedelta(seconds=int(str(seconds)))).isoformat() if known else ""
