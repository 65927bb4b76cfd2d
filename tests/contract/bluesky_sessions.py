"""Sessions on the Bluesky contract server: app passwords, access tokens of two hours, refresh tokens that work once."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.contract.faults import Clock
from tests.contract.wire import RefusedError, Request

ACCESS_LASTS = timedelta(minutes=120)
REFRESH_LASTS = timedelta(days=90)
LOGINS_A_DAY = 100
DAY = timedelta(days=1)
DID = "did:plc:kulturfaellesskabet23456"
HANDLE = "kultur.example.org"
# Somebody else, who can be mentioned.
OTHERS = {"bib.example.org": "did:plc:bibliotekethuset22222222", "atproto.com": "did:plc:ewvi7nxzyoun6zhxrhs64oiz"}


@dataclass
class Token:
    """An access or refresh token that was given out."""

    scope: str
    session: str
    expires: datetime
    used: bool = False


class Sessions:
    """Who may call: one account, with one app password until that is taken back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.app_password = "-".join(secrets.token_hex(2) for _ in range(4))
        self.tokens: dict[str, Token] = {}
        self.logins: list[datetime] = []
        self.dead: set[str] = set()

    def opened(self, session: str = "") -> tuple[str, str]:
        """A new pair of tokens, access and refresh."""
        session = session or secrets.token_hex(8)
        now = self._clock.now()
        access, refresh = self._token("access", now + ACCESS_LASTS), self._token("refresh", now + REFRESH_LASTS)
        self.tokens[access] = Token("access", session, now + ACCESS_LASTS)
        self.tokens[refresh] = Token("refresh", session, now + REFRESH_LASTS)
        return access, refresh

    def log_in(self, given: dict[str, Any]) -> tuple[str, str]:
        """`createSession`: a hundred a day, as seen at bsky.social."""
        if set(given) - {"identifier", "password", "authFactorToken"}:
            raise RefusedError(400, "Contract: unknown fields")
        now = self._clock.now()
        self.logins = [moment for moment in self.logins if moment > now - DAY]
        if len(self.logins) >= LOGINS_A_DAY:
            raise RefusedError(429, "Rate Limit Exceeded", self.login_headers())
        self.logins.append(now)
        right = given.get("identifier") in {DID, HANDLE} and given.get("password") == self.app_password
        if not right or not self.app_password:
            raise RefusedError(401, "AuthenticationRequired: Invalid identifier or password")
        return self.opened()

    def login_headers(self) -> dict[str, str]:
        """The limit of log-ins, its reset in Unix seconds."""
        reset = (min(self.logins) if self.logins else self._clock.now()) + DAY
        return {
            "RateLimit-Limit": str(LOGINS_A_DAY),
            "RateLimit-Remaining": str(max(0, LOGINS_A_DAY - len(self.logins))),
            "RateLimit-Reset": str(int(reset.timestamp())),
            "RateLimit-Policy": f"{LOGINS_A_DAY};w=86400",
        }

    def refresh(self, request: Request) -> tuple[str, str]:
        """`refreshSession`: the old refresh token is worthless from now on."""
        token = self.shown(request, "refresh")
        if token.used:
            raise RefusedError(400, "ExpiredToken: Token has been revoked")
        token.used = True
        return self.opened(token.session)

    def shown(self, request: Request, scope: str = "access") -> Token:
        """The token that a call shows, if it is good for `scope`."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not given:
            raise RefusedError(401, "AuthMissing: Authentication Required")
        token = self.tokens.get(given)
        if token is None:
            raise RefusedError(400, "InvalidToken: Token could not be verified")
        if token.scope != scope:
            raise RefusedError(400, "InvalidToken: Bad token scope")
        if token.session in self.dead or token.expires <= self._clock.now():
            raise RefusedError(400, "ExpiredToken: Token has expired")
        return token

    def revoke(self, given: str) -> None:
        """The account's owner deletes the app password: its sessions end, and nobody logs in with it again."""
        if given in self.tokens:
            self.dead.add(self.tokens[given].session)
            self.app_password = ""

    def expire(self) -> None:
        """All access tokens have run out."""
        for token in self.tokens.values():
            if token.scope == "access":
                token.expires = self._clock.now()

    def _token(self, scope: str, expires: datetime) -> str:
        """Three parts, as a JWT; nobody but this server need read it."""
        claims = {"scope": scope, "sub": DID, "exp": int(expires.timestamp()), "jti": secrets.token_hex(8)}
        parts = [json.dumps({"alg": "none"}).encode(), json.dumps(claims).encode(), secrets.token_bytes(16)]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
