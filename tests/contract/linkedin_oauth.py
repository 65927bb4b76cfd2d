"""Signing in at the LinkedIn contract server: no PKCE, codes for 30 minutes, tokens for 60 days."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.contract.consent import consent_page, is_address, sent_back
from tests.contract.faults import Clock
from tests.contract.wire import RefusedError, Request, Response, answer

SCOPES = {"w_organization_social", "r_organization_social", "rw_organization_admin"}
_ACCESS_S, _REFRESH_S = 5_184_000, 31_536_000


@dataclass
class Token:
    """An access token or a refresh token."""

    scopes: frozenset[str]
    until: datetime
    revoked: bool = False


@dataclass
class Code:
    """What was agreed to."""

    redirect_uri: str
    scopes: frozenset[str]
    until: datetime


class LinkedInOAuth:
    """One app, whose id and secret are `client_id` and `client_secret`; as a `partner` it gets refresh tokens."""

    def __init__(self, clock: Clock) -> None:
        self.client_id, self.client_secret = "contract-app", "contract-secret"
        self.partner = False
        self.access: dict[str, Token] = {}
        self.refresh: dict[str, Token] = {}
        self._codes: dict[str, Code] = {}
        self._clock = clock

    def issue(self, scopes: frozenset[str] = frozenset(SCOPES)) -> str:
        """A new access token."""
        token = secrets.token_urlsafe(24)
        self.access[token] = Token(scopes, self._clock.now() + timedelta(seconds=_ACCESS_S))
        return token

    def allowed(self, request: Request, scope: str) -> None:
        """Refuse a call without a good token, or with one that lacks the scope."""
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer ") or given == "Bearer ":
            raise RefusedError(401, "Empty oauth2 access token")
        token = self.access.get(given.removeprefix("Bearer "))
        if token is None:
            raise RefusedError(401, "Invalid access token")
        if token.revoked:
            raise RefusedError(401, "The token has been revoked")
        if token.until <= self._clock.now():
            raise RefusedError(401, "Expired access token")
        if scope not in token.scopes:
            raise RefusedError(403, f"Not enough permissions to access: {scope}")

    def ask(self, request: Request) -> Response:
        """`GET /oauth/v2/authorization`: the page with the question."""
        asked = self._checked({name: values[-1] for name, values in request.query.items()})
        return consent_page("LinkedIn", "/oauth/v2/authorization", asked["scope"].split(), asked)

    def agree(self, request: Request) -> Response:
        """The person clicked."""
        given = {name: values[-1] for name, values in request.form().items()}
        denied = given.pop("denied", "")
        asked = self._checked(given)
        back = {"state": asked["state"]}
        if denied:
            return sent_back(asked["redirect_uri"], back | {"error": "user_cancelled_authorize"})
        code = secrets.token_urlsafe(24)
        until = self._clock.now() + timedelta(minutes=30)
        self._codes[code] = Code(asked["redirect_uri"], frozenset(asked["scope"].split()), until)
        return sent_back(asked["redirect_uri"], back | {"code": code})

    def token(self, request: Request) -> Response:
        """`POST /oauth/v2/accessToken` for a code or a refresh token."""
        if request.media_type != "application/x-www-form-urlencoded":
            raise RefusedError(415, "Contract: this call takes a form")
        given = {name: values[-1] for name, values in request.form().items()}
        if (given.pop("client_id", ""), given.pop("client_secret", "")) != (self.client_id, self.client_secret):
            return _refused("invalid_client", "Client authentication failed", 401)
        kind = given.pop("grant_type", "")
        if kind == "authorization_code" and set(given) == {"code", "redirect_uri"}:
            code = self._codes.pop(given["code"], None)
            if code is None or code.until < self._clock.now() or code.redirect_uri != given["redirect_uri"]:
                return _refused("invalid_request", "Unable to retrieve access token: appid/redirect uri/code verifier")
            return self._tokens(code.scopes, "")
        if kind == "refresh_token" and set(given) == {"refresh_token"}:
            token = self.refresh.get(given["refresh_token"])
            if token is None or token.revoked or token.until <= self._clock.now():
                return _refused("invalid_request", "The provided refresh token is invalid or expired")
            return self._tokens(token.scopes, given["refresh_token"])
        return _refused("invalid_request", "Contract: something is missing or unknown")

    def _tokens(self, scopes: frozenset[str], refresh: str) -> Response:
        given = {"access_token": self.issue(scopes), "expires_in": _ACCESS_S, "scope": ",".join(sorted(scopes))}
        if not self.partner:
            return answer(given)
        if not refresh:
            refresh = secrets.token_urlsafe(24)
            self.refresh[refresh] = Token(scopes, self._clock.now() + timedelta(seconds=_REFRESH_S))
        left = self.refresh[refresh].until - self._clock.now()
        return answer(given | {"refresh_token": refresh, "refresh_token_expires_in": int(left.total_seconds())})

    def _checked(self, asked: dict[str, str]) -> dict[str, str]:
        if set(asked) != {"response_type", "client_id", "redirect_uri", "state", "scope"}:
            raise RefusedError(400, "Contract: something is missing or unknown in the question; there is no PKCE")
        if asked["client_id"] != self.client_id or asked["response_type"] != "code":
            raise RefusedError(400, "Contract: unknown client_id or response_type")
        if not set(asked["scope"].split()) <= SCOPES or not is_address(asked["redirect_uri"]):
            raise RefusedError(400, "Contract: unknown scope or redirect_uri")
        return asked


def _refused(error: str, said: str, status: int = 400) -> Response:
    return answer({"error": error, "error_description": said}, status)
