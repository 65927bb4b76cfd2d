"""How a client gets a token from the Mastodon contract server: app registration, authorisation with PKCE, exchange."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from tests.contract.faults import Clock
from tests.contract.mastodon_entities import SCOPES, App, Code
from tests.contract.mastodon_pages import code_page, consent
from tests.contract.mastodon_state import only
from tests.contract.wire import RefusedError, Request, Response, answer, page

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
# Plain http is for this machine only.
REDIRECTS = ("https://", "http://127.0.0.1", "http://localhost")
ASKED = {
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "lang",
    "force_login",
}  # fmt: skip
EXCHANGED = {"grant_type", "code", "client_id", "client_secret", "redirect_uri", "code_verifier"}


class OAuth:
    """The apps and the codes that wait for their exchange; `issue` makes a token of (scopes, app name)."""

    def __init__(
        self, clock: Clock, issue: Callable[[frozenset[str], str], str], revoke: Callable[[str], None]
    ) -> None:
        self.apps: dict[str, App] = {}
        self._codes: dict[str, Code] = {}
        self._clock, self._issue, self._revoke = clock, issue, revoke

    def metadata(self, request: Request) -> Response:
        """`GET /.well-known/oauth-authorization-server` (RFC 8414)."""
        return answer(
            {
                "issuer": f"{request.origin}/",
                "authorization_endpoint": f"{request.origin}/oauth/authorize",
                "token_endpoint": f"{request.origin}/oauth/token",
                "revocation_endpoint": f"{request.origin}/oauth/revoke",
                "app_registration_endpoint": f"{request.origin}/api/v1/apps",
                "scopes_supported": sorted(SCOPES),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def register(self, request: Request) -> Response:
        """`POST /api/v1/apps`."""
        given = request.json() if request.media_type == "application/json" else _flat(request)
        only(given, {"client_name", "redirect_uris", "scopes", "website"})
        uris = given.get("redirect_uris")
        uris = uris.split() if isinstance(uris, str) else uris
        scopes = frozenset(str(given.get("scopes") or "read").split())
        if not given.get("client_name"):
            raise RefusedError(422, "Validation failed: Application name can't be blank")
        if not uris or not all(str(uri).startswith((*REDIRECTS, OUT_OF_BAND)) for uri in uris):
            raise RefusedError(422, "Validation failed: Redirect URI must be an absolute URI")
        if not scopes <= SCOPES:
            raise RefusedError(422, "Validation failed: Scopes doesn't match configured on the server")
        app = App(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), str(given["client_name"]), list(uris), scopes,
            str(given.get("website") or ""),
        )  # fmt: skip
        self.apps[app.client_id] = app
        return answer(
            {
                "id": str(len(self.apps)), "name": app.name, "website": app.website or None,
                "scopes": sorted(app.scopes),
                "redirect_uri": "\n".join(app.redirect_uris), "redirect_uris": app.redirect_uris,
                "client_id": app.client_id, "client_secret": app.client_secret, "client_secret_expires_at": 0,
            }
        )  # fmt: skip

    def ask(self, request: Request) -> Response:
        """`GET /oauth/authorize`: the page with the question."""
        asked = {name: values[-1] for name, values in request.query.items()}
        app, scopes = self._checked(asked)
        return page(consent(app.name, scopes, asked))

    def authorize(self, request: Request) -> Response:
        """`POST /oauth/authorize`: the person said yes."""
        asked = _flat(request)
        app, scopes = self._checked(asked)
        code = secrets.token_urlsafe(24)
        expires = self._clock.now() + timedelta(minutes=10)
        self._codes[code] = Code(app, asked["redirect_uri"], scopes, asked["code_challenge"], expires)
        if asked["redirect_uri"] == OUT_OF_BAND:
            return page(code_page(code))
        back = {"code": code} | ({"state": asked["state"]} if "state" in asked else {})
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return Response(302, b"", {"Location": f"{asked['redirect_uri']}{joint}{urlencode(back)}"})

    def token(self, request: Request) -> Response:
        """`POST /oauth/token`: a code works once, for ten minutes, with the verifier of its challenge (RFC 7636)."""
        given = _flat(request)
        only(given, EXCHANGED)
        app = self._client(given)
        if app is None:
            return answer({"error": "invalid_client", "error_description": "Client authentication failed."}, 401)
        if given.get("grant_type") != "authorization_code":
            return answer({"error": "unsupported_grant_type", "error_description": "Not supported."}, 400)
        code = self._codes.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            code is None
            or code.app is not app
            or code.redirect_uri != given.get("redirect_uri")
            or code.challenge != challenge
            or code.expires < self._clock.now()
        ):
            return answer({"error": "invalid_grant", "error_description": "The authorization grant is invalid."}, 400)
        return answer(
            {
                "access_token": self._issue(code.scopes, app.name),
                "token_type": "Bearer",
                "scope": " ".join(sorted(code.scopes)),
                "created_at": int(self._clock.now().timestamp()),
            }
        )

    def revoke(self, request: Request) -> Response:
        """`POST /oauth/revoke`."""
        given = _flat(request)
        if self._client(given) is None:
            return answer({"error": "unauthorized_client", "error_description": "Not yours."}, 403)
        self._revoke(given.get("token", ""))
        return answer({})

    def _client(self, given: dict[str, str]) -> App | None:
        app = self.apps.get(given.get("client_id", ""))
        return app if app and secrets.compare_digest(app.client_secret, given.get("client_secret", "")) else None

    def _checked(self, asked: dict[str, str]) -> tuple[App, frozenset[str]]:
        only(asked, ASKED)
        app = self.apps.get(asked.get("client_id", ""))
        scopes = frozenset(asked.get("scope", "read").split())
        if app is None or asked.get("redirect_uri") not in app.redirect_uris:
            raise RefusedError(401, "Client authentication failed, or the redirect URI is not one that it registered")
        if asked.get("response_type") != "code":
            raise RefusedError(400, "unsupported_response_type")
        if not scopes <= app.scopes:
            raise RefusedError(400, "invalid_scope: the requested scope is invalid, unknown, or malformed")
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            raise RefusedError(400, "invalid_request: Contract: PKCE with S256 is required")
        return app, scopes


def _flat(request: Request) -> dict[str, str]:
    if request.media_type != "application/x-www-form-urlencoded":
        raise RefusedError(415, "Contract: this call takes a form")
    return {name: values[-1] for name, values in request.form().items()}
