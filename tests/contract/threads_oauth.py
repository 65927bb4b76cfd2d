"""How a client gets and keeps a Threads token on the contract server: question, code, an hour, sixty days, renewal."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode

from tests.contract.faults import Clock
from tests.contract.meta_server import LONG, GraphError, Token
from tests.contract.wire import Request, Response, answer, page

SCOPES = frozenset(
    {"threads_basic", "threads_content_publish", "threads_manage_replies", "threads_manage_insights", "threads_delete"}
)
USER = "2001"
ASKED = {"client_id", "redirect_uri", "scope", "response_type", "state"}


@dataclass
class _Code:
    redirect_uri: str
    scopes: frozenset[str]
    until: datetime


class ThreadsOAuth:
    """The codes that wait for their exchange; `issue` makes a token valid, `token` finds one that is good."""

    def __init__(self, clock: Clock, issue: Callable[[Token, str], str], token: Callable[[str], Token]) -> None:
        self.app_id, self.app_secret = "9002", secrets.token_hex(16)
        self._clock, self._issue, self._token = clock, issue, token
        self._codes: dict[str, _Code] = {}

    def long_token(self, scopes: frozenset[str] = SCOPES, age: timedelta = timedelta(days=2)) -> str:
        """A token given `age` ago for 60 days."""
        issued = self._clock.now() - age
        return self._issue(Token("profile", USER, scopes, issued, issued + LONG), "THAA")

    def ask(self, request: Request) -> Response:
        """`GET /oauth/authorize`: the page with the question."""
        asked = {name: values[-1] for name, values in request.query.items()}
        scopes = self._checked(asked)
        hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items())
        wanted = "".join(f"<li>{escape(scope)}</li>" for scope in sorted(scopes))
        return page(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Threads</title><main><h1>Continue as '
            f'kulturfaellesskabet?</h1><ul>{wanted}</ul><form method="post">{hidden}<button>Allow</button> '
            '<button name="denied" value="yes">Cancel</button></form></main></html>'
        )

    def agree(self, request: Request) -> Response:
        """`POST /oauth/authorize`: the person said yes or no. Threads puts "#_" after the code."""
        form = {name: values[-1] for name, values in request.form().items()}
        asked = {name: value for name, value in form.items() if name != "denied"}
        scopes = self._checked(asked)
        if "denied" in form:
            back = {"error": "access_denied", "error_reason": "user_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(60)
            self._codes[code] = _Code(asked["redirect_uri"], scopes, self._clock.now() + timedelta(hours=1))
            back = {"code": code, "state": asked["state"]}
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return Response(302, b"", {"Location": f"{asked['redirect_uri']}{joint}{urlencode(back)}#_"})

    def exchange(self, request: Request) -> Response:
        """`POST /oauth/access_token`: a code for an hour's access, once."""
        if request.media_type != "application/x-www-form-urlencoded":
            raise GraphError(100, "Contract: this call takes a form")
        given = {name: values[-1] for name, values in request.form().items()}
        if set(given) != {"client_id", "client_secret", "grant_type", "redirect_uri", "code"}:
            raise GraphError(100, "Contract: client_id, client_secret, grant_type, redirect_uri and code")
        if (given["client_id"], given["client_secret"]) != (self.app_id, self.app_secret):
            raise GraphError(101, "Error validating client secret.")
        code = self._codes.pop(given["code"], None)
        if code is None or code.redirect_uri != given["redirect_uri"] or code.until < self._clock.now():
            raise GraphError(100, "Invalid authorization code")
        until = self._clock.now() + timedelta(hours=1)
        token = Token("profile", USER, code.scopes, self._clock.now(), until, short=True)
        return answer({"access_token": self._issue(token, "THAA"), "user_id": int(USER)})

    def lengthen(self, request: Request) -> Response:
        """`GET /access_token`: an hour's access for sixty days of it."""
        given = self._given(request, {"grant_type", "client_secret", "access_token"}, "th_exchange_token")
        token = self._token(given["access_token"])
        if given["client_secret"] != self.app_secret or not token.short:
            raise GraphError(100, "Invalid client secret, or not a short-lived token")
        return self._fresh(token)

    def refresh(self, request: Request) -> Response:
        """`GET /refresh_access_token`: sixty days more, for a token that is a day old and alive."""
        given = self._given(request, {"grant_type", "access_token"}, "th_refresh_token")
        token = self._token(given["access_token"])
        if token.short or self._clock.now() - token.issued < timedelta(hours=24):
            raise GraphError(100, "Contract: the token is younger than 24 hours, or short-lived")
        return self._fresh(token)

    def _fresh(self, token: Token) -> Response:
        fresh = self.long_token(token.scopes, timedelta(0))
        return answer({"access_token": fresh, "token_type": "bearer", "expires_in": int(LONG.total_seconds())})

    def _given(self, request: Request, names: set[str], grant: str) -> dict[str, str]:
        given = {name: values[-1] for name, values in request.query.items()}
        if set(given) != names or given["grant_type"] != grant:
            raise GraphError(100, f"Contract: {', '.join(sorted(names))}, grant_type={grant}")
        return given

    def _checked(self, asked: dict[str, str]) -> frozenset[str]:
        scopes = frozenset(asked.get("scope", "").split(","))
        if set(asked) != ASKED or asked["client_id"] != self.app_id or asked["response_type"] != "code":
            raise GraphError(100, "Invalid parameters in the authorization window")
        if not asked["redirect_uri"].startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise GraphError(191, "URL blocked: the redirect URI is not in the app's settings")
        if not scopes <= SCOPES or "threads_basic" not in scopes or len(asked["state"]) < 16:
            raise GraphError(100, "Invalid scope, or Contract: state is missing")
        return scopes
