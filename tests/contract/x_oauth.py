"""Signing in at the X contract server: PKCE, codes for 30 seconds, refresh tokens for one use."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.contract.consent import consent_page, is_address, sent_back
from tests.contract.faults import Clock
from tests.contract.wire import RefusedError, Request, Response, answer

SCOPES = {"tweet.read", "tweet.write", "users.read", "media.write", "offline.access"}
_ASKED = {
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
}  # fmt: skip
_CODE_FOR, _ACCESS_FOR = timedelta(seconds=30), timedelta(seconds=7200)


@dataclass
class Family:
    """All tokens that one sign-in led to; used wrongly once, none of them is good any more."""

    scopes: frozenset[str]
    revoked: bool = False


@dataclass
class Token:
    """An access token or a refresh token; `used` is for the latter."""

    family: Family
    until: datetime
    used: bool = False


@dataclass
class Code:
    """What was agreed to."""

    redirect_uri: str
    challenge: str
    scopes: frozenset[str]
    until: datetime


class XOAuth:
    """One app, whose id and secret are `client_id` and `client_secret`."""

    def __init__(self, clock: Clock) -> None:
        self.client_id, self.client_secret = "contract-app", "contract-secret"
        self.access: dict[str, Token] = {}
        self.refresh: dict[str, Token] = {}
        self._codes: dict[str, Code] = {}
        self._clock = clock

    def issue(self, scopes: frozenset[str] = frozenset(SCOPES), family: Family | None = None) -> tuple[str, str]:
        """A new pair of access and refresh token."""
        family = family or Family(scopes)
        access, refresh, now = secrets.token_urlsafe(24), secrets.token_urlsafe(24), self._clock.now()
        self.access[access] = Token(family, now + _ACCESS_FOR)
        self.refresh[refresh] = Token(family, now + timedelta(days=180))
        return access, refresh

    def allowed(self, request: Request, *scopes: str) -> None:
        """Refuse a call without a good token, or with one that lacks a scope."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        token = self.access.get(bearer)
        if token is None or token.family.revoked or token.until <= self._clock.now():
            raise RefusedError(401, "Unauthorized")
        if not set(scopes) <= token.family.scopes:
            raise RefusedError(403, "You are not permitted to perform this action.")

    def ask(self, request: Request) -> Response:
        """`GET /i/oauth2/authorize`: the page with the question."""
        asked = self._checked({name: values[-1] for name, values in request.query.items()})
        return consent_page("X", "/i/oauth2/authorize", asked["scope"].split(), asked)

    def agree(self, request: Request) -> Response:
        """The person clicked."""
        given = {name: values[-1] for name, values in request.form().items()}
        denied = given.pop("denied", "")
        asked = self._checked(given)
        back = {"state": asked["state"]}
        if denied:
            return sent_back(asked["redirect_uri"], back | {"error": "access_denied"})
        code = secrets.token_urlsafe(24)
        scopes = frozenset(asked["scope"].split())
        until = self._clock.now() + _CODE_FOR
        self._codes[code] = Code(asked["redirect_uri"], asked["code_challenge"], scopes, until)
        return sent_back(asked["redirect_uri"], back | {"code": code})

    def token(self, request: Request) -> Response:
        """`POST /2/oauth2/token` for a code or a refresh token."""
        if request.media_type != "application/x-www-form-urlencoded":
            raise RefusedError(415, "Contract: this call takes a form")
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return _refused("unauthorized_client", "Missing valid authorization header", 401)
        given = {name: values[-1] for name, values in request.form().items()}
        if given.get("grant_type") == "authorization_code":
            return self._for_code(given)
        if given.get("grant_type") == "refresh_token":
            return self._for_refresh(given)
        return _refused("unsupported_grant_type", "Not supported.")

    def _for_code(self, given: dict[str, str]) -> Response:
        if set(given) != {"grant_type", "code", "redirect_uri", "code_verifier"}:
            return _refused("invalid_request", "Contract: grant_type, code, redirect_uri and code_verifier")
        code = self._codes.pop(given["code"], None)
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if code is None or code.until < self._clock.now() or code.redirect_uri != given["redirect_uri"]:
            return _refused("invalid_request", "Value passed for the authorization code was invalid.")
        if code.challenge != challenge:
            return _refused("invalid_request", "Value passed for the code verifier did not match the code challenge.")
        return self._pair(*self.issue(code.scopes), code.scopes)

    def _for_refresh(self, given: dict[str, str]) -> Response:
        token = self.refresh.get(given.get("refresh_token", ""))
        if token is not None and token.used:
            # Somebody has a copy: X ends all that came of this sign-in.
            token.family.revoked = True
        if token is None or token.family.revoked or token.until <= self._clock.now():
            return _refused("invalid_request", "Value passed for the token was invalid.")
        token.used = True
        return self._pair(*self.issue(family=token.family), token.family.scopes)

    def _pair(self, access: str, refresh: str, scopes: frozenset[str]) -> Response:
        pair = {"token_type": "bearer", "expires_in": 7200, "access_token": access, "scope": " ".join(sorted(scopes))}
        return answer(pair | ({"refresh_token": refresh} if "offline.access" in scopes else {}))

    def _checked(self, asked: dict[str, str]) -> dict[str, str]:
        if set(asked) != _ASKED or asked["client_id"] != self.client_id or asked["response_type"] != "code":
            raise RefusedError(400, "Contract: something is missing, unknown or wrong in the question")
        if not set(asked["scope"].split()) <= SCOPES or not is_address(asked["redirect_uri"]):
            raise RefusedError(400, "Contract: unknown scope or redirect_uri")
        if asked["code_challenge_method"] != "S256" or len(asked["code_challenge"]) != 43:
            raise RefusedError(400, "Contract: PKCE with S256 is required")
        return asked


def _refused(error: str, said: str, status: int = 400) -> Response:
    return answer({"error": error, "error_description": said}, status)
